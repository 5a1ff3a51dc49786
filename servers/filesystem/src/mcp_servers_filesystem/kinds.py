"""Kinds of files by the endings of their names, for `type` in grep_files."""

from mcp_servers_shared.errors import InvalidInput

TYPES: dict[str, tuple[str, ...]] = {
    "c": (".c", ".h"),
    "cpp": (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".h"),
    "cs": (".cs",),
    "css": (".css", ".scss", ".less"),
    "go": (".go",),
    "html": (".html", ".htm"),
    "java": (".java",),
    "js": (".js", ".jsx", ".mjs", ".cjs"),
    "json": (".json", ".jsonl"),
    "kotlin": (".kt", ".kts"),
    "md": (".md", ".markdown"),
    "php": (".php",),
    "py": (".py", ".pyi"),
    "rb": (".rb",),
    "rust": (".rs",),
    "sh": (".sh", ".bash", ".zsh"),
    "sql": (".sql",),
    "swift": (".swift",),
    "toml": (".toml",),
    "ts": (".ts", ".tsx", ".mts", ".cts"),
    "txt": (".txt",),
    "xml": (".xml",),
    "yaml": (".yaml", ".yml"),
}


def endings_of(name: str) -> tuple[str, ...]:
    """The endings of a type. Raises InvalidInput for an unknown one."""
    found = TYPES.get(name.lower())
    if found is None:
        raise InvalidInput(
            f"there is no type '{name[:20]}'", code="invalid_arguments", hint=f"One of {', '.join(TYPES)}; or use glob."
        )
    return found
