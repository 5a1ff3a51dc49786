"""Fixtures of tests/shared. Each comes from the module that describes it."""

from audit_world import always_look, audit
from paths_world import way, world

__all__ = ["always_look", "audit", "way", "world"]
