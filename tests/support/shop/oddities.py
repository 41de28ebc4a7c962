"""What real streams also contain: odd names, values that change type, and calls that must be refused.

A bad call is made from a good one. Its reason is the daemon's word for the refusal, so that a test can compare the
two counts reason by reason.
"""

from __future__ import annotations

import copy
import random
from typing import Any, Callable

LONG_WORD = "a very long event name that somebody built by joining every label of the page it was sent from "

ODD_EVENTS = (
    "searchPerformed", "Search Performed",    # two names, one table
    "お気に入りに追加",                          # no ASCII letter at all
    "select",                                 # a reserved word
    "users", "tracks",                        # names of tables that exist already
    "2FA Enabled", "product viewed!!",        # begins with a digit; shares the table of "Product Viewed"
    (LONG_WORD * 3).strip(),                  # longer than any column or table name may be
)

ODD_KEYS: tuple[tuple[str, Any], ...] = (
    ("gift wrap", True), ("giftMessage", "for you"), ("gift_message", "for us"),   # the last two share a column
    ("id", "own-id"), ("timestamp", "yesterday"), ("context_page", "home"),        # reserved: get a leading _
    ("order", 3), ("group", "b"), ("from", "mail"), ("select", "x"),               # reserved in SQL only
    ("ключ", "значение"), ("数量", 2), ("€", 9.5),                                   # nothing ASCII in the name
    ("$price£", 12.75), ("UPPER", "case"), ("HTTPStatus", 200), ("__proto__", "p"),
    ("note", "línea 1\nline 2\t\"quoted\" \\ back 🛒 \u0000end"),
    ("k" * 150, "long key"), ("empty", ""), ("nothing", None), ("emptyObject", {}), ("emptyList", []),
    ("mixed", [1, "two", None, {"three": [3.0, True]}]),
    ("deep", {"a": {"b": {"c": {"d": {"e": "bottom"}}}}}),
)

# The value that most calls send, and the one that does not fit the column which the first one made.
CONFLICTS: tuple[tuple[str, Any, Any], ...] = (
    ("quantity", 2, "a few"), ("inStock", True, "maybe"), ("rating", 4, 4.5), ("weight", 1.25, "heavy"),
    ("reference", 41, 92_233_720_368_547_758_080),   # an integer of more than 64 bits
    ("seenAt", "2025-01-05T10:00:00Z", "last Sunday"),
)


def odd_properties(rng: random.Random) -> dict[str, Any]:
    return {key: value for key, value in rng.sample(ODD_KEYS, 4)}


def conflicting_property(rng: random.Random, early: bool) -> dict[str, Any]:
    """Early in the week only the usual value is sent: it makes the column, and with it the column's type."""
    key, usual, odd = rng.choice(CONFLICTS)
    return {key: odd if rng.random() < 0.25 and not early else usual}


# ---- calls to refuse ------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any], random.Random], None]


def _set(**fields: Any) -> Change:
    def change(call: dict[str, Any], rng: random.Random) -> None:
        call.update(copy.deepcopy(fields))
    return change


def _drop(*names: str) -> Change:
    def change(call: dict[str, Any], rng: random.Random) -> None:
        for name in names:
            call.pop(name, None)
    return change


def _as(call_type: str, then: Change) -> Change:
    def change(call: dict[str, Any], rng: random.Random) -> None:
        for name in ("traits", "properties", "event", "name", "category", "groupId", "previousId"):
            call.pop(name, None)
        call["type"] = call_type
        call["userId"] = call.get("userId") or "u-refused"
        then(call, rng)
    return change


# reason -> how a good call becomes a bad one. Every entry breaks exactly one rule.
BAD_CALLS: tuple[tuple[str, Change], ...] = (
    ("unknown_type", _set(type="purchase")), ("unknown_type", _drop("type")), ("unknown_type", _set(type="Track")),
    ("message_id_not_string", _set(messageId=12345)), ("message_id_too_long", _set(messageId="m" * 101)),
    ("id_not_string", _set(userId={"id": 7})), ("id_not_string", _set(userId=1.5)),
    ("id_not_string", _set(anonymousId=["a"])), ("id_not_string", _set(userId=True)),
    ("no_user_anon_id", _drop("userId", "anonymousId")), ("no_user_anon_id", _set(userId="", anonymousId=" \t")),
    ("id_required", _as("alias", _set())), ("id_required", _as("group", _set(groupId=""))),
    ("group_id_too_long", _as("group", _set(groupId="g" * 501))),
    ("event_not_defined", _as("track", _set())), ("event_not_defined", _as("track", _set(event="  "))),
    ("event_not_string", _as("track", _set(event=404))),
    ("traits_not_object", _as("identify", _set(traits=["email"]))),
    ("properties_not_object", _as("track", _set(event="Cart Viewed", properties="none"))),
    ("too_many_properties", _as("page", _set(properties={f"p{i}": i for i in range(300)}))),
    ("too_many_traits", _as("identify", _set(traits={f"t{i}": i for i in range(301)}))),
    ("context_not_object", _set(context="web")),
    ("name_not_string", _as("page", _set(name=42))), ("category_not_string", _as("screen", _set(category={}))),
    ("unknown_source", _set(writeKey="nobody-knows-this-key")),
    ("too_large", _as("track", _set(event="Cart Viewed", properties={"blob": "x" * 33_000}))),
)

# reason -> text that stands in the place of a call's JSON. Only in files and in bodies sent as they are.
BAD_TEXTS: tuple[tuple[str, Callable[[str], bytes]], ...] = (
    ("bad_request", lambda text: text[:-7].encode()),                               # cut off
    ("bad_request", lambda text: b"[1, 2, 3]"),                                     # not an object
    ("bad_request", lambda text: b"\"just text\""),
    ("bad_request", lambda text: text.replace('"type"', '"bad\udcff"', 1).encode("utf-8", "surrogateescape")),
    ("bad_request", lambda text: text[:-1].encode() + b',"n":NaN}'),
    ("bad_request", lambda text: b"message=hello&type=track"),
)


def bad_call(good: dict[str, Any], rng: random.Random) -> tuple[str, dict[str, Any]]:
    reason, change = rng.choice(BAD_CALLS)
    call = copy.deepcopy(good)
    change(call, rng)
    return reason, call


def bad_text(good_json: str, rng: random.Random) -> tuple[str, bytes]:
    reason, change = rng.choice(BAD_TEXTS)
    return reason, change(good_json)
