"""How names beneath an open directory are opened: through no link, waiting for nothing, kept from child processes."""

import os

_SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_QUIET = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

READ = os.O_RDONLY | _SAFE | _QUIET
"""A file that is there."""
CHANGE = os.O_RDWR | _SAFE | _QUIET
"""A file that is there, to be written in place."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
"""A file that is not there yet."""
DIRECTORY = os.O_RDONLY | _SAFE | _QUIET | getattr(os, "O_DIRECTORY", 0)
"""A directory."""
