"""Fixtures of tests/filesystem. Each comes from the module that describes it."""

from attack_world import attacked, one_server
from search_world import deep

__all__ = ["attacked", "deep", "one_server"]
