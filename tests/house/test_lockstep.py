"""One version for all distributions, pinned exactly between them."""

import tomllib
from pathlib import Path

import pytest

import mcp_servers_shared

ROOT = Path(__file__).parents[2]
MEMBERS = [ROOT / "shared", *sorted(path.parent for path in (ROOT / "servers").glob("*/pyproject.toml"))]


def project(folder: Path) -> dict[str, object]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_member_has_the_version_of_the_package() -> None:
    assert {project(member)["version"] for member in MEMBERS} == {mcp_servers_shared.__version__}


@pytest.mark.requirement("DEP-1")
def test_members_pin_each_other_exactly_and_cap_the_sdk() -> None:
    names = {str(project(member)["name"]) for member in MEMBERS}
    for member in MEMBERS:
        for dependency in project(member).get("dependencies", []):  # type: ignore[attr-defined]
            name = dependency.split("=")[0].split(">")[0].split("<")[0].strip()
            if name in names:
                assert dependency == f"{name}=={mcp_servers_shared.__version__}"
            if name == "mcp":
                assert dependency == "mcp>=2.3,<3"


def test_members_share_licence_and_python() -> None:
    assert {str(project(member)["license"]) for member in MEMBERS} == {"MIT"}
    assert {str(project(member)["requires-python"]) for member in MEMBERS} == {">=3.11"}
