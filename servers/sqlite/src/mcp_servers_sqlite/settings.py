"""The SQLite server's switches."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mcp_servers_shared.flags import split_list
from mcp_servers_shared.settings import ServerSettings


class SqliteSettings(ServerSettings):
    """Which databases to serve and what a statement may cost."""

    program: ClassVar[str] = "mcp-servers-sqlite"
    prefix: ClassVar[str] = "MCP_SERVERS_SQLITE_"
    summary: ClassVar[str] = "MCP server for SQLite: read-only until --allow-writes, every statement can be stopped."
    flag_aliases: ClassVar[dict[str, str]] = {"--db-path": "--db"}

    db: Annotated[list[str], NoDecode, BeforeValidator(split_list)] = Field(
        default_factory=list,
        description="Database file to serve, repeatable. NAME defaults to the file's name without its ending.",
        json_schema_extra={"metavar": "[NAME=]PATH"},
    )
    create: bool = Field(False, description="With --allow-writes: make database files that do not exist, empty.")
    timeout: float = Field(5.0, gt=0, le=3600, description="Seconds a statement may run; it is killed 0.5 s later.")
    max_rows: int = Field(1000, ge=1, le=100_000, description="Most rows a page may hold.")
    max_cell_chars: int = Field(2000, ge=20, le=1_000_000, description="Most characters shown of one value.")
    workers: int = Field(2, ge=1, le=32, description="Processes that run statements.")
    queue: int = Field(32, ge=0, le=10_000, description="Calls that may wait for a process before 'busy' is answered.")
    backup_dir: Path | None = Field(
        None, description="Folder for the backups that execute_sql makes when asked. Default: in the state folder."
    )
    list_aliases: bool = Field(
        False, description="Also list the tool names of mcp-server-sqlite. They always work, listed or not."
    )
