"""A week of a small shop, through a file and over HTTP, to tables that an independent oracle agrees with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shop import send

from .compare import differences
from .conftest import LONG, Setup
from .landed import Landed, read
from .load import Week, make_week, told
from .show import CALL_TABLES, CURRENT_TABLES, UPDATE_TABLES, report

SIZE = {"calls": 25_000, "people": 2_000} if LONG else {"calls": 5_000, "people": 400}


class Outcome:
    """One run of the whole way, shared by the tests of this file."""

    def __init__(self, setup: Setup, folder: Path):
        self.week: Week = make_week(folder, **SIZE)
        self.config = setup.configure("shop_week")
        self.daemon = setup.daemon(self.config)
        self.check = self.daemon.command("check", "shop", check=False)
        self.imported = self.daemon.command("import", "shop", self.week.file, "--json", check=False)
        self.sent = subprocess.run([sys.executable, send.__file__, self.week.api, "--host", self.config.intake],
                                   capture_output=True, text=True, timeout=900)
        self.synced = self.daemon.command("sync", "shop", "--wait", check=False)
        self.landed: Landed = read(setup.workspace.sql, setup.workspace.ready["catalog"], self.config.schema)
        self.workspace = setup.workspace
        self.sql, self.catalog = setup.workspace.sql, setup.workspace.ready["catalog"]


@pytest.fixture(scope="module")
def outcome(home, binary, workspace):
    setup = Setup(home, binary, workspace)
    try:
        yield Outcome(setup, home / "shop_week_input")
    finally:
        setup.close()


def test_check_finds_every_requirement_met(outcome):
    assert outcome.check.returncode == 0, outcome.check.stdout + outcome.check.stderr


def test_the_file_is_imported_and_its_bad_lines_are_counted(outcome):
    assert outcome.imported.returncode == 0, outcome.imported.stderr
    file = json.loads(outcome.imported.stdout)["files"][0]
    counts = outcome.week.counts["file"]
    # Duplicates are seen later, when the calls are resolved.
    refused = counts["refused"] - counts["refused:duplicate"]
    assert (file["accepted"], file["refused"]) == (counts["calls"] - refused, refused)
    kept_aside = Path(file["rejected_file"]).read_text(errors="replace").splitlines()
    assert len(kept_aside) == refused


def test_segments_library_delivers_its_half(outcome):
    assert outcome.sent.returncode == 0, outcome.sent.stderr


def test_the_sync_succeeds(outcome):
    assert outcome.synced.returncode == 0, outcome.synced.stdout + outcome.synced.stderr


def test_every_table_is_there(outcome):
    assert {*UPDATE_TABLES, *CURRENT_TABLES, *CALL_TABLES} <= set(outcome.landed.rows)


def test_tables_are_what_the_oracle_says(outcome):
    oracle, _ = told(outcome.week, outcome.landed, library=True)
    assert differences(oracle, outcome.landed) == []


def test_every_refusal_is_counted_by_its_reason(outcome):
    oracle, refused = told(outcome.week, outcome.landed, library=True)
    expected: dict[str, int] = {}
    for half in outcome.week.counts.values():
        for name, count in half.items():
            if name.startswith("refused:"):
                expected[name.removeprefix("refused:")] = expected.get(name.removeprefix("refused:"), 0) + count
    assert {**refused, "duplicate": oracle.duplicates} == expected
    metrics = outcome.daemon.metrics()
    found = {labels["reason"]: count for labels, count in metrics["lakeferry_intake_refused_total"] if labels["space"] == "shop"}
    # Whoever sends an unknown write key belongs to no space; such calls are counted for the daemon.
    unknown = expected.pop("unknown_source")
    nobodys = {labels["reason"]: count for labels, count in metrics["lakeferry_intake_refused_total"] if labels["space"] == ""}
    assert found.pop("unknown_source", 0) + nobodys.get("unknown_source", 0) == unknown
    duplicates = expected.pop("duplicate")
    assert sum(count for labels, count in metrics["lakeferry_identity_duplicates_total"]) == duplicates
    assert {reason: count for reason, count in found.items() if count} == expected


def test_a_second_sync_adds_nothing(outcome):
    outcome.daemon.command("sync", "shop", "--wait")
    again = read(outcome.sql, outcome.catalog, outcome.config.schema)
    assert {name: len(rows) for name, rows in again.rows.items()} == {name: len(rows) for name, rows in outcome.landed.rows.items()}


def test_a_run_over_unchanged_data_sends_no_statement_and_wakes_nothing(outcome):
    """By the workspace's own account, with the warehouse asleep."""
    outcome.workspace.control("POST", "warehouses/w1", {"state": "STOPPED"})
    before = outcome.workspace.control("GET", "ledger?limit=1")["warehouses"]["w1"]
    submitted = outcome.workspace.control("GET", "ledger?call=submit&limit=100000")["calls"]
    outcome.daemon.command("sync", "shop", "--wait")
    assert outcome.workspace.control("GET", f"ledger?call=submit&since={submitted[-1]['seq']}&limit=10")["calls"] == []
    after = outcome.workspace.control("GET", "ledger?limit=1")["warehouses"]["w1"]
    assert after["state"] == "STOPPED" and after["wakeups"] == before["wakeups"] and after["statements"] == before["statements"]


def test_importing_the_same_file_again_adds_nothing(outcome):
    known = json.loads(outcome.daemon.command("import", "shop", outcome.week.file, "--json").stdout)["files"][0]
    assert known["was_finished"]
    outcome.daemon.command("sync", "shop", "--wait")
    again = read(outcome.sql, outcome.catalog, outcome.config.schema)
    assert {name: len(rows) for name, rows in again.rows.items()} == {name: len(rows) for name, rows in outcome.landed.rows.items()}


def test_importing_it_anew_adds_only_calls_without_a_message_id(outcome):
    outcome.daemon.command("import", "shop", outcome.week.file, "--again")
    outcome.daemon.command("sync", "shop", "--wait")
    again = read(outcome.sql, outcome.catalog, outcome.config.schema)
    grown = sum(len(again.rows[name]) - len(outcome.landed.rows[name]) for name in CALL_TABLES)
    assert grown == outcome.week.counts["file"].get("label:no_message_id", 0)


def test_the_report_of_try_shows_profiles_and_a_merge(outcome):
    text = "\n".join(report(outcome.sql, outcome.catalog, outcome.config.schema))
    assert "Three of the profiles:" in text and "joined into" in text and "missing" not in text


def test_sigterm_ends_the_daemon_cleanly(outcome):
    assert outcome.daemon.stop() == 0, outcome.daemon.process.tail()
