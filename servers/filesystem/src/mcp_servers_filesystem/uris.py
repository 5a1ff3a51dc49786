"""`file://` URIs and the paths they mean."""

import os
from urllib.parse import quote, unquote_to_bytes, urlsplit

from mcp_servers_filesystem.names import shown
from mcp_servers_shared.guard.path_errors import malformed

_SAFE = "/!$&'()*+,;=:@~"


def file_uri(full: bytes) -> str:
    """The URI of an absolute path."""
    return "file://" + quote(full, safe=_SAFE)


def path_of(uri: str) -> str:
    """The path that a URI means, in the form that tools take. Raises PathRefused (`invalid_path`)."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise malformed(uri, "it is no file:// URI") from None
    if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise malformed(uri, "it is no file:// URI of this machine")
    raw = unquote_to_bytes(parts.path)
    if not raw.startswith(b"/"):
        raise malformed(uri, "its path is not absolute")
    return shown(raw)


def directory_of(path: str) -> str:
    """The path without its last component."""
    return os.path.dirname(path.rstrip("/")) or "/"
