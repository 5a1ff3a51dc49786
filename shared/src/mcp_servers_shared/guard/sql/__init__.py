"""SQL that may be run, and the engine settings that hold when the text check is wrong.

`gate` explains early, `policy` and `limits` decide inside SQLite. Standard library only.
"""
