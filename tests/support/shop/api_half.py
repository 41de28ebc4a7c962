"""The half of the week that is sent over HTTP, one JSON line a request or a call.

A line is either a call, which send.py hands to a Segment client library, or `{"raw": …}`: a body that the library would
refuse to send, with the answer that it must get. The calls stand in the order in which they are to be sent: inside a
window, source by source, because one client library instance serves one source and sends batches.
"""

from __future__ import annotations

import base64
from typing import Any, Iterable, Iterator

from .week import Item, compact

WINDOW = 600          # items that are sorted by source together
SINGLE_STATUS = {"unknown_source": [401], "too_large": [413]}   # every other refusal of a single call is a 400
NEVER_SINGLE = ("unknown_type",)      # on /v1/track the path says what the type is
NEVER_BATCHED = ("unknown_source",)   # a batch has one key for all its calls


def _for_http(call: dict[str, Any]) -> dict[str, Any]:
    # Over HTTP the daemon's own clock says when a call was received, and the library says when it was sent.
    return {key: value for key, value in call.items() if key not in ("receivedAt", "sentAt")}


def _single(item: Item, write_key: str) -> dict[str, Any]:
    expect = {"status": SINGLE_STATUS.get(item.reason or "", [400]), "reason": item.reason}
    if item.call is None:
        assert item.raw is not None
        return {"raw": {"path": "/v1/track", "write_key": write_key, "body_base64": base64.b64encode(item.raw).decode(),
                        "expect": expect}}
    key = None if item.reason == "unknown_source" else write_key
    return {"raw": {"path": f"/v1/{item.call['type']}", "write_key": key, "body": compact(_for_http(item.call)),
                    "expect": expect}}


def _batch(bad: Item, good: Item, write_key: str) -> dict[str, Any]:
    assert bad.call is not None and good.call is not None
    body = {"batch": [_for_http(bad.call), _for_http(good.call)], "writeKey": write_key}
    return {"raw": {"path": "/v1/batch", "write_key": write_key, "body": compact(body),
                    "expect": {"status": [200], "rejected": {"0": bad.reason}}}}


def _window_lines(items: list[Item], write_keys: dict[str, str]) -> Iterator[dict[str, Any]]:
    held: Item | None = None          # a bad call that shares a batch with the next good call of its source
    for place, item in enumerate(sorted(items, key=lambda one: one.source)):
        key = write_keys[item.source]
        if held is not None and (item.source != held.source or item.reason is not None):
            # No partner came. Without one it goes alone, or in a batch by itself.
            yield _single(held, write_keys[held.source]) if held.reason not in NEVER_SINGLE else _alone(held, write_keys)
            held = None
        if item.reason is None and held is not None:
            yield _batch(held, item, key)
            held = None
        elif item.reason in (None, "duplicate"):
            assert item.call is not None
            yield _for_http(item.call)
        elif item.reason in NEVER_SINGLE or (item.call is not None and item.reason not in NEVER_BATCHED and place % 2):
            held = item
        else:
            yield _single(item, key)
    if held is not None:
        yield _single(held, write_keys[held.source]) if held.reason not in NEVER_SINGLE else _alone(held, write_keys)


def _alone(bad: Item, write_keys: dict[str, str]) -> dict[str, Any]:
    assert bad.call is not None
    key = write_keys[bad.source]
    return {"raw": {"path": "/v1/batch", "write_key": key, "body": compact({"batch": [_for_http(bad.call)]}),
                    "expect": {"status": [200], "rejected": {"0": bad.reason}}}}


def lines(items: Iterable[Item], write_keys: dict[str, str]) -> Iterator[dict[str, Any]]:
    window: list[Item] = []
    for item in items:
        window.append(item)
        if len(window) == WINDOW:
            yield from _window_lines(window, write_keys)
            window = []
    yield from _window_lines(window, write_keys)
