"""kill -9 at random moments changes no row; a second daemon on the same state is refused."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import LONG, Setup
from .landed import Landed, read
from .load import Week, make_week, post, requests, told
from .stack import Config, Daemon, StackError

KILLS = 20 if LONG else 5
SIZE = {"calls": 12_000, "people": 900} if LONG else {"calls": 3_000, "people": 250}
BATCH = 20
MOST_S = 3_000 if LONG else 900            # a bound for the whole test, not an expectation
PAUSE_MOST_S = 12.0 if LONG else 5.0       # between two kills: long enough for some of them to hit loads half-way
EVERY = "3s"                               # syncs all the time, so that kills hit loads, too
FREE = {"uuid_ts", "loaded_at", "received_at"}   # they follow the daemon's clock


class Loader(threading.Thread):
    """Imports the file and posts the HTTP half, each again and again until it is accepted."""

    def __init__(self, daemon: Daemon, week: Week, pause_s: float):
        super().__init__(daemon=True)
        self._daemon, self._week, self._pause_s = daemon, week, pause_s
        self._until = time.monotonic() + MOST_S
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self._import()
            for request in requests(self._week, BATCH):
                status = post(self._daemon.config.intake, request, self._until)
                assert not request.good or status == 200, f"{request.path} was answered with {status}"
                time.sleep(self._pause_s)
        except BaseException as error:     # handed to the test, which runs in another thread
            self.problem = error

    def _import(self) -> None:
        while True:
            result = self._daemon.command("import", "shop", self._week.file, check=False)
            if result.returncode == 0:
                return
            assert time.monotonic() < self._until, f"the import never ended well: {result.stdout}{result.stderr}"
            time.sleep(0.2)


def finish(daemon: Daemon, until: float) -> None:
    """Syncs until a run ends well; runs may fail while the workspace still works for a daemon that was killed."""
    while True:
        result = daemon.command("sync", "shop", "--wait", check=False)
        if result.returncode == 0:
            return
        assert time.monotonic() < until, f"no sync ended well: {result.stdout}{result.stderr}\n{daemon.process.tail()}"
        time.sleep(0.5)


def run(setup: Setup, name: str, week: Week, kills: int, seed: int) -> Landed:
    config = setup.configure(name, every=EVERY)
    allow_short_schedules(config)
    daemon = setup.daemon(config)
    loader = Loader(daemon, week, 0.05 if kills else 0.0)
    loader.start()
    rng = random.Random(seed)
    for _ in range(kills):
        time.sleep(rng.uniform(0.05, PAUSE_MOST_S))
        daemon.kill()
        daemon.start()
    until = time.monotonic() + MOST_S
    loader.join(MOST_S)
    if loader.problem is not None:
        raise loader.problem
    assert not loader.is_alive(), "the load did not end"
    finish(daemon, until)
    assert daemon.stop() == 0, daemon.process.tail()
    return read(setup.workspace.sql, setup.workspace.ready["catalog"], config.schema)


def allow_short_schedules(config: Config) -> None:
    config.file.write_text(config.file.read_text().replace("[daemon]\n", "[daemon]\nallow_short_schedules = true\n"))


def comparable(landed: Landed, known: set[str]) -> dict[str, list[Any]]:
    """Rows without what follows the daemon's clock; message ids that the daemon made up are one and the same."""
    tables = {}
    for name, rows in landed.rows.items():
        # seq orders the rows; it need not have the same value after a crash.
        ordered = sorted(rows, key=lambda row: (int(row["seq"]) if row.get("seq") is not None else 0, str(row.get("id"))))
        cleaned = [tuple(sorted((column, "(made up)" if column in ("id", "triggering_event_id") and cell not in known else cell)
                                for column, cell in row.items() if column not in FREE and column != "seq" and cell is not None))
                   for row in ordered]
        tables[name] = cleaned if name.endswith("_updates") else sorted(cleaned)
    return tables


@pytest.fixture(scope="module")
def week(home: Path) -> Week:
    return make_week(home / "kill_input", seed=7, **SIZE)


@pytest.fixture(scope="module")
def undisturbed(home, binary, workspace, week) -> Landed:
    setup = Setup(home, binary, workspace)
    try:
        return run(setup, "undisturbed", week, kills=0, seed=0)
    finally:
        setup.close()


def known_ids(week: Week, landed: Landed) -> set[str]:
    oracle, _ = told(week, landed, library=False)
    return oracle.seen


def test_kill_at_random_moments_changes_no_row(setup, week, undisturbed):
    killed = run(setup, "killed", week, KILLS, seed=random.SystemRandom().randrange(2**32))
    known = known_ids(week, undisturbed)
    one, two = comparable(undisturbed, known), comparable(killed, known)
    assert {name: len(rows) for name, rows in one.items()} == {name: len(rows) for name, rows in two.items()}
    for name in one:
        different = next(((a, b) for a, b in zip(one[name], two[name]) if a != b), None)
        assert different is None, f"{name}: without kills {different[0]}\nwith kills {different[1]}"


def test_the_undisturbed_run_is_what_the_oracle_says(week, undisturbed):
    from .compare import differences
    oracle, _ = told(week, undisturbed, library=False)
    assert differences(oracle, undisturbed) == []


def test_a_second_daemon_on_the_same_state_is_refused(setup):
    first = setup.daemon(setup.configure("second"))
    # Everything else differs, so that only the state directory can be the reason.
    other = setup.configure("second_other")
    other.file.write_text(other.file.read_text().replace(str(other.state), str(first.config.state)))
    with pytest.raises(StackError) as refused:
        setup.daemon(other)
    assert "ended with status 75" in str(refused.value)
    assert str(first.config.state) in str(refused.value), "the message must name the state directory"
    assert first.process.running
    assert first.command("status", "shop").returncode == 0


def test_sigterm_during_load_loses_nothing(setup, week):
    config = setup.configure("terminated", every=EVERY)
    allow_short_schedules(config)
    daemon = setup.daemon(config)
    loader = Loader(daemon, week, 0.01)
    loader.start()
    for _ in range(2):
        time.sleep(1.5)
        daemon.process.signal(signal.SIGTERM)
        try:
            assert daemon.process.child.wait(60) == 0, daemon.process.tail()
        except subprocess.TimeoutExpired:
            pytest.fail(f"SIGTERM did not end the daemon within 60 s:\n{daemon.process.tail()}")
        daemon.start()
    loader.join(MOST_S)
    if loader.problem is not None:
        raise loader.problem
    finish(daemon, time.monotonic() + MOST_S)
    landed = read(setup.workspace.sql, setup.workspace.ready["catalog"], config.schema)
    oracle, _ = told(week, landed, library=False)
    expected = {name: len(rows) for name, rows in oracle.events.items()}
    assert {name: len(landed.rows[name]) for name in expected} == expected
