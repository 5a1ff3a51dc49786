"""What one call may cost. Times are in seconds, sizes in bytes or characters."""

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults for a server on one machine; all of them are upper bounds that no tool argument can raise.

    `deadline` stops a statement, `kill_after` later its process is killed. `heap_bytes` is SQLite's own memory,
    `address_space_bytes` the whole worker's, `retire_bytes` the resident size above which a worker is replaced.
    """

    deadline: float = 5.0
    kill_after: float = 0.5
    start_timeout: float = 20.0
    default_rows: int = 50
    max_rows: int = 1_000
    cell_chars: int = 2_000
    result_chars: int = 48_000
    reply_bytes: int = 4 * _MIB
    heap_bytes: int = 128 * _MIB
    cache_kib: int = 2_048
    address_space_bytes: int = 224 * _MIB
    file_bytes: int = 48 * _MIB
    retire_bytes: int = 48 * _MIB
    busy_timeout: float = 0.5
