"""One local workspace for all end-to-end tests, a schema and a daemon of its own for each.

LAKEFERRY_BINARY says which daemon; without it, build/dev/lakeferry or build/release/lakeferry. LAKEFERRY_E2E_LONG=1 runs
the whole week of 25,000 calls and twenty kills. LAKEFERRY_E2E_KEEP=DIR keeps logs and state there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS)]

from e2e.stack import ROOT, Config, Daemon, Workspace, write_configuration  # noqa: E402

LONG = os.environ.get("LAKEFERRY_E2E_LONG") == "1"


@pytest.fixture(scope="session")
def binary() -> Path:
    named = os.environ.get("LAKEFERRY_BINARY")
    places = [Path(named)] if named else [ROOT / "build" / preset / "lakeferry" for preset in ("dev", "release")]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        pytest.fail(f"no daemon at {', '.join(map(str, places))}: build it (cmake --preset dev && ninja -C build/dev lakeferry)")
    return found.resolve()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("LAKEFERRY_E2E_KEEP")
    if kept is None:
        return tmp_path_factory.mktemp("e2e")
    Path(kept).mkdir(parents=True, exist_ok=True)
    return Path(kept).resolve()


@pytest.fixture(scope="session")
def workspace(home: Path) -> Iterator[Workspace]:
    one = Workspace(home / "workspace", home / "workspace.log", ["--cold-start", "0.5"])
    one.start()
    yield one
    one.stop()


class Setup:
    """Makes daemons in folders of their own, and ends them."""

    def __init__(self, home: Path, binary: Path, workspace: Workspace):
        self.home, self.binary, self.workspace = home, binary, workspace
        self.daemons: list[Daemon] = []

    def configure(self, name: str, **options: Any) -> Config:
        return write_configuration(self.home / name, self.workspace.ready, schema=name, **options)

    def daemon(self, config: Config, start: bool = True) -> Daemon:
        one = Daemon(self.binary, config, config.folder / "daemon.log")
        self.daemons.append(one)
        return one.start() if start else one

    def close(self) -> None:
        for one in self.daemons:
            if one.process is not None and one.process.running:
                one.kill()


@pytest.fixture
def setup(home: Path, binary: Path, workspace: Workspace) -> Iterator[Setup]:
    one = Setup(home, binary, workspace)
    yield one
    one.close()
