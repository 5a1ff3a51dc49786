"""A record as JSON members. Never fails for what a record holds: what JSON cannot hold is named instead."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mcp_servers_shared.audit.bounded import bounded
from mcp_servers_shared.audit.chain import MAX_LINE, RESERVED

_FRAME = 512


def _fastest_encoder() -> Callable[[Any], str]:
    # JSONEncoder.encode builds this C encoder anew for every call, a tenth of a record's budget.
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    text: Any = json.encoder.encode_basestring_ascii
    chunks: Callable[[Any, int], Any] = make(None, encoder.default, text, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode = _fastest_encoder()


def record_fields(record: Mapping[str, Any]) -> str:
    """The members of `record`, each with its comma behind it.

    A name that the log itself uses (`seq`, `time`, `log`, `prev`, `mac`) gets an underscore.
    """
    if not RESERVED.isdisjoint(record):
        record = {f"{name}_" if name in RESERVED else name: value for name, value in record.items()}
    try:
        text = _encode(record)
        if len(text) > MAX_LINE - _FRAME:
            text = _encode(bounded(record))
    except (TypeError, ValueError, RecursionError):
        text = _encode(bounded(record))
    return f"{text[1:-1]}," if len(text) > 2 else ""
