"""Fixtures of tests/filesystem. Each comes from the module that describes it."""

from attack_world import attacked, one_server

__all__ = ["attacked", "one_server"]
