"""Brings a shop week into a daemon, and tells the oracle the same story.

`requests()` turns the HTTP half into requests that can be repeated until they are answered, for tests that kill the
daemon; send.py with Segment's library stands for the other way.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

from shop import generate, send
from shop.week import Settings

from .oracle import Arrival, Oracle, accept
from .landed import Landed, micros
from .stack import WRITE_KEYS

SOURCES = {key: name for name, key in WRITE_KEYS.items()}


@dataclass
class Week:
    file: Path
    api: Path
    counts: dict[str, Any]


def make_week(folder: Path, **settings: Any) -> Week:
    folder.mkdir(parents=True, exist_ok=True)
    week = Week(folder / "week.ndjson.gz", folder / "week.api.ndjson", {})
    week.counts = generate.write(Settings(write_keys=dict(WRITE_KEYS), **settings), str(week.file), str(week.api))
    return week


# ---- the same week for the oracle -------------------------------------------------------------------------------

def _file_lines(week: Week) -> Iterator[bytes]:
    import gzip
    with gzip.open(week.file) as lines:
        for line in lines:
            if line.strip():
                yield line.rstrip(b"\n")


def as_library_sends(call: dict[str, Any]) -> dict[str, Any]:
    """What segment-analytics-python makes of a call."""
    from segment.analytics.version import VERSION
    sent = {key: value for key, value in call.items() if key != "writeKey"}
    for key in ("userId", "anonymousId"):
        if sent.get(key) is not None:
            sent[key] = str(sent[key])
    sent["context"] = {**sent.get("context", {}), "library": {"name": "analytics-python", "version": VERSION}}
    return sent


def told(week: Week, landed: Landed, library: bool) -> tuple[Oracle, dict[str, int]]:
    """The oracle after the whole week, and how many calls it refused by reason.

    Over HTTP the daemon's clock says when a call was received, and the library's when it was sent: both are taken from
    the row that landed. Everything that follows from them is the oracle's own.
    """
    oracle, refused, rows = Oracle(), {}, landed.call_rows()

    def take(arrival: Arrival) -> None:
        call = accept(arrival)
        if isinstance(call, str):
            refused[call] = refused.get(call, 0) + 1
        else:
            oracle.feed(call)

    def over_http(call: dict[str, Any], source: str | None, kind: str | None = None) -> None:
        row = rows.get(call.get("messageId"), {}) if isinstance(call.get("messageId"), str) else {}
        received, sent = micros(row.get("received_at")), micros(row.get("sent_at"))
        text = json.dumps(call, ensure_ascii=False, separators=(",", ":")).encode()
        # 0: a call that did not land; it is refused, or its absence will be noticed.
        take(Arrival(text, source, received=received or 0, batch_sent=sent, call_type=kind))

    for line in _file_lines(week):
        take(Arrival(line, None, sources=SOURCES))
    for line in send.read_lines(str(week.api)):
        raw = line.get("raw")
        if raw is None:
            over_http(as_library_sends(line) if library else line, SOURCES[line["writeKey"]])
        elif "body_base64" in raw:
            take(Arrival(base64.b64decode(raw["body_base64"]), SOURCES[raw["write_key"]], received=0))
        else:
            body = json.loads(raw["body"])
            for call in body.get("batch", [body]) if raw["path"] == "/v1/batch" else [body]:
                over_http(call, SOURCES.get(raw["write_key"] or ""), None if raw["path"] == "/v1/batch" else raw["path"][4:])
    return oracle, refused


# ---- requests that survive a killed daemon ----------------------------------------------------------------------

@dataclass
class Request:
    path: str
    write_key: str | None
    body: bytes
    good: bool       # must be answered with 200


def requests(week: Week, batch: int) -> Iterator[Request]:
    """The HTTP half in its order, in batches of at most `batch` calls of one source."""
    calls: list[dict[str, Any]] = []

    def flushed() -> Iterator[Request]:
        if calls:
            body = json.dumps({"batch": calls}, ensure_ascii=False, separators=(",", ":")).encode()
            yield Request("/v1/batch", calls[0]["writeKey"], body, True)
            calls.clear()

    for line in send.read_lines(str(week.api)):
        raw = line.get("raw")
        if raw is not None or len(calls) == batch or (calls and calls[0]["writeKey"] != line["writeKey"]):
            yield from flushed()
        if raw is None:
            calls.append(line)
        else:
            body = base64.b64decode(raw["body_base64"]) if "body_base64" in raw else raw["body"].encode()
            yield Request(raw["path"], raw["write_key"], body, raw["path"] == "/v1/batch")
    yield from flushed()


def post(address: str, request: Request, until: float, pause: Callable[[], None] = lambda: time.sleep(0.1)) -> int:
    """Repeats a request until somebody answers it with something other than "later"; the status."""
    host = address.removeprefix("http://")
    headers = {"Content-Type": "application/json"}
    if request.write_key is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{request.write_key}:".encode()).decode()
    while True:
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            connection.request("POST", request.path, request.body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 429 and answer.status < 500:
                return answer.status
        except (OSError, http.client.HTTPException):
            pass                 # killed under way, or not up again yet
        finally:
            connection.close()
        if time.monotonic() > until:
            raise TimeoutError(f"nobody accepted POST {request.path} in time")
        pause()
