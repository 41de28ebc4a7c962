"""The shop week: the same for the same seed, of the promised size, and with everything in it that tests rely on."""

import gzip
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from shop import api_half, generate, oddities
from shop.people import JOURNEYS, person
from shop.week import Settings, count, stamp, week

SCRIPT = Path(generate.__file__)
TYPES = {"identify", "track", "page", "screen", "group", "alias"}


@pytest.fixture(scope="module")
def items():
    return list(week(Settings()))


@pytest.fixture(scope="module")
def accepted(items):
    return [item.call for item in items if item.reason is None]


def run(*arguments, cwd):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], cwd=cwd, capture_output=True, text=True)


def test_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        result = run("--calls", 3000, "--people", 300, "--out", "w.ndjson.gz", "--api", "api.ndjson", cwd=tmp_path / name)
        assert result.returncode == 0, result.stderr
    for file in ("w.ndjson.gz", "api.ndjson"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_another_seed_gives_another_week():
    one, two = (list(islice(week(Settings(seed=seed)), 100)) for seed in (1, 2))
    assert [item.call for item in one] != [item.call for item in two]


def test_the_start_moves_the_times_and_nothing_else():
    def without_times(settings):
        for item in islice(week(settings), 2000):
            call = None if item.call is None else {k: v for k, v in item.call.items() if k not in ("timestamp", "receivedAt", "sentAt")}
            yield item.source, item.reason, call
    moved = Settings(start=generate.parse_start("2026-01-05"))
    assert list(without_times(Settings())) == list(without_times(moved))


@pytest.mark.parametrize("calls", (0, 1, 2, 999))
def test_exactly_as_many_items_as_asked_for(calls):
    assert len(list(week(Settings(calls=calls, people=50)))) == calls


def test_both_halves_together_are_the_week(tmp_path, items):
    counts = generate.write(Settings(), str(tmp_path / "f.ndjson"), str(tmp_path / "a.ndjson"))
    assert counts["file"]["calls"] == counts["api"]["calls"] == 12_500
    whole = Counter()
    for item in items:
        count(whole, item)
    assert counts["file"] + counts["api"] == whole
    lines = [line for line in (tmp_path / "f.ndjson").read_bytes().split(b"\n") if line]
    assert lines == [generate.file_line(item) for item in items[:12_500]]


def test_every_type_comes_in_both_halves_and_from_every_source(items):
    for half in (items[:12_500], items[12_500:]):
        assert {item.call["type"] for item in half if item.reason is None} == TYPES
        assert {item.source for item in half} == {"website", "app", "server"}


def test_people_come_often_enough_to_meet_again(accepted):
    users = Counter(str(call["userId"]) for call in accepted if "userId" in call)
    assert len(users) > 1_000
    assert sum(1 for times in users.values() if times > 5) > 500


def test_anonymous_visitors_log_in_later(accepted):
    first_user = {}
    for call in accepted:
        anonymous = call.get("anonymousId")
        if anonymous is not None:
            first_user.setdefault(anonymous, []).append("userId" in call)
    later = [seen for seen in first_user.values() if not seen[0] and any(seen)]
    assert len(later) > 500


def test_devices_are_shared_and_emails_change(accepted):
    users_of, emails_of = {}, {}
    for call in accepted:
        if "userId" in call and "anonymousId" in call:
            users_of.setdefault(call["anonymousId"], set()).add(str(call["userId"]))
        if call["type"] == "identify" and "userId" in call:
            emails_of.setdefault(str(call["userId"]), set()).add(call["traits"].get("email"))
    assert sum(1 for users in users_of.values() if len(users) > 1) > 20
    assert sum(1 for emails in emails_of.values() if len(emails) > 1) > 20


def test_traits_are_unset_nested_and_of_changing_type(accepted):
    traits = [call["traits"] for call in accepted if call["type"] == "identify"]
    assert any("phone" in one and one["phone"] is None for one in traits)
    assert any(isinstance(one.get("address", {}).get("geo"), dict) for one in traits)
    assert any(isinstance(one.get("interests"), list) for one in traits)
    assert {type(one["age"]) for one in traits if "age" in one} == {int, str}
    assert any(one.get("loyaltyNumber", 0) > 2**53 for one in traits)


def test_the_usual_value_of_a_conflict_comes_first(accepted):
    kinds = {}
    for call in accepted:
        for key, usual, _ in oddities.CONFLICTS:
            value = (call.get("properties") or {}).get(key)
            if value is not None:
                kinds.setdefault(key, []).append(value == usual)
    assert set(kinds) == {key for key, _, _ in oddities.CONFLICTS}
    for key, usual in kinds.items():
        assert usual[0] and not all(usual), key


def test_every_odd_event_and_key_appears(accepted):
    events = {call["event"] for call in accepted if call["type"] == "track"}
    keys = {key for call in accepted for key in (call.get("properties") or {})}
    assert set(oddities.ODD_EVENTS) <= events
    assert {key for key, _ in oddities.ODD_KEYS} <= keys


def test_duplicates_repeat_an_accepted_call_of_their_half(items):
    for half in (items[:12_500], items[12_500:]):
        seen, found = set(), 0
        for item in half:
            if item.reason == "duplicate":
                assert item.call["messageId"] in seen
                found += 1
            elif item.reason is None and item.call["messageId"]:
                assert item.call["messageId"] not in seen
                seen.add(item.call["messageId"])
        assert found > 50


def test_late_calls_and_wrong_clocks_are_marked_and_are_so(items):
    settings = Settings()
    late = [item for item in items if "late" in item.labels and item.reason is None]
    ahead = [item for item in items if "wrong_clock" in item.labels and item.reason is None]
    assert len(late) > 100 and len(ahead) > 5
    assert all(item.call["timestamp"] < stamp(settings.start, item.at_ms - 3_599_000) for item in late)
    assert all(item.call["timestamp"] > stamp(settings.start, item.at_ms + 24 * 3600 * 1000) for item in ahead)


def test_times_do_not_go_back(items):
    assert all(one.at_ms <= two.at_ms for one, two in zip(items, items[1:]))
    assert items[0].at_ms < 3600 * 1000 and 6.8 * 86_400_000 < items[-1].at_ms < 7.2 * 86_400_000


def test_every_refusal_occurs(items):
    reasons = {item.reason for item in items if item.reason}
    assert reasons >= {reason for reason, _ in oddities.BAD_CALLS} | {"bad_request", "duplicate"}


def test_blank_message_ids_only_in_the_file_half(items):
    blank = [place for place, item in enumerate(items) if item.call and item.call.get("messageId", "x") in ("", None)]
    assert len(blank) > 5 and max(blank) < 12_500


def test_every_journey_is_taken():
    assert {person(1, number).journey for number in range(500)} == {name for name, _ in JOURNEYS}


def test_neighbours_share_their_tablet_or_neither_has_one():
    sharing = 0
    for number in range(0, 1000, 2):
        one, two = person(1, number), person(1, number + 1)
        assert (one.journey == "shared_tablet") == (two.journey == "shared_tablet")
        sharing += one.journey == "shared_tablet" and one.tablet == two.tablet
    assert sharing > 20


def test_memory_does_not_grow_with_the_stream():
    def peak(calls):
        tracemalloc.start()
        for _ in week(Settings(people=50_000, calls=calls)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most
    assert peak(12_000) < 2 * peak(3_000)


def test_compressed_and_plain_hold_the_same(tmp_path):
    for name in ("w.ndjson", "w.ndjson.gz"):
        generate.write(Settings(calls=500, people=60), str(tmp_path / name), None)
    assert gzip.decompress((tmp_path / "w.ndjson.gz").read_bytes()) == (tmp_path / "w.ndjson").read_bytes()


def test_bad_arguments_are_explained(tmp_path):
    for arguments, word in ((("--calls", 5), "nothing to write"), (("--out", "x", "--people", 0), "--people"),
                            (("--out", "x", "--start", "soon"), "--start must be a date")):
        result = run(*arguments, cwd=tmp_path)
        assert result.returncode == 2 and word in result.stderr
    result = run("--out", "no/such/folder/x", "--calls", 5, cwd=tmp_path)
    assert result.returncode == 1 and "cannot write no/such/folder/x" in result.stderr


def test_api_half_keeps_every_item_once(items):
    half = items[12_500:]
    calls, refused = Counter(), Counter()
    for line in api_half.lines(half, Settings().write_keys):
        raw = line.get("raw")
        if raw is None:
            calls[line["messageId"]] += 1
        elif "rejected" in raw["expect"]:
            batch = json.loads(raw["body"])["batch"]
            for place, call in enumerate(batch):
                reason = raw["expect"]["rejected"].get(str(place))
                if reason is None:
                    calls[call["messageId"]] += 1
                else:
                    refused[reason] += 1
        else:
            refused[raw["expect"]["reason"]] += 1
    assert calls == Counter(item.call["messageId"] for item in half if item.reason in (None, "duplicate"))
    assert refused == Counter(item.reason for item in half if item.reason not in (None, "duplicate"))
