"""A file as an image, a sound, or bytes in base64."""

import base64
from dataclasses import dataclass

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.decoding import whole
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.uris import file_uri
from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_shared.guard.path_errors import quoted

MOST_BYTES = 5_000_000
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}
_OTHER = "application/octet-stream"
_MARKS = (
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF", "application/pdf"),
    (b"<!DOCTYPE", "text/html"),
    (b"<!doctype", "text/html"),
    (b"<html", "text/html"),
    (b"\x7fELF", "application/x-executable"),
    (b"PK\x03\x04", "application/zip"),
)


@dataclass(frozen=True)
class Media:
    """The bytes of a file in base64, with the type its name says and another that its first bytes say."""

    data: str
    mime: str
    uri: str
    size: int
    really: str | None

    @property
    def kind(self) -> str:
        """`image`, `audio` or `resource`: what block it travels in."""
        first = self.mime.partition("/")[0]
        return first if first in ("image", "audio") else "resource"


def read_media(deadline: Deadline, space: Space, path: str, room: int) -> Media:
    """`path` as media. Anything but an image or a sound must fit into `room` characters.

    Raises LimitExceeded (`too_large`).
    """
    with space.file(path) as found:
        ending = found.full.rpartition(b"/")[2].rpartition(b".")[2].lower().decode(errors="replace")
        mime = _TYPES.get(ending, _OTHER) if b"." in found.full.rpartition(b"/")[2][1:] else _OTHER
        size = found.stat.st_size
        most = MOST_BYTES if mime != _OTHER else room * 3 // 4
        if size > most:
            raise LimitExceeded(
                f"{quoted(path)} holds {size:,} bytes, more than the {most:,} that are sent",
                code="too_large",
                hint="Use read_text_file for text, or get_file_info with a hash to identify it.",
                size=size,
            )
        raw = whole(found.fd, size)
        deadline.check()
        return Media(base64.b64encode(raw).decode(), mime, file_uri(found.full), len(raw), _really(raw, mime))


def _really(raw: bytes, mime: str) -> str | None:
    found = next((name for mark, name in _MARKS if raw.lstrip()[:16].startswith(mark)), None)
    return found if found and mime != _OTHER and found != mime else None
