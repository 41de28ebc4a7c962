"""People leave: the shop's week, then some of its customers ask to be forgotten. Nothing of them may be left in any table, in
the staging volume or in the bytes of the state directory, and nobody else may lose or change a row."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from .conftest import Setup
from .landed import Landed, read
from .load import make_week

PROFILE = ("segment_id", "canonical_segment_id", "merged_to")
NAMED = ("user_id", "anonymous_id", "previous_id", "email", "context_traits_email")
VIEWS = ("id_graph", "external_id_mapping", "_lakeferry_syncs")


class Shop:
    """The week, landed, with what is known of its people before anybody leaves."""

    def __init__(self, setup: Setup, folder: Path):
        self.week = make_week(folder, calls=1_500, people=150)
        self.config = setup.configure("shop_erase")
        self.daemon = setup.daemon(self.config)
        self.daemon.command("import", "shop", self.week.file)
        self.daemon.command("sync", "shop", "--wait")
        self.workspace, self.catalog = setup.workspace, setup.workspace.ready["catalog"]
        self.before = self.read()

    def read(self) -> Landed:
        return read(self.workspace.sql, self.catalog, self.config.schema)

    def segments(self, canonical: str) -> set[str]:
        return {row["segment_id"] for row in self.before.table("profile_merges") if row["canonical_segment_id"] == canonical}

    def names(self, canonical: str) -> set[tuple[str, str]]:
        return {(row["type"], row["value"]) for row in self.before.table("user_identifiers")
                if row["canonical_segment_id"] == canonical}

    def choose(self) -> list[str]:
        """A person who was merged, one with the most identifiers, and one without a name: by their canonical ids."""
        merges = Counter(row["canonical_segment_id"] for row in self.before.table("profile_merges"))
        names = {who: self.names(who) for who in merges}
        merged = next(who for who, count in merges.items() if count > 1 and {"email", "user_id"} <= {t for t, _ in names[who]})
        busy = max((who for who in names if who != merged), key=lambda who: len(names[who]))
        shy = next(who for who in names if {t for t, _ in names[who]} == {"anonymous_id"})
        return [merged, busy, shy]

    def receipt(self, number: int) -> dict:
        return json.loads(self.daemon.command("erasures", "shop", number, "--json").stdout)

    def wait_for(self, number: int, seconds: float = 300) -> dict:
        deadline = time.monotonic() + seconds
        while (receipt := self.receipt(number))["state"] in ("asked", "cut"):
            assert time.monotonic() < deadline, receipt
            time.sleep(0.2)
        return receipt


@pytest.fixture(scope="module")
def shop(home, binary, workspace):
    setup = Setup(home, binary, workspace)
    try:
        yield Shop(setup, home / "shop_erase_input")
    finally:
        setup.close()


def expected_rows(before: Landed, segments: set[str], names: set[tuple[str, str]]) -> dict[str, Counter]:
    """What should be left, said once more and independently of how it is done."""
    values: dict[str, set[str]] = {}
    for kind, value in names:
        for column in {"user_id": ("user_id",), "anonymous_id": ("anonymous_id", "previous_id"),
                       "email": ("email", "context_traits_email")}.get(kind, ()):
            values.setdefault(column, set()).add(value)
    out: dict[str, Counter] = {}
    for table, rows in before.rows.items():
        left = out.setdefault(table, Counter())
        events = bool(rows) and "original_timestamp" in rows[0]
        for row in rows:
            if any(row.get(column) in segments for column in PROFILE):
                continue
            named = [column for column in NAMED if events and row.get(column) in values.get(column, ())]
            if named and row["segment_id"] is None:
                continue
            left[json.dumps({**row, **{column: None for column in named}}, sort_keys=True)] += 1
    return out


def as_counters(landed: Landed) -> dict[str, Counter]:
    return {table: Counter(json.dumps(row, sort_keys=True) for row in rows) for table, rows in landed.rows.items()}


def telling(names: set[tuple[str, str]]) -> list[str]:
    """Values that are long enough to name one person only."""
    return sorted(value for _, value in names if len(value) >= 6)


def test_several_people_leave_and_nobody_else(shop, tmp_path):
    people = shop.choose()
    names = set().union(*(shop.names(who) for who in people))
    segments = set().union(*(shop.segments(who) for who in people))
    email = next(value for kind, value in shop.names(people[0]) if kind == "email")
    anonymous = next(value for kind, value in shop.names(people[2]) if kind == "anonymous_id")
    asked = tmp_path / "list.txt"
    asked.write_text(f"# two of them\nemail:{email}\n\n{people[1]}\n")

    counted = json.loads(shop.daemon.command("erase", "shop", f"anonymous_id:{anonymous}", "--file", asked, "--dry-run", "--json").stdout)
    assert as_counters(shop.read()) == as_counters(shop.before), "a dry run changes nothing"

    done = json.loads(shop.daemon.command("erase", "shop", f"anonymous_id:{anonymous}", "--file", asked, "--request", "ticket 7",
                                          "--json").stdout)
    assert (done["state"], done["people"], done["unknown"]) == ("complete", 3, 0), done
    assert done["segment_ids"] == len(segments) and done["request"] == "ticket 7"
    assert {name: (t["rows_removed"], t["rows_blanked"]) for name, t in done["tables"].items()} == \
        {name: (t["rows_removed"], t["rows_blanked"]) for name, t in counted["tables"].items()}
    assert all(t["statement_ids"] for t in done["tables"].values())

    after = shop.read()
    expected, found = expected_rows(shop.before, segments, names), as_counters(after)
    for table in expected:
        if table in VIEWS:
            continue
        assert found[table] == expected[table], f"{table}: {(expected[table] - found[table]) or (found[table] - expected[table])}"
    removed = sum(len(rows) for t, rows in shop.before.rows.items() if t not in VIEWS) - \
        sum(len(rows) for t, rows in after.rows.items() if t not in VIEWS)
    assert done["rows_removed"] == removed

    gone = telling(names) + sorted(segments)
    text = {table: "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) for table, rows in after.rows.items()}
    assert [(table, word) for table, rows in text.items() for word in gone if word in rows] == []
    receipt = shop.daemon.command("erasures", "shop", done["number"], "--json").stdout
    assert [word for word in gone if word in receipt] == [], "the receipt names nobody"
    shown = shop.daemon.command("erasures", "shop", done["number"]).stdout
    assert "VACUUM" in shown and "complete" in shown


def test_nothing_is_left_in_the_volume_and_on_the_disk(shop):
    people = shop.choose()
    names = set().union(*(shop.names(who) for who in people))
    assert list(Path(shop.workspace.state).rglob("*load-*.parquet*")) == [], "staged files"
    left = [(file.name, word) for file in sorted((shop.config.state / "store").iterdir()) if file.is_file()
            for data in [file.read_bytes()] for word in telling(names) if word.encode() in data]
    assert left == []
    log = shop.daemon.log.read_text(errors="replace")
    assert [word for word in telling(names) if word in log] == []


def test_a_killed_daemon_goes_on_with_an_erasure(shop):
    before = shop.read()
    merges = Counter(row["canonical_segment_id"] for row in before.table("profile_merges"))
    who = merges.most_common(1)[0][0]
    segments = {row["segment_id"] for row in before.table("profile_merges") if row["canonical_segment_id"] == who}
    names = {(row["type"], row["value"]) for row in before.table("user_identifiers") if row["canonical_segment_id"] == who}
    begun = json.loads(shop.daemon.command("erase", "shop", who, "--no-wait", "--suppress", "--json").stdout)
    for pause in (0.3, 1.0):
        time.sleep(pause)
        shop.daemon.kill()
        shop.daemon.start()
    done = shop.wait_for(begun["number"])
    assert done["state"] == "complete", done
    expected, found = expected_rows(before, segments, names), as_counters(shop.read())
    assert {t: rows for t, rows in found.items() if t not in VIEWS} == {t: rows for t, rows in expected.items() if t not in VIEWS}
    removed = sum(sum(rows.values()) for rows in as_counters(before).values()) - sum(sum(rows.values()) for rows in found.values())
    in_views = sum(len(before.table(v)) - len(rows) for v in VIEWS for rows in [shop.read().table(v)])
    assert done["rows_removed"] == removed - in_views

    # Suppressed: the file of the week once more, and nothing of them comes back.
    shop.daemon.command("import", "shop", shop.week.file, "--again")
    shop.daemon.command("sync", "shop", "--wait")
    text = json.dumps(shop.read().rows, ensure_ascii=False)
    # A device that others used too comes back with their calls: only the person's own names stay away.
    own = {(kind, value) for kind, value in names if kind in ("user_id", "email")}
    assert [word for word in telling(own) + sorted(segments) if word in text] == []


def test_somebody_unknown_and_something_malformed(shop):
    unknown = shop.daemon.command("erase", "shop", "email:nobody@mail.example")
    assert "Nobody of them is known" in unknown.stdout and "no table has a row of them" in unknown.stdout
    wrong = shop.daemon.command("erase", "shop", "nobody", check=False)
    assert wrong.returncode == 64 and "TYPE:VALUE" in wrong.stderr
    nobody = shop.daemon.command("erase", "shop", check=False)
    assert nobody.returncode == 64 and "nobody is named" in nobody.stderr


def test_vacuum_waits_for_the_retention(shop):
    before = shop.read()
    who = before.table("profile_merges")[0]["canonical_segment_id"]
    done = json.loads(shop.daemon.command("erase", "shop", who, "--vacuum", "--json").stdout)
    assert done["state"] == "vacuum_due" and done["vacuum_due_us"] - done["deleted_us"] == 7 * 24 * 3600 * 1_000_000, done
    listed = shop.daemon.command("erasures", "shop").stdout
    assert "VACUUM follows after" in listed
