"""What a worker is told when it starts, and the names of the layers that hold a read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

GATE = "gate"
MODE_RO = "mode_ro"
QUERY_ONLY = "query_only"
TRUSTED_SCHEMA = "trusted_schema"
TEMP_MEMORY = "temp_memory"
HEAP_LIMIT = "heap_limit"
DEFENSIVE = "defensive"
AUTHORIZER = "authorizer"
LIMITS = "limits"
PROGRESS = "progress"
CAPS = "caps"
LENIENT_TEXT = "lenient_text"
RLIMITS = "rlimits"
ALARM = "alarm"
KILL = "kill"

ALL_LAYERS = frozenset(
    {
        GATE,
        MODE_RO,
        QUERY_ONLY,
        TRUSTED_SCHEMA,
        TEMP_MEMORY,
        HEAP_LIMIT,
        DEFENSIVE,
        AUTHORIZER,
        LIMITS,
        PROGRESS,
        CAPS,
        LENIENT_TEXT,
        RLIMITS,
        ALARM,
        KILL,
    }
)


class Settings(NamedTuple):
    """The worker's half of `limits.Limits`; `layers` is complete except in tests that remove one."""

    kill_after: float = 0.5
    default_rows: int = 50
    max_rows: int = 1_000
    cell_chars: int = 2_000
    result_chars: int = 48_000
    reply_bytes: int = 4 * 1024 * 1024
    heap_bytes: int = 128 * 1024 * 1024
    cache_kib: int = 2_048
    address_space_bytes: int = 224 * 1024 * 1024
    file_bytes: int = 48 * 1024 * 1024
    retire_bytes: int = 48 * 1024 * 1024
    busy_timeout: float = 0.5
    layers: frozenset[str] = ALL_LAYERS

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings from the first frame."""
        known = {name: values[name] for name in cls._fields if name in values and name != "layers"}
        return cls(**known, layers=frozenset(values.get("layers", ALL_LAYERS)))
