"""Settings: one definition gives flags, variables, env file and help, and says no with a name."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mcp_servers_shared import __version__
from mcp_servers_shared.flags import flag_of, split_list
from mcp_servers_shared.settings import ServerSettings, environment_names, load


class ToySettings(ServerSettings):
    program: ClassVar[str] = "toy"
    prefix: ClassVar[str] = "MCP_SERVERS_TOY_"
    summary: ClassVar[str] = "A server for tests, 100 % harmless."
    flag_aliases: ClassVar[dict[str, str]] = {"--db-path": "--db", "--verbose": "--log-level"}

    roots: Annotated[list[str], NoDecode, BeforeValidator(split_list)] = Field(
        default_factory=list, description="Folders.", json_schema_extra={"positional": True, "metavar": "ROOT"}
    )
    db: Annotated[list[str], NoDecode, BeforeValidator(split_list)] = Field(
        default_factory=list, description="Databases.", json_schema_extra={"metavar": "[NAME=]PATH"}
    )
    tags: list[str] = Field(default_factory=list, description="A list that the environment gives as JSON.")
    queue: int = Field(0, ge=0, description="Waiting calls, at most 100 % of memory.")
    ratio: float = Field(0.5, gt=0, description="A ratio.")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("MCP_SERVERS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def env_file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "toy.env"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    return write


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What a refused command line prints on stderr."""
    with pytest.raises(SystemExit) as caught:
        load(ToySettings, argv)
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert out == ""
    assert "Traceback" not in err
    return err


def test_precedence(monkeypatch: pytest.MonkeyPatch, env_file: Callable[[str], str]) -> None:
    """Flag, own variable, shared variable, own line in the file, shared line, default: the strongest wins."""
    assert load(ToySettings, []).port == 8000
    file = ["--env-file", env_file("MCP_SERVERS_PORT=1\n")]
    assert load(ToySettings, file).port == 1
    file = ["--env-file", env_file("MCP_SERVERS_TOY_PORT=2\nMCP_SERVERS_PORT=1\n")]
    assert load(ToySettings, file).port == 2
    monkeypatch.setenv("MCP_SERVERS_PORT", "3")
    assert load(ToySettings, file).port == 3
    monkeypatch.setenv("MCP_SERVERS_TOY_PORT", "4")
    assert load(ToySettings, file).port == 4
    assert load(ToySettings, [*file, "--port", "5"]).port == 5
    assert load(ToySettings, [*file, "--port=6"]).port == 6


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_SERVERS_TOY_PORT", "")
    monkeypatch.setenv("MCP_SERVERS_PORT", "9")
    assert load(ToySettings, []).port == 9


def test_a_flag_can_take_back_what_a_variable_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_SERVERS_ALLOW_WRITES", "true")
    assert load(ToySettings, []).allow_writes is True
    assert load(ToySettings, ["--no-allow-writes"]).allow_writes is False
    monkeypatch.setenv("MCP_SERVERS_TOY_ALLOW_WRITES", "0")
    assert load(ToySettings, []).allow_writes is False
    assert load(ToySettings, ["--allow-writes"]).allow_writes is True


def test_a_variable_of_another_server_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_SERVERS_SQLITE_ALLOW_WRITES", "true")
    monkeypatch.setenv("ALLOW_WRITES", "true")
    monkeypatch.setenv("MCP_SERVERS_TOY_NONSENSE", "true")
    assert load(ToySettings, []).allow_writes is False


def test_the_env_file_can_be_named_by_a_variable_and_does_not_stay(
    monkeypatch: pytest.MonkeyPatch, env_file: Callable[[str], str]
) -> None:
    monkeypatch.setenv("MCP_SERVERS_ENV_FILE", env_file("# a comment\nexport MCP_SERVERS_TOY_PORT='7'\nOTHER=x\n"))
    assert load(ToySettings, []).port == 7
    monkeypatch.delenv("MCP_SERVERS_ENV_FILE")
    assert load(ToySettings, []).port == 8000
    assert ToySettings().port == 8000, "what one load read must not reach the next"


def test_lists_from_repeated_flags_words_and_path_like_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    given = load(ToySettings, ["--db", "a.db", "one", "two", "--db", "shop=b.db"])
    assert given.db == ["a.db", "shop=b.db"]
    assert given.roots == ["one", "two"]
    assert load(ToySettings, []).roots == load(ToySettings, []).db == []
    monkeypatch.setenv("MCP_SERVERS_TOY_DB", os.pathsep.join(["x.db", "", "shop=y.db"]))
    monkeypatch.setenv("MCP_SERVERS_TOY_ROOTS", os.pathsep.join(["p", "q"]))
    assert load(ToySettings, []).db == ["x.db", "shop=y.db"]
    assert load(ToySettings, []).roots == ["p", "q"]
    assert load(ToySettings, ["--db", "only.db"]).db == ["only.db"], "flags replace, they do not add"


def test_flags_of_the_programs_it_replaces() -> None:
    assert load(ToySettings, ["--db-path", "a.db"]).db == ["a.db"]
    assert load(ToySettings, ["--db-path=a.db"]).db == ["a.db"]
    assert load(ToySettings, ["--verbose", "INFO"]).log_level == "INFO"


@pytest.mark.parametrize("argument", ["--version", "--help", "-h"])
def test_help_and_version_end_with_0(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(ToySettings, [argument])
    out, err = capsys.readouterr()
    assert caught.value.code == 0
    assert err == ""
    if argument == "--version":
        assert out == f"toy {__version__}\n"
    else:
        assert "A server for tests, 100 % harmless." in re.sub(r"\s+", " ", out)


def test_every_field_is_in_the_help_with_sentence_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load(ToySettings, ["--help"])
    out = re.sub(r"\s+", " ", capsys.readouterr().out)
    for name, field in ToySettings.model_fields.items():
        assert field.description, name
        assert f"[MCP_SERVERS_TOY_{name.upper()}]" in out
        assert re.sub(r"\s+", " ", field.description.split(":")[0]) in out.replace("comma- ", "comma-")
        assert ("ROOT" if name == "roots" else flag_of(name)) in out
    assert "Default: 8000." in out
    assert "Default: 0." in out
    assert "[NAME=]PATH" in out


def test_the_names_of_the_variables_strongest_first() -> None:
    assert environment_names(ToySettings, "port") == ["MCP_SERVERS_TOY_PORT", "MCP_SERVERS_PORT"]
    assert environment_names(ServerSettings, "port") == ["MCP_SERVERS_PORT"]


BAD: list[tuple[list[str], str]] = [
    (["--port", "abc"], "--port: "),
    (["--port", "65536"], "--port: "),
    (["--port=-1"], "--port: "),
    (["--transport", "carrier-pigeon"], "--transport: Input should be 'stdio', 'http' or 'sse'"),
    (["--max-result-chars", "10"], "--max-result-chars: "),
    (["--log-level", "LOUD"], "--log-level: "),
    (
        ["--rate-limit", "many"],
        "--rate-limit: 'many' is not of the form [read|write|TOOL=]N/second|minute|hour[:BURST]",
    ),
    (["--rate-limit", ""], "--rate-limit: "),
    (["--ratio", "nan"], "--ratio: "),
    (["--queue", "-1"], "--queue: "),
    (["--allow-writes=maybe"], "--allow-writes"),
    (["--no-such-flag"], "--no-such-flag"),
    (["--allow-write"], "--allow-write"),
    (["--port"], "--port"),
    (["--env-file"], "--env-file"),
]


@pytest.mark.parametrize(("argv", "named"), BAD, ids=[" ".join(argv) for argv, _ in BAD])
def test_what_does_not_fit_is_named_by_its_flag(
    argv: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    err = refused(capsys, *argv)
    assert named in err
    assert "pydantic" not in err


def test_all_problems_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, "--port", "abc", "--transport", "x", "--queue", "-5")
    assert [line.split(":")[1].strip() for line in err.splitlines()[:-1]] == ["--transport", "--port", "--queue"]
    assert err.splitlines()[-1] == "toy: see toy --help"


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("MCP_SERVERS_TOY_PORT", "abc", "--port: "),
        ("MCP_SERVERS_ALLOW_WRITES", "maybe", "--allow-writes: "),
        ("MCP_SERVERS_TOY_RATE_LIMIT", "10", "--rate-limit: "),
        ("MCP_SERVERS_TOY_TAGS", "not json", "tags"),
    ],
)
def test_a_bad_variable_is_named_too(
    variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert named in refused(capsys)


def test_a_bad_word_is_named_by_what_the_help_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    class Strict(ToySettings):
        roots: list[int] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
            default_factory=list, description="Numbers.", json_schema_extra={"positional": True, "metavar": "ROOT"}
        )

    with pytest.raises(SystemExit):
        load(Strict, ["x"])
    assert "toy: ROOT: " in capsys.readouterr().err


@pytest.mark.requirement("TOK-1")
@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o777])
def test_an_env_file_that_everyone_can_read_is_refused(
    mode: int, env_file: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = env_file("MCP_SERVERS_PORT=1\n")
    Path(path).chmod(mode)
    assert f"--env-file {path}: readable by every user of this machine; run: chmod 600 {path}" in refused(
        capsys, "--env-file", path
    )


def test_an_env_file_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.env"
    assert f"--env-file {missing}: No such file or directory" in refused(capsys, "--env-file", str(missing))
    assert f"--env-file {tmp_path}: not a regular file" in refused(capsys, "--env-file", str(tmp_path))
    binary = tmp_path / "binary.env"
    binary.write_bytes(b"MCP_SERVERS_PORT=\xff\xfe\n")
    binary.chmod(0o600)
    assert f"--env-file {binary}: not UTF-8 text" in refused(capsys, "--env-file", str(binary))
    if hasattr(os, "mkfifo"):
        pipe = tmp_path / "pipe.env"
        os.mkfifo(pipe, 0o600)
        assert f"--env-file {pipe}: not a regular file" in refused(capsys, "--env-file", str(pipe))


@pytest.mark.requirement("TOK-1")
def test_a_refused_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MCP_SERVERS_TOY_PORT", "ghp_secretsecretsecretsecretsecretsecret")
    assert "ghp_" not in refused(capsys)


@pytest.mark.parametrize("level", ["debug", "DEBUG", "Debug"])
def test_levels_in_any_case(level: str) -> None:
    assert load(ToySettings, ["--log-level", level]).log_level == "DEBUG"


def test_nothing_is_shared_between_loads() -> None:
    first = load(ToySettings, ["--db", "a"])
    first.db.append("b")
    assert load(ToySettings, []).db == []


def test_help_does_not_read_the_env_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(ToySettings, ["--env-file", "/nonexistent", "--help"])
    assert caught.value.code == 0


def test_settings_are_typed() -> None:
    values = load(ToySettings, ["--port", "1", "--ratio", "0.25"]).model_dump()
    assert (values["port"], values["ratio"], values["check"]) == (1, 0.25, False)
