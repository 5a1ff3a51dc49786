"""Fixtures of tests/shared. Each comes from the module that describes it."""

from paths_world import way, world

__all__ = ["way", "world"]
