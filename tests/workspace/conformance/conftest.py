"""One running workspace for all tests; a catalog of its own for every module."""
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from caller import Caller  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
NUMBERS = itertools.count(1)
CONFIG = """
catalogs = ["main"]
[[warehouses]]
id = "w1"
state = "RUNNING"
auto_stop_minutes = 0
[[warehouses]]
id = "w2"
name = "Second"
cold_start = 0.3
auto_stop_minutes = 10
[[principals]]
name = "other"
groups = ["analysts"]
[[principals]]
name = "unentitled"
entitlements = []
"""


class Running:
    """A workspace process that a test started."""

    def __init__(self, *arguments, environment: dict | None = None):
        self.process = subprocess.Popen([str(ROOT / "workspace" / "run"), *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=os.environ | (environment or {}))
        line = self.process.stdout.readline()
        assert line, f"the workspace did not start:\n{self.process.stderr.read()}"
        self.ready = json.loads(line)
        self.url = self.ready["url"]

    def stop(self, how=signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode


class Workspace:
    def __init__(self, about: dict):
        self.about, self.url = about, about["url"]
        self.admin = Caller(self.url, about["admin"]["client_id"], about["admin"]["client_secret"])
        self.lakeferry = Caller(self.url, about["client_id"], about["client_secret"])
        people = {p["name"]: p for p in self.admin.get("/__workspace/principals")["principals"]}
        self.people = people
        self.other = Caller(self.url, people["other"]["client_id"], people["other"]["client_secret"])
        self.unentitled = Caller(self.url, people["unentitled"]["client_id"], people["unentitled"]["client_secret"])

    def fault(self, **fault) -> int:
        return self.admin.post("/__workspace/faults", fault)["id"]

    def hits(self, fault: int) -> int:
        return next(f["hits"] for f in self.admin.get("/__workspace/faults")["faults"] if f["id"] == fault)

    def advance(self, seconds: float):
        self.admin.post("/__workspace/clock", {"advance_seconds": seconds})

    def warehouse(self, name: str, **change) -> dict:
        return self.admin.post(f"/__workspace/warehouses/{name}", change)


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def workspace(state):
    """The shared workspace. LAKEFERRY_WORKSPACE_STATE names one that runs already (with this configuration)."""
    if already := os.environ.get("LAKEFERRY_WORKSPACE_STATE"):
        yield Workspace(json.loads((Path(already) / "workspace.json").read_text()))
        return
    config = state / "config.toml"
    config.write_text(CONFIG)
    running = Running("--state", state / "state", "--config", config, "--cold-start", "0.2")
    yield Workspace(json.loads((state / "state" / "workspace.json").read_text()))
    assert running.stop() == 0


@pytest.fixture(autouse=True)
def clean(request):
    """Faults never leak into the next test."""
    yield
    if "workspace" in request.fixturenames:
        request.getfixturevalue("workspace").admin.call("DELETE", "/__workspace/faults")


@pytest.fixture(scope="module")
def catalog(workspace, request) -> str:
    """A catalog of this module, on which Lakeferry holds what its documentation asks for."""
    name = re.sub(r"\W", "_", request.module.__name__.split(".")[-1]).lower()
    admin = workspace.admin
    admin.sql(f"DROP CATALOG IF EXISTS {name} CASCADE")
    admin.sql(f"CREATE CATALOG {name}")
    admin.sql("GRANT USE CATALOG, USE SCHEMA, MODIFY, SELECT, CREATE SCHEMA, CREATE TABLE, CREATE VOLUME, READ VOLUME, WRITE VOLUME "
              f"ON CATALOG {name} TO `{workspace.lakeferry.client_id}`")
    return name


@pytest.fixture(scope="module")
def ferry(workspace, catalog) -> Caller:
    """The principal that Lakeferry runs as, with this module's catalog as its default."""
    return workspace.lakeferry.with_catalog(catalog)


@pytest.fixture(scope="module")
def admin(workspace, catalog) -> Caller:
    return workspace.admin.with_catalog(catalog)


@pytest.fixture
def schema(ferry, request) -> str:
    """A schema of this test, under a name that no other one has."""
    name = re.sub(r"\W+", "_", request.node.name).lower()[:60].strip("_") + f"_{next(NUMBERS)}"
    ferry.sql(f"CREATE SCHEMA {name}")
    return name
