"""The filesystem server's switches."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mcp_servers_shared.flags import split_list
from mcp_servers_shared.settings import ServerSettings


class FilesystemSettings(ServerSettings):
    """Which folders to serve and what a call may cost."""

    program: ClassVar[str] = "mcp-servers-filesystem"
    prefix: ClassVar[str] = "MCP_SERVERS_FILESYSTEM_"
    summary: ClassVar[str] = "MCP server for files: read-only until --allow-writes, and every write can be undone."

    roots: Annotated[list[str], NoDecode, BeforeValidator(split_list)] = Field(
        default_factory=list,
        description="Folder to serve, repeatable. ro=FOLDER stays read-only with --allow-writes.",
        json_schema_extra={"positional": True, "metavar": "ROOT"},
    )
    rate_limit: str = Field(
        "read=6000/minute,write=600/minute",
        description="Calls allowed a principal: [read|write|TOOL=]N/second|minute|hour[:BURST], comma-separated, or"
        " 'off'.",
    )
    deny: Annotated[list[str], NoDecode, BeforeValidator(split_list)] = Field(
        default_factory=list,
        description="Pattern (as in .gitignore) of files whose content nobody gets, beside the built-in ones.",
        json_schema_extra={"metavar": "PATTERN"},
    )
    allow_secrets: bool = Field(False, description="Drop the built-in deny patterns (.env, *.pem, id_rsa, ...).")
    profile: Literal["default", "compat"] = Field(
        "default", description="compat lists only the 14 tools of the official server."
    )
    seal: Literal["auto", "on", "off"] = Field(
        "auto", description="Lock the process into its folders by Landlock; on refuses to start without it."
    )
    client_roots: Literal["narrow", "ignore"] = Field(
        "narrow", description="What roots of the client do: they can only narrow the folders given here."
    )
    timeout: float = Field(10.0, gt=0, le=3600, description="Seconds a walk, search or read may take.")
    max_file_mb: int = Field(
        20,
        ge=1,
        le=2000,
        description="Largest file, in MB, that is edited, or converted from another encoding to be read.",
    )
    max_nlink: int = Field(0, ge=0, description="Refuse files with more hard links than this; 0 allows any number.")
    xdev: bool = Field(True, description="Serve other file systems that are mounted inside a root.")
    durable: bool = Field(False, description="Also sync the folder after each write, against power cuts.")
    journal_mb: int = Field(256, ge=0, description="MB of earlier contents kept for undo, a root.")
    trash_days: int = Field(30, ge=1, description="Days that deleted files stay in a root's .mcp-trash.")
