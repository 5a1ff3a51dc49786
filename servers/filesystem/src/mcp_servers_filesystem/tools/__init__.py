"""What a model sees: names, arguments, one sentence what and one when."""

from collections.abc import Callable, Sequence
from typing import Any

from mcp_servers_filesystem.tools.journal import list_changes, undo
from mcp_servers_filesystem.tools.listing import (
    get_file_info,
    list_allowed_directories,
    list_directory,
    list_directory_with_sizes,
)
from mcp_servers_filesystem.tools.reading import read_file, read_media_file, read_multiple_files, read_text_file
from mcp_servers_filesystem.tools.searching import directory_tree, disk_usage, grep_files, search_files
from mcp_servers_filesystem.tools.writing import (
    copy_path,
    create_directory,
    delete_path,
    edit_file,
    edit_files,
    move_file,
    write_file,
)

OFFICIAL: Sequence[Callable[..., Any]] = (
    read_file,
    read_text_file,
    read_media_file,
    read_multiple_files,
    write_file,
    edit_file,
    create_directory,
    list_directory,
    list_directory_with_sizes,
    directory_tree,
    move_file,
    search_files,
    get_file_info,
    list_allowed_directories,
)
"""The names of the official server."""
MORE: Sequence[Callable[..., Any]] = (
    grep_files,
    disk_usage,
    edit_files,
    copy_path,
    delete_path,
    list_changes,
    undo,
)

__all__ = ["MORE", "OFFICIAL"]
