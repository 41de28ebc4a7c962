"""`lakeferry why`, observations and a preview over landed calls, with a real daemon on the local workspace."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from .conftest import Setup
from .oracle import Arrival, Identifier, Oracle, Rules, accept
from .show import quoted
from .test_identity_rules import merges_between, partition, random_call, toml

CALLS, PEOPLE = 600, 25
RULES = Rules(identifiers=[Identifier("user_id"), Identifier("email", blocked=["e3@x.example"]), Identifier("customer", limit=1, keys=["customerId"]),
                           Identifier("anonymous_id", limit=2, window_days=30)], group_id=True)
CHANGED = Rules(identifiers=[Identifier("email", limit=1), Identifier("user_id", limit=3), Identifier("customer", keys=["customerId"])],
                fold_email_case=True)


class Outcome:
    def __init__(self, setup: Setup):
        config = setup.configure("identity_shop")
        space = config.folder / "spaces.d" / "shop.toml"
        space.write_text(space.read_text() + "\n" + toml(RULES))
        rng = random.Random(7)
        self.calls = [random_call(rng, number, PEOPLE, odd=False) for number in range(CALLS)]
        self.lines = [json.dumps(call).encode() for call in self.calls]
        self.file = config.folder / "calls.ndjson"
        self.file.write_bytes(b"\n".join(self.lines) + b"\n")
        self.changed = config.folder / "changed.toml"
        self.changed.write_text(toml(CHANGED))
        self.profiles = config.folder / "profiles.ndjson"
        self.daemon = setup.daemon(config)
        self.daemon.command("import", "shop", self.file)
        self.daemon.command("sync", "shop", "--wait")
        self.schema = f"{quoted(setup.workspace.ready['catalog'])}.{quoted(config.schema)}"
        self.sql = setup.workspace.sql

    def oracle(self, rules: Rules) -> Oracle:
        oracle = Oracle(rules)
        for line in self.lines:
            call = accept(Arrival(line, "website"))
            assert not isinstance(call, str), call
            oracle.feed(call)
        return oracle

    def why(self, *persons: str) -> dict[str, Any]:
        return json.loads(self.daemon.command("why", "shop", *persons, "--json").stdout)


@pytest.fixture(scope="module")
def outcome(home, binary, workspace):
    setup = Setup(home, binary, workspace)
    try:
        yield Outcome(setup)
    finally:
        setup.close()


def test_a_folded_or_custom_identifier_lands_as_the_rules_say(outcome):
    oracle = outcome.oracle(RULES)
    rows = outcome.sql(f"SELECT type, value FROM {outcome.schema}.`user_identifiers`")
    assert sorted((row["type"], row["value"]) for row in rows) == sorted(oracle.owner)
    assert {"group_id", "customer"} <= {row["type"] for row in rows}


def test_refusals_are_counted_in_status_metrics_and_the_list(outcome):
    expected = {name: count for name, count in outcome.oracle(RULES).notes.items() if count}
    space = next(one for one in outcome.daemon.status()["spaces"] if one["id"] == "shop")
    assert space["identity"]["notes"] == expected
    counted = {labels["note"]: count for labels, count in outcome.daemon.metrics()["lakeferry_identity_notes_total"] if labels["space"] == "shop"}
    assert counted == expected
    listed = json.loads(outcome.daemon.command("identity", "observations", "shop", "--most", 1000, "--json").stdout)
    assert listed["counts"] == expected
    assert len(listed["observations"]) == min(1000, sum(expected.values()))
    assert all(one["name"] != one["note"] for one in listed["observations"])
    text = outcome.daemon.command("identity", "observations", "shop").stdout
    assert "limit exceeded" in text and "limit_exceeded" in outcome.daemon.command("status", "shop").stdout


def test_why_tells_of_every_profile_what_the_oracle_knows(outcome):
    oracle = outcome.oracle(RULES)
    creators = {row["segment"]: row["call"].message_id for row in oracle.graph if row["segment"] == row["canonical"]}
    for profile in list(oracle.profiles.values())[:40]:
        told = outcome.why(":".join(next(iter(profile.identifiers))))
        assert {(one["type"], one["value"]): one["event"]["id"] for one in told["identifiers"]} == \
            {identifier: call.message_id for identifier, call in profile.identifiers.items()}
        story = told["story"]
        assert [one["order"] for one in story] == sorted(one["order"] for one in story)
        assert {one["event"]["id"] for one in story if one["what"] == "created"} == {creators[n] for n in (profile.number, *profile.members)}
        merged = [one for one in story if one["what"] == "merged"]
        assert sum(len(one["merged"]) for one in merged) == len(profile.members)
        assert len(told["ids"]) == 1 + len(profile.members)


def test_why_of_two_says_what_joined_them_or_kept_them_apart(outcome):
    oracle = outcome.oracle(RULES)
    joined = next(profile for profile in oracle.profiles.values() if profile.members)
    ids = outcome.why(":".join(next(iter(joined.identifiers))))["ids"]
    told = outcome.why(ids[0], ids[1])
    assert told["together"] and told["merges"]
    assert "What joined them" in outcome.daemon.command("why", "shop", ids[0], ids[1]).stdout
    listed = json.loads(outcome.daemon.command("identity", "observations", "shop", "--most", 1000, "--json").stdout)["observations"]
    for one in listed:
        if one["note"] == "limit_exceeded" and len(one.get("profiles", ())) == 2:
            told = outcome.why(*one["profiles"])
            if not told["together"]:
                assert "limit_exceeded" in {reason["note"] for reason in told["reasons"]}
                assert "What kept them apart" in outcome.daemon.command("why", "shop", *one["profiles"]).stdout
                break
    else:
        pytest.fail("no limit kept two profiles apart: the calls of this test are too tame")


@pytest.mark.parametrize("arguments, status, words", (
    (("shop", "user_id:nobody-at-all"), 1, "no call has brought it"), (("shop", "user_id:null"), 1, "is blocked for all types"),
    (("shop", "nobody"), 64, "write TYPE:VALUE"), (("moon", "user_id:u1"), 1, "There is no space \"moon\""), (("shop",), 64, "person")))
def test_why_says_what_is_wrong(outcome, arguments, status, words):
    done = outcome.daemon.command("why", *arguments, check=False)
    assert done.returncode == status and words in done.stderr, done.stderr


def test_personal_answers_are_not_given_over_tcp(outcome):
    import urllib.error
    import urllib.request
    for what in ("why?who=user_id:u1", "observations"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{outcome.daemon.config.admin}/api/v1/spaces/shop/{what}", timeout=30)
        assert refused.value.code == 403


def test_a_preview_over_landed_calls_agrees_with_the_oracle_and_touches_nothing(outcome):
    before = outcome.daemon.status()["spaces"]
    done = outcome.daemon.command("identity", "preview", "shop", "--rules", outcome.changed, "--landed", "--profiles", outcome.profiles, "--json")
    report = json.loads(done.stdout)
    assert report["input"]["missing"] == [] and report["calls"] == sum(len(rows) for table, rows in outcome.oracle(RULES).events.items()
                                                                          if table in ("identifies", "tracks", "pages", "screens", "groups", "aliases"))
    written = [json.loads(line) for line in outcome.profiles.read_text().splitlines()]
    sides = {"current": outcome.oracle(RULES), "changed": outcome.oracle(CHANGED)}
    for name, oracle in sides.items():
        found = sorted((row["created_by"], sorted(row["identifiers"])) for row in written if row["rules"] == name)
        assert found == partition(oracle), name
        assert report[name]["refused"] == {note: count for note, count in oracle.notes.items() if count}, name
    assert report["merges"] == {"added": merges_between(sides["current"], sides["changed"], True),
                                "removed": merges_between(sides["changed"], sides["current"], True)}
    after = outcome.daemon.status()["spaces"]
    assert [one["identity"] for one in after] == [one["identity"] for one in before]


def test_a_preview_over_the_file_says_the_same(outcome):
    landed, file = (json.loads(outcome.daemon.command("identity", "preview", "shop", "--rules", outcome.changed, *what, "--json").stdout)
                    for what in (("--landed",), ("--calls", outcome.file)))
    for name in ("current", "changed", "merges", "profiles", "added", "removed"):
        assert landed[name] == file[name], name
