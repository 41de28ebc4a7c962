"""Starts and stops what an end-to-end run needs: the local workspace, a configuration, the daemon.

Used by ./try and by the tests in this folder. Standard library only. Every process is its own group and is ended by its
id; nothing outlives `close()`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workspace"))

from lakeferry_workspace import local_client  # noqa: E402

WRITE_KEYS = {"website": "shop-website-write-key", "app": "shop-app-write-key", "server": "shop-server-write-key"}
START_S, STOP_S = 180, 60      # bounds, not expectations: two cores may be busy


class StackError(Exception):
    """Says what did not work; `log` is the file with the process's whole output."""

    def __init__(self, text: str, log: Path | None = None):
        super().__init__(text)
        self.log = log


def free_port(preferred: int = 0) -> int:
    """`preferred` if nobody listens there, else one that the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise StackError("no free TCP port on 127.0.0.1")


class Process:
    """A child in a process group of its own, with its output in a file."""

    def __init__(self, command: list[object], log: Path, **options: Any):
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._sink = log.open("ab")
        self.command = [str(word) for word in command]
        try:
            self.child = subprocess.Popen(self.command, stderr=self._sink, stdin=subprocess.DEVNULL, start_new_session=True,
                                          **{"stdout": self._sink, **options})
        except OSError as error:
            raise StackError(f"cannot start {self.command[0]}: {error.strerror}") from error

    @property
    def running(self) -> bool:
        return self.child.poll() is None

    def signal(self, number: int) -> None:
        if self.running:
            os.killpg(self.child.pid, number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.child.wait()
        self._sink.close()

    def stop(self) -> int:
        """SIGTERM, then SIGKILL if it takes too long; the exit status."""
        self.signal(signal.SIGTERM)
        try:
            status = self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise StackError(f"{self.command[0]} did not stop within {STOP_S} s of SIGTERM and was killed", self.log) from None
        finally:
            self._sink.close()
        return status

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass
class Workspace:
    """The local Databricks-compatible workspace with its state in a folder."""
    state: Path
    log: Path
    options: list[str] = field(default_factory=list)
    process: Process | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    _client: local_client.Client | None = None

    def start(self) -> "Workspace":
        self.process = Process([ROOT / "workspace" / "run", "--port", 0, "--state", self.state, *self.options], self.log,
                               stdout=subprocess.PIPE)
        line = _first_line(self.process, START_S)
        try:
            self.ready = json.loads(line)
            missing = {"url", "client_id", "client_secret", "http_path", "catalog"} - set(self.ready)
        except ValueError:
            missing = {"a JSON line"}
        if missing:
            self.process.kill()
            raise StackError(f"the local workspace did not become ready (no {', '.join(sorted(missing))} in {line!r}):\n"
                             f"{self.process.tail()}", self.log)
        return self

    def sql(self, text: str) -> list[dict[str, Any]]:
        """The rows of a statement, run as administrator: names to values, these as text or None (as `workspace/sql --json`)."""
        try:
            if self._client is None:
                self._client = local_client.Client(json.loads((self.state / "workspace.json").read_text()))
            names, rows = self._client.sql(text)
        except (local_client.ClientError, OSError) as error:
            raise StackError(f"SQL failed: {error}\n  in: {text}", self.log) from error
        return [dict(zip(names, row)) for row in rows]

    def control(self, method: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What a test can ask of the workspace itself, such as its ledger: /__workspace/<what>."""
        request = urllib.request.Request(f"{self.ready['url']}/__workspace/{what}", None if body is None else json.dumps(body).encode(),
                                         method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self) -> None:
        if self.process is not None and self.process.running:
            self.process.stop()


def _first_line(process: Process, seconds: float) -> str:
    assert process.child.stdout is not None
    os.set_blocking(process.child.stdout.fileno(), False)
    deadline, text = time.monotonic() + seconds, b""
    while b"\n" not in text and time.monotonic() < deadline:
        piece = process.child.stdout.read()
        if piece:
            text += piece
        elif piece == b"" or not process.running:
            break
        else:
            time.sleep(0.05)
    return text.split(b"\n", 1)[0].decode(errors="replace")


# ---- configuration ----------------------------------------------------------------------------------------------

@dataclass
class Config:
    """What write() put down, and where the daemon will be found."""
    folder: Path
    intake: str
    admin: str
    schema: str
    file: Path = Path()

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def socket(self) -> Path:
        return self.folder / "control.sock"


def write_configuration(folder: Path, ready: dict[str, Any], schema: str = "shop", every: str = "1h",
                        intake_port: int = 0, admin_port: int = 0) -> Config:
    """lakeferry.toml, spaces.d/shop.toml and the secret's file (mode 0600) for one space called `shop`."""
    spaces = folder / "spaces.d"
    spaces.mkdir(parents=True, exist_ok=True)
    secret = folder / "client_secret"
    secret.touch(mode=0o600)
    secret.chmod(0o600)
    secret.write_text(ready["client_secret"])
    intake, admin = free_port(intake_port), free_port(admin_port)
    config = Config(folder, f"http://127.0.0.1:{intake}", f"http://127.0.0.1:{admin}", schema, folder / "lakeferry.toml")
    quote = json.dumps     # JSON texts are TOML texts
    config.file.write_text(f"""[daemon]
state_directory = {quote(str(config.state))}
spaces_directory = {quote(str(spaces))}

[intake]
listen = ["127.0.0.1:{intake}"]

[admin]
listen = "127.0.0.1:{admin}"
control_socket = {quote(str(config.socket))}
""")
    sources = "".join(f"\n[[sources]]\nname = {quote(name)}\nwrite_key = {quote(key)}\n" for name, key in WRITE_KEYS.items())
    (spaces / "shop.toml").write_text(f"""name = "Shop"

[databricks]
workspace_url = {quote(ready["url"])}
http_path = {quote(ready["http_path"])}
catalog = {quote(ready["catalog"])}
client_id = {quote(ready["client_id"])}
client_secret = {{ file = {quote(str(secret))} }}
{sources}
[profiles_sync]
schema = {quote(schema)}
every = {quote(every)}
""")
    return config


# ---- the daemon -------------------------------------------------------------------------------------------------

@dataclass
class Daemon:
    binary: Path
    config: Config
    log: Path
    process: Process | None = None

    def start(self) -> "Daemon":
        self.process = Process([self.binary, "run", "--config", self.config.file], self.log)
        self.wait("the daemon to be ready", lambda: http_status(self.config.admin + "/readyz") == 200, START_S)
        return self

    def wait(self, what: str, done: Callable[[], bool], seconds: float) -> None:
        """Asks until `done`; fails at once when the daemon has ended."""
        deadline = time.monotonic() + seconds
        while not done():
            assert self.process is not None
            if not self.process.running:
                raise StackError(f"the daemon ended with status {self.process.child.returncode}:\n{self.process.tail()}", self.log)
            if time.monotonic() > deadline:
                raise StackError(f"waited {seconds:.0f} s for {what}, in vain:\n{self.process.tail()}", self.log)
            time.sleep(0.05)

    def command(self, *arguments: object, timeout_s: float = 900, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`lakeferry …` with this daemon's configuration."""
        words = [str(self.binary), *map(str, arguments), "--config", str(self.config.file)]
        result = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL)
        if check and result.returncode != 0:
            raise StackError(f"lakeferry {' '.join(map(str, arguments))} ended with status {result.returncode}:\n"
                             f"{(result.stdout + result.stderr).strip()}", self.log)
        return result

    def status(self) -> dict[str, Any]:
        return json.loads(self.command("status", "--json").stdout)

    def metrics(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """What /metrics says now: name -> [(labels, value)]."""
        with urllib.request.urlopen(self.config.admin + "/metrics", timeout=30) as answer:
            return parse_metrics(answer.read().decode())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def stop(self) -> int:
        return self.process.stop() if self.process is not None and self.process.running else 0


def parse_metrics(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Prometheus' text format."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.splitlines():
        match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?', line)
        if match is not None and not line.startswith("#"):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            found.setdefault(match[1], []).append((labels, float(match[3])))
    return found


def http_status(url: str) -> int | None:
    """The status of a GET; None if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
