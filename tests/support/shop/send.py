#!/usr/bin/env python3
"""Sends the HTTP half of a shop week (generate.py --api) to a Lakeferry intake, with Segment's own Python library.

One library client per source, all with another host than Segment's; the app's client compresses its bodies. The order
of the file is kept: a client is flushed before the next one may send. Malformed bodies, which the library would refuse,
go out as they are, and each must get the answer that its line names.

Exit code 0: everything was sent and every answer was right. 1: something failed; the reasons are on stderr.
Needs PyPI `segment-analytics-python`.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import logging
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shop.visits import APP  # noqa: E402
from shop.week import WRITE_KEYS  # noqa: E402

BATCH = 100           # calls that a client holds before it is flushed: what the library puts into one upload
TIMEOUT_S = 60


@dataclass
class Report:
    sent: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, text: str) -> None:
        self.failures.append(text)


def library_arguments(call: dict[str, Any]) -> dict[str, Any]:
    """A call of the file as keyword arguments of the library's method of the same name."""
    names = {"userId": "user_id", "anonymousId": "anonymous_id", "messageId": "message_id", "groupId": "group_id",
             "previousId": "previous_id"}
    arguments = {names.get(key, key): value for key, value in call.items() if key not in ("type", "writeKey")}
    arguments["timestamp"] = datetime.fromisoformat(call["timestamp"].replace("Z", "+00:00"))
    return arguments


class LibrarySender:
    """Keeps the file's order: at most one source has calls under way, and at most one batch of them."""

    def __init__(self, host: str, write_keys: dict[str, str], report: Report):
        from segment.analytics.client import Client

        self._report, self._clients, self._source_of = report, {}, {key: name for name, key in write_keys.items()}
        self._current: str | None = None
        self._waiting = 0
        for source, key in write_keys.items():
            self._clients[source] = Client(
                key, host=host, gzip=source == APP, on_error=self._on_error, max_retries=5, timeout=TIMEOUT_S,
                upload_size=BATCH, upload_interval=0.05, max_total_backoff_duration=120, max_rate_limit_duration=120)

    def _on_error(self, error: Exception, batch: list[dict[str, Any]]) -> None:
        ids = [call.get("messageId") for call in batch]
        self._report.fail(f"upload of {len(batch)} calls failed ({error}); first messageId {ids[0] if ids else '-'}")

    def send(self, call: dict[str, Any]) -> None:
        source = self._source_of.get(call.get("writeKey", ""))
        if source is None:
            self._report.fail(f"no source has the write key {call.get('writeKey')!r} (messageId {call.get('messageId')})")
            return
        if source != self._current or self._waiting == BATCH:
            self.flush()
        self._current = source
        queued, _ = getattr(self._clients[source], call["type"])(**library_arguments(call))
        if not queued:
            self._report.fail(f"the library's queue was full at messageId {call.get('messageId')}")
        self._waiting += 1
        self._report.sent[f"calls:{source}"] += 1

    def flush(self) -> None:
        if self._current is not None:
            self._clients[self._current].flush()
        self._waiting = 0

    def close(self) -> None:
        self.flush()
        for client in self._clients.values():
            client.shutdown()


class RawSender:
    """Bodies as they are, over one keep-alive connection."""

    def __init__(self, host: str, report: Report):
        parts = urlsplit(host)
        self._address, self._report = (parts.hostname or "", parts.port or 80), report
        self._connection: http.client.HTTPConnection | None = None

    def send(self, raw: dict[str, Any]) -> None:
        body = base64.b64decode(raw["body_base64"]) if "body_base64" in raw else raw["body"].encode()
        headers = {"Content-Type": "application/json"}
        if raw["write_key"] is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{raw['write_key']}:".encode()).decode()
        try:
            status, answer = self._post(raw["path"], body, headers)
        except OSError as error:
            self._report.fail(f"POST {raw['path']}: {error}")
            return
        self._report.sent["raw requests"] += 1
        problem = judge(raw["expect"], status, answer)
        if problem:
            self._report.fail(f"POST {raw['path']} ({body[:80]!r}…): {problem}")

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        for attempt in (1, 2):     # the server may close an idle connection, or one whose body it did not read
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)
            try:
                self._connection.request("POST", path, body, headers)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, ConnectionError) as error:
                self.close()
                if attempt == 2:
                    raise OSError(f"connection failed twice: {error}") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def judge(expect: dict[str, Any], status: int, answer: bytes) -> str | None:
    """What is wrong with an answer; None if nothing is."""
    if status not in expect["status"]:
        return f"answered {status}, expected {' or '.join(map(str, expect['status']))}: {answer[:300]!r}"
    try:
        body = json.loads(answer)
    except ValueError:
        return f"the {status} has no JSON body: {answer[:200]!r}"
    if not isinstance(body, dict):
        return f"the {status} has a JSON body that is not an object: {answer[:200]!r}"
    if "rejected" not in expect:
        named = body.get("code") == expect["reason"] and body.get("message")
        return None if named else f"the answer does not say {expect['reason']} and why: {answer[:300]!r}"
    found = {str(entry["index"]): entry["code"] for entry in rejected_entries(body)}
    return None if found == expect["rejected"] else f"rejected {found}, expected {expect['rejected']}"


def rejected_entries(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of a batch that the answer reports as refused, each with `index` and `code`."""
    entries = body.get("rejected", [])
    return [entry for entry in entries if isinstance(entry, dict) and "index" in entry and "code" in entry]


def read_lines(path: str) -> Iterator[dict[str, Any]]:
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise SystemExit(f"send.py: {path}, line {number}: not JSON ({error}); was it written by generate.py --api?")


def send(path: str, host: str, write_keys: dict[str, str] = WRITE_KEYS) -> Report:
    report = Report()
    library, raw = LibrarySender(host, write_keys, report), RawSender(host, report)
    try:
        for line in read_lines(path):
            if "raw" in line:
                library.flush()
                raw.send(line["raw"])
            else:
                library.send(line)
            if len(report.failures) > 20:
                report.fail("more than 20 failures: stopped")
                break
    finally:
        library.close()
        raw.close()
    return report


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="written by generate.py --api")
    parser.add_argument("--host", required=True, help="the intake, for example http://127.0.0.1:8400")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    try:
        report = send(options.file, options.host)
    except FileNotFoundError as error:
        print(f"send.py: {error.filename} does not exist; write it with generate.py --api", file=sys.stderr)
        return 1
    print(json.dumps(dict(sorted(report.sent.items()))))
    for failure in report.failures:
        print(f"send.py: {failure}", file=sys.stderr)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
