"""Sends files of calls to a daemon's /v1/batch, one connection a file: lines are joined into batches as they are, and a batch that is
refused for now is sent again. Standard library only; it stands for the applications whose calls these are.

    send.py HOST:PORT BATCH WRITE_KEY=FILE …
"""

from __future__ import annotations

import base64
import http.client
import sys
import threading
import time
from itertools import islice

PATIENCE_S = 600


def post(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        connection.request("POST", "/v1/batch", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status == 200:
            return
        if answer.status not in (429, 503) or time.monotonic() > until:
            raise SystemExit(f"POST /v1/batch: {answer.status} {said.decode(errors='replace')}")
        time.sleep(float(answer.getheader("Retry-After", "1")))


def send(host: str, batch: int, key: str, file: str) -> None:
    connection = http.client.HTTPConnection(host, timeout=PATIENCE_S)
    headers = {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    with open(file, "rb") as lines:
        while calls := list(islice(lines, batch)):
            post(connection, b'{"batch":[' + b",".join(calls) + b"]}", headers)
    connection.close()


def main() -> None:
    host, batch, *rest = sys.argv[1:]
    failed: list[BaseException] = []

    def guarded(key: str, file: str) -> None:
        try:
            send(host, int(batch), key, file)
        except BaseException as error:  # noqa: BLE001 told below
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=one.split("=", 1)) for one in rest]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"{len(failed)} of {len(threads)} files were not sent: {failed[0]}")


if __name__ == "__main__":
    main()
