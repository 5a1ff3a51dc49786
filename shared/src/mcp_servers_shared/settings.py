"""One typed model gives every server its flags, environment variables, defaults and help.

Precedence: flag, then `MCP_SERVERS_<SERVER>_<NAME>`, then `MCP_SERVERS_<NAME>`, then the same two names in the file
given by `--env-file`, then the default.
"""

import argparse
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from mcp_servers_shared import __version__
from mcp_servers_shared.flags import add_flags, label_of
from mcp_servers_shared.limits import parse_rates

SHARED_PREFIX = "MCP_SERVERS_"
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
SettingsT = TypeVar("SettingsT", bound="ServerSettings")


class ServerSettings(BaseSettings):
    """The switches that every server has. A server subclasses this, names itself and adds its own."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    program: ClassVar[str] = "mcp-servers"
    """The command's name, as typed."""
    prefix: ClassVar[str] = SHARED_PREFIX
    """The prefix of this server's own environment variables."""
    summary: ClassVar[str] = ""
    """One sentence for --help."""
    flag_aliases: ClassVar[dict[str, str]] = {}
    """Flags of the programs this server replaces, mapped to ours."""

    transport: Literal["stdio", "http", "sse"] = Field(
        "stdio", description="How clients connect: a pipe (stdio), Streamable HTTP (http) or the older SSE (sse)."
    )
    host: str = Field("127.0.0.1", description="Address to listen on with http and sse. Loopback only for now.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on with http and sse; 0 picks a free one.")
    allow_writes: bool = Field(False, description="Offer the tools that change things. Without it nothing can.")
    audit_log: str = Field(
        "", description="Path of the audit log, or 'off'. Default: one file a server in the user's state folder."
    )
    rate_limit: str = Field(
        "read=6000/minute,write=60/minute",
        description="Calls allowed a principal: [read|write|TOOL=]N/second|minute|hour[:BURST], comma-separated, or"
        " 'off'.",
    )
    max_result_chars: int = Field(
        48_000, ge=2_000, le=10_000_000, description="Most characters a result may hold, all its channels together."
    )
    result: Literal["both", "text", "structured"] = Field(
        "both", description="Channels of a result: some hosts show a model the text, others the structured content."
    )
    env_file: Path | None = Field(None, description="File of NAME=value lines to read settings from.")
    log_level: LogLevel = Field("WARNING", description="What to log on stderr.")
    check: bool = Field(False, description="Say what would be served and what is wrong, then exit with 0 or 1.")

    @field_validator("rate_limit")
    @classmethod
    def _rates_have_a_form(cls, text: str) -> str:
        parse_rates(text)
        return text

    @field_validator("log_level", mode="before")
    @classmethod
    def _levels_in_any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        prefixes = (cls.prefix, SHARED_PREFIX)
        sources: list[PydanticBaseSettingsSource] = [init_settings]
        sources += [EnvSettingsSource(settings_cls, env_prefix=prefix) for prefix in prefixes]
        if file := _env_file.get(cls):
            sources += [
                DotEnvSettingsSource(settings_cls, env_file=file, env_file_encoding="utf-8", env_prefix=prefix)
                for prefix in prefixes
            ]
        return tuple(sources)


_env_file: dict[type[ServerSettings], Path] = {}


def load(settings_class: type[SettingsT], argv: Sequence[str]) -> SettingsT:
    """Settings from the command line, the environment and the env file.

    Exits: 0 after --help and --version, 2 with one line a problem when something does not fit.
    """
    arguments = [_own_flag(settings_class, argument) for argument in argv]
    parser = argparse.ArgumentParser(
        prog=settings_class.program, description=settings_class.summary, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"{settings_class.program} {__version__}")
    add_flags(parser, settings_class, settings_class.prefix)
    given = vars(parser.parse_intermixed_args(arguments))
    if path := _wanted_env_file(settings_class, given):
        _env_file[settings_class] = _safe_env_file(parser, path)
    try:
        return settings_class(**given)
    except ValidationError as error:
        _exit_with_problems(parser, settings_class, error)
    except SettingsError as error:
        parser.error(str(error))
    finally:
        _env_file.pop(settings_class, None)


def environment_names(settings_class: type[ServerSettings], field: str) -> list[str]:
    """The environment variables that set `field`, strongest first."""
    return list(dict.fromkeys(f"{prefix}{field.upper()}" for prefix in (settings_class.prefix, SHARED_PREFIX)))


def _own_flag(settings_class: type[ServerSettings], argument: str) -> str:
    flag, separator, value = argument.partition("=")
    own = settings_class.flag_aliases.get(flag)
    return f"{own}{separator}{value}" if own else argument


def _wanted_env_file(settings_class: type[ServerSettings], given: Mapping[str, Any]) -> Path | None:
    wanted = given.get("env_file")
    for name in environment_names(settings_class, "env_file"):
        wanted = wanted or os.environ.get(name)
    return Path(wanted).expanduser() if wanted else None


def _safe_env_file(parser: argparse.ArgumentParser, path: Path) -> Path:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            parser.error(f"--env-file {path}: not a regular file")
        if os.name == "posix" and mode & stat.S_IROTH:
            parser.error(f"--env-file {path}: readable by every user of this machine; run: chmod 600 {path}")
        path.read_text(encoding="utf-8")
    except OSError as error:
        parser.error(f"--env-file {path}: {error.strerror}")
    except UnicodeDecodeError:
        parser.error(f"--env-file {path}: not UTF-8 text")
    return path


def _exit_with_problems(
    parser: argparse.ArgumentParser, settings_class: type[ServerSettings], error: ValidationError
) -> NoReturn:
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        known = settings_class.model_fields.get(field)
        label = f"{label_of(field, known)}: " if known else ""
        sys.stderr.write(f"{parser.prog}: {label}{problem['msg'].removeprefix('Value error, ')}\n")
    sys.stderr.write(f"{parser.prog}: see {parser.prog} --help\n")
    raise SystemExit(2)
