"""Command-line flags made from a settings model: one definition, one help text.

A field may say more in `json_schema_extra`: `metavar` (what to show for the value) and `positional` (True for the
words without a flag). A list field's flag may be repeated.
"""

import argparse
import os
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def flag_of(field_name: str) -> str:
    """`audit_log` -> `--audit-log`."""
    return "--" + field_name.replace("_", "-")


def label_of(name: str, field: FieldInfo) -> str:
    """What a person types for this field: its flag, or the word that stands for it where it has none."""
    extra = _extra(field)
    return str(extra.get("metavar") or name.upper()) if extra.get("positional") else flag_of(name)


def add_flags(parser: argparse.ArgumentParser, model: type[BaseModel], prefix: str) -> None:
    """Give `parser` a flag for every field of `model`. Absent unless given: defaults stay the model's."""
    for name, field in model.model_fields.items():
        extra = _extra(field)
        options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(name, field, prefix).replace("%", "%%")}
        if extra.get("positional"):
            parser.add_argument(name, nargs="*", metavar=label_of(name, field), **options)
            continue
        if field.annotation is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["metavar"] = str(extra.get("metavar") or _metavar(name, field))
            if get_origin(field.annotation) is list:
                options["action"] = "append"
        parser.add_argument(flag_of(name), dest=name, **options)


def _extra(field: FieldInfo) -> dict[str, Any]:
    return cast("dict[str, Any]", field.json_schema_extra or {})


def _metavar(name: str, field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return "|".join(map(str, get_args(field.annotation)))
    if field.annotation is int or field.annotation is float:
        return "N"
    return name.rsplit("_", 1)[-1].upper()


def _help(name: str, field: FieldInfo, prefix: str) -> str:
    text = field.description or ""
    default: Any = field.get_default(call_default_factory=True, validated_data={})
    if default not in (None, "", [], ()) and default is not False:
        text += f" Default: {default}."
    return f"{text} [{prefix}{name.upper()}]"


def split_list(value: Any) -> Any:
    """Environment form of a list field: entries separated as in PATH (`:`, on Windows `;`)."""
    if isinstance(value, str):
        return [entry for entry in value.split(os.pathsep) if entry]
    return value
