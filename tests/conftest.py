"""Rules for all tests: state goes to a temporary folder, and CI accepts no skip that it has not agreed to."""

import fnmatch
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says something about the machine, nothing about the code. In CI the same examples every
# time: new ones are looked for where somebody sees what they find.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")

AGREED = Path(__file__).parent / "house" / "agreed_skips.toml"


@pytest.fixture(autouse=True)
def private_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the user's own state folder."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("MCP_SERVERS_STATE_DIR", str(folder))
    return folder


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    agreed = tomllib.loads(AGREED.read_text(encoding="utf-8"))["skips"]
    surprising = [
        report.nodeid
        for report in reporter.stats.get("skipped", [])
        if not any(fnmatch.fnmatch(report.nodeid, one["test"]) for one in agreed)
    ]
    if surprising and session.exitstatus == 0:
        reporter.write_line("Skipped in CI without being agreed to in tests/house/agreed_skips.toml:", red=True)
        for nodeid in surprising:
            reporter.write_line(f"  {nodeid}", red=True)
        session.exitstatus = 1
