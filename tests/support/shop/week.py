"""The stream: visits of all people over one week, merged by time, with what goes wrong on the way.

Memory is bounded by the visits that are under way at one moment, not by the number of calls or people.
"""

from __future__ import annotations

import copy
import heapq
import json
import math
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator

from . import oddities
from .people import person, stable_random, stable_uuid
from .visits import APP, SERVER, WEBSITE, visit_calls

WEEK_MS = 7 * 24 * 3600 * 1000
CALLS_PER_VISIT = 2.87            # measured; only spaces the visits over the week
DEFAULT_START = "2025-03-03"     # a Monday
WRITE_KEYS = {WEBSITE: "shop-website-write-key", APP: "shop-app-write-key", SERVER: "shop-server-write-key"}

# Chances per call, in the order in which they are drawn.
LATE, WRONG_CLOCK, ODD_EVENT, ODD_PROPERTIES, CONFLICT, NO_MESSAGE_ID, DUPLICATE, BAD_CALL, BAD_TEXT = (
    0.010, 0.001, 0.012, 0.015, 0.012, 0.003, 0.012, 0.008, 0.002)


@dataclass
class Settings:
    seed: int = 1
    people: int = 2_000
    calls: int = 25_000
    start: datetime = field(default_factory=lambda: parse_start(DEFAULT_START))
    write_keys: dict[str, str] = field(default_factory=lambda: dict(WRITE_KEYS))


@dataclass
class Item:
    """One line of the week. `call` is None where the text is not a call at all (`raw`)."""
    source: str
    at_ms: int                   # since the start of the week; the daemon sees the items in this order
    call: dict[str, Any] | None
    raw: bytes | None = None
    reason: str | None = None    # the daemon's word for the refusal; None = accepted
    labels: tuple[str, ...] = ()


def parse_start(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def stamp(start: datetime, at_ms: int) -> str:
    moment = start + timedelta(milliseconds=at_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _visitors(settings: Settings) -> Iterator[tuple[int, int]]:
    """(person, number of the visit) without end: every round visits all people in another order."""
    count, number = settings.people, 0
    while True:
        rng = stable_random(settings.seed, "round", number)
        step = rng.randrange(1, count) if count > 1 else 1
        while math.gcd(step, count) != 1:
            step += 1
        at = rng.randrange(count)
        for _ in range(count):
            yield at, number
            at = (at + step) % count
        number += 1


def _time_of_visit(index: int, visits: int) -> int:
    """Visits start evenly by count, with a daily rhythm: few at night."""
    days = 7 * index / visits
    whole, part = divmod(days, 1)
    return int((whole + part - 0.12 * math.sin(2 * math.pi * part)) * 24 * 3600 * 1000)


def _well_formed(settings: Settings) -> Iterator[tuple[int, random.Random, str, dict[str, Any]]]:
    """(time, the visit's generator, source, call) in order of time."""
    waiting: list[tuple[int, int, int, random.Random, str, dict[str, Any]]] = []
    visits = max(1, math.ceil(settings.calls / CALLS_PER_VISIT))
    for index, (number, round_) in enumerate(_visitors(settings)):
        begins = _time_of_visit(index, visits)
        while waiting and waiting[0][0] < begins:
            at_ms, _, _, rng, source, call = heapq.heappop(waiting)
            yield at_ms, rng, source, call
        rng = stable_random(settings.seed, "visit", index)
        at_ms = begins
        for place, (source, call) in enumerate(visit_calls(person(settings.seed, number), round_, rng)):
            at_ms += rng.randrange(1_500, 60_000)
            heapq.heappush(waiting, (at_ms, index, place, rng, source, call))


def week(settings: Settings) -> Iterator[Item]:
    """Exactly `settings.calls` items."""
    recent: deque[Item] = deque(maxlen=400)
    produced = 0
    if settings.calls == 0:
        return
    for at_ms, rng, source, call in _well_formed(settings):
        if produced == settings.calls // 2:
            recent.clear()       # a duplicate stays in the half of its original: the halves take different ways in
        item = _finish(settings, at_ms, rng, source, call, produced)
        for made in _with_trouble(settings, item, rng, recent):
            yield made
            produced += 1
            if produced == settings.calls:
                return
            if produced == settings.calls // 2:
                recent.clear()
        if item.call["messageId"]:
            recent.append(item)


def _finish(settings: Settings, at_ms: int, rng: random.Random, source: str, call: dict[str, Any], produced: int) -> Item:
    """Adds ids and times, and the oddities that leave the call valid."""
    labels = []
    happened = at_ms
    draw = rng.random()
    if draw < LATE:
        happened, labels = at_ms - rng.randrange(3600, 40 * 24 * 3600) * 1000, ["late"]
    elif draw < LATE + WRONG_CLOCK:
        happened, labels = at_ms + rng.randrange(2, 30) * 24 * 3600 * 1000, ["wrong_clock"]
    if call["type"] == "track":
        draw = rng.random()
        if draw < ODD_EVENT:
            call["event"] = rng.choice(oddities.ODD_EVENTS)
            labels.append("odd_event")
        elif draw < ODD_EVENT + ODD_PROPERTIES:
            call["properties"] = {**call.get("properties", {}), **oddities.odd_properties(rng)}
            labels.append("odd_properties")
        elif draw < ODD_EVENT + ODD_PROPERTIES + CONFLICT:
            extra = oddities.conflicting_property(rng, early=produced < settings.calls // 5)
            call["properties"] = {**call.get("properties", {}), **extra}
            labels.append("conflict")
    call["messageId"] = f"{source[:3]}-{stable_uuid(rng)}"
    if "userId" in call and rng.random() < NO_MESSAGE_ID and produced < settings.calls // 2:
        call["messageId"] = rng.choice(("", None))    # only in the half for files: over HTTP, a retry would double it
        labels.append("no_message_id")
    call["timestamp"] = stamp(settings.start, happened)
    if source == APP or rng.random() < 0.3:
        call["sentAt"] = stamp(settings.start, at_ms - 40)
    call["receivedAt"] = stamp(settings.start, at_ms)
    call["writeKey"] = settings.write_keys[source]
    return Item(source, at_ms, call, labels=tuple(labels))


def _with_trouble(settings: Settings, item: Item, rng: random.Random, recent: deque[Item]) -> Iterator[Item]:
    """The item itself, and sometimes a duplicate of an earlier one, a bad call or a bad line after it."""
    yield item
    draw = rng.random()
    call = item.call
    assert call is not None
    if draw < DUPLICATE and recent:
        again = recent[rng.randrange(len(recent))]
        twin = copy.deepcopy(again.call)
        assert twin is not None
        twin["receivedAt"] = call["receivedAt"]
        yield Item(again.source, item.at_ms, twin, reason="duplicate", labels=("duplicate",))
    elif draw < DUPLICATE + BAD_CALL:
        reason, bad = oddities.bad_call({**call, "messageId": f"bad-{stable_uuid(rng)}"}, rng)
        yield Item(item.source, item.at_ms, bad, reason=reason, labels=("malformed",))
    elif draw < DUPLICATE + BAD_CALL + BAD_TEXT:
        good = compact({**call, "messageId": f"bad-{stable_uuid(rng)}"})
        reason, raw = oddities.bad_text(good, rng)
        yield Item(item.source, item.at_ms, None, raw=raw, reason=reason, labels=("malformed",))


def count(counter: Counter, item: Item) -> None:
    """Adds an item to the summary that generate.py prints."""
    counter["calls"] += 1
    counter["accepted" if item.reason is None else "refused"] += 1
    if item.reason is not None:
        counter[f"refused:{item.reason}"] += 1
    else:
        assert item.call is not None
        counter[f"type:{item.call['type']}"] += 1
        counter[f"source:{item.source}"] += 1
    for label in item.labels:
        counter[f"label:{label}"] += 1
