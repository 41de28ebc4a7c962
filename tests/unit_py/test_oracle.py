"""The oracle against the rules' own examples, and against what the shop's generator says of its calls."""

import json
from collections import Counter

import pytest

from e2e.oracle import Arrival, Oracle, accept, names, times, values
from shop import generate
from shop.week import WRITE_KEYS, Settings, week

SNAKE = {
    "samPLE text": "sam_ple_text", "sample-text": "sample_text", "sample___text": "sample_text", "sample_text": "sample_text",
    "inviteYourCustomersAddInvites": "invite_your_customers_add_invites", "sample 2 Text": "sample_2_text",
    "___$$Base64Encode": "base64_encode", "FOO:BAR$BAZ": "foo_bar_baz", "•¶§ƒ˚foo˙∆˚¬": "foo", "CStringRef": "cstring_ref",
    "THE5r": "the5r", "edf_6N": "edf_6n", "f_pX9": "f_p_x9", "p_z9Rg": "p_z9_rg", "2FA Enabled": "2fa_enabled",
    "Enabled 2FA": "enabled_2fa", "lk0B@bFmjrLQ_Z6YL": "lk0_b_b_fmjr_lq_z6yl",
}
HOUR = 3600 * 1_000_000


@pytest.mark.parametrize("text, name", SNAKE.items())
def test_names(text, name):
    assert names.segment(text) == name


def test_names_that_need_more():
    assert names.segment("お") == "u_" + __import__("hashlib").sha1("お".encode()).hexdigest()[:8]
    assert names.column(["id"]) == "_id" and names.column(["context", "x"]) == "_context_x"
    assert names.column(["address", "street"]) == "address_street"
    assert len(names.column(["k" * 300])) == 128
    assert names.event_table("Users") == "_users" and names.event_table("Order Completed") == "order_completed"


@pytest.mark.parametrize("text, us", (
    ("1970-01-02", 86_400_000_000), ("1970-01-01T00:00:01Z", 1_000_000), ("1970-01-01 01:00", HOUR), ("1970-01-01T01:00+01:00", 0),
    ("1970-01-01T00:00:00.1234567Z", 123_456), ("1970-01-01T00:00:00-0030", HOUR // 2), ("1970-01-01T00:00:60Z", None),
    ("2025-02-30", None), ("yesterday", None), (12, None), ("1970-01-01T00:00:00 Z", None)))
def test_times(text, us):
    assert times.parse(text) == us


def test_clock_correction():
    assert times.corrected(10 * HOUR, 8 * HOUR, 7 * HOUR) == 9 * HOUR
    assert times.corrected(10 * HOUR, None, 35 * HOUR) == 10 * HOUR
    assert times.corrected(10 * HOUR, None, 34 * HOUR) == 34 * HOUR


def feed(*calls):
    oracle = Oracle()
    for number, call in enumerate(calls):
        text = json.dumps({"type": "identify", "messageId": f"m{number}", **call}).encode()
        read = accept(Arrival(text, "web", received=number * HOUR))
        assert not isinstance(read, str), read
        oracle.feed(read)
    return oracle


def rows(oracle):
    return [(row["segment"], row["canonical"], row["call"].message_id) for row in oracle.graph]


def test_merges_of_merges():
    oracle = feed({"anonymousId": "app"}, {"anonymousId": "a"}, {"anonymousId": "b", "traits": {"email": "e@x.example"}},
                  {"anonymousId": "a", "userId": "u", "traits": {"email": "e@x.example"}}, {"anonymousId": "app", "userId": "u"})
    assert rows(oracle) == [(0, 0, "m0"), (1, 1, "m1"), (2, 2, "m2"), (2, 1, "m3"), (1, 0, "m4"), (2, 0, "m4")]
    assert oracle.user_identifiers()["email", "e@x.example"][0] == 0


def test_a_second_user_does_not_join_through_a_shared_device():
    oracle = feed({"anonymousId": "tablet", "userId": "u1"}, {"anonymousId": "tablet", "userId": "u2"})
    assert rows(oracle) == [(0, 0, "m0"), (1, 1, "m1")]
    assert oracle.user_identifiers()["anonymous_id", "tablet"][0] == 0


def test_the_sixth_email_is_not_attached():
    oracle = feed(*({"userId": "u", "traits": {"email": f"{n}@x.example"}} for n in range(6)))
    assert {value for kind, value in oracle.user_identifiers() if kind == "email"} == {f"{n}@x.example" for n in range(5)}
    assert oracle.user_traits()[0, "email"][0] == "5@x.example"


def test_late_traits_do_not_overwrite_and_null_unsets():
    oracle = feed({"userId": "u", "traits": {"plan": "new"}, "timestamp": "2025-01-02"},
                  {"userId": "u", "traits": {"plan": "old", "city": "x"}, "timestamp": "2025-01-01"},
                  {"userId": "u", "traits": {"city": None}, "timestamp": "2025-01-01T01:00:00Z"})
    # Times far ahead of the receive time count as the receive time; then the order of arrival decides.
    assert oracle.user_traits()[0, "plan"][0] == "old"
    oracle = feed({"userId": "u", "traits": {"plan": "new"}, "timestamp": "1969-01-02"},
                  {"userId": "u", "traits": {"plan": "old", "city": "x"}, "timestamp": "1969-01-01"},
                  {"userId": "u", "traits": {"city": None}, "timestamp": "1969-01-01T01:00:00Z"})
    assert {name: value for (_, name), (value, _) in oracle.user_traits().items()} == {"plan": "new"}
    assert len(oracle.trait_rows) == 3


def test_blocked_values_leave_an_event_unresolved():
    oracle = feed({"anonymousId": "00000000-0000-0000-0000-000000000000"}, {"userId": "null"})
    assert oracle.graph == [] and [row["profile"] for row in oracle.events["identifies"]] == [None, None]


def test_column_types_stay():
    types = values.Types()
    assert types.row("t", {"n": 1}) == ({"n": 1}, set())
    assert types.row("t", {"n": "one"}) == ({}, {"n"})
    assert types.row("t", {"d": 1.5, "s": "x"}) == ({"d": 1.5, "s": "x"}, set())
    assert types.row("t", {"d": 2, "s": True}) == ({"d": 2.0, "s": "true"}, set())


def test_the_generator_and_the_oracle_agree_on_every_call():
    keys = {key: source for source, key in WRITE_KEYS.items()}
    oracle, told, judged = Oracle(), Counter(), Counter()
    for item in week(Settings()):
        read = accept(Arrival(generate.file_line(item), None, sources=keys))
        told[item.reason] += 1
        if isinstance(read, str):
            judged[read] += 1
            assert read == item.reason
            continue
        duplicates = oracle.duplicates
        oracle.feed(read)
        judged["duplicate" if oracle.duplicates > duplicates else None] += 1
    assert judged == told
    merged_again = Counter(row["segment"] for row in oracle.graph)
    assert max(merged_again.values()) >= 3, "no merge of merges in the week"
    assert any(row["profile"] is None for row in oracle.events["pages"]), "no unresolved call in the week"
    assert any(row["lost"] for rows in oracle.events.values() for row in rows), "no type conflict in the week"
    assert len(oracle.events) < 30
