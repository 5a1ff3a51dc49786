"""Every switch is documented where a user looks for it."""

from pathlib import Path

import pytest

from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_shared.flags import label_of
from mcp_servers_shared.settings import ServerSettings
from mcp_servers_sqlite.settings import SqliteSettings

ROOT = Path(__file__).parents[2]
READMES = {
    SqliteSettings: ROOT / "servers" / "sqlite" / "README.md",
    FilesystemSettings: ROOT / "servers" / "filesystem" / "README.md",
}


@pytest.mark.parametrize("settings", READMES, ids=lambda one: one.program)
def test_every_setting_is_in_the_readme_and_has_a_sentence(settings: type[ServerSettings]) -> None:
    text = READMES[settings].read_text(encoding="utf-8")
    for name, field in settings.model_fields.items():
        assert field.description, name
        assert f"`{label_of(name, field)}" in text, f"{label_of(name, field)} is missing in {READMES[settings]}"
    assert settings.prefix in text
