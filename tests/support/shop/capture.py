"""An HTTP server that keeps what it is sent, for the tests of send.py. It accepts everything, or answers as told."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

Answer = tuple[int, dict[str, Any]]


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes        # after decompression


@dataclass
class Capture:
    """`with Capture() as capture:` serves on a free port of 127.0.0.1; `capture.requests` holds what came, in order."""
    answer: Callable[[Received], Answer] = lambda request: (200, {"success": True})
    requests: list[Received] = field(default_factory=list)

    def __enter__(self) -> "Capture":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = Received(self.path, dict(self.headers.items()), body)
                outer.requests.append(request)
                status, answer = outer.answer(request)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *reason: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
