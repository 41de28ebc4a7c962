#!/usr/bin/env python3
"""Figures of the whole daemon, release build: intake over loopback HTTP (wrk on the same cores), import of a file, memory of
idle spaces. Prints machine, conditions and a baseline of the same run: wrk against a server that reads the body and answers.

    tests/bench/daemon_figures.py [--binary build/release/lakeferry] [--seconds 15] [--import-calls 1000000] [batch|single|import|idle ...]

Needs wrk. Everything happens below a temporary folder (--dir) on 127.0.0.1 and ends with the run; nothing is sent to Databricks,
the spaces' schedules are far away.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CALL = {
    "type": "track", "event": "Product Viewed", "userId": "", "anonymousId": "", "messageId": "", "timestamp": "2026-01-31T12:34:56.789Z",
    "properties": {"product_id": "sku-17", "name": "Trail running shoe, waterproof", "category": "shoes", "price": 129.95, "currency": "EUR",
                   "quantity": 1, "position": 3, "variant": "blue/43", "brand": "Northwind", "in_stock": True,
                   "tags": ["outdoor", "running", "new"], "url": "https://shop.example/products/17"},
    "context": {"ip": "203.0.113.17", "locale": "de-DE", "timezone": "Europe/Berlin",
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
                "page": {"path": "/products/shoe", "referrer": "https://search.example/", "title": "Trail running shoe"},
                "library": {"name": "analytics.js", "version": "4.1.2"}, "screen": {"width": 1920, "height": 1080, "density": 2}},
}


def call(n: int) -> str:
    return json.dumps({**CALL, "userId": f"user-{n % 50000}", "anonymousId": f"a1b2c3d4-e5f6-4a7b-8c9d-{n % 100000:012d}",
                       "messageId": f"msg-{n}-4f5e-9a8b-7c6d5e4f3a2b"}, separators=(",", ":"))


# Requests are made before the load begins, so that their making is not measured; message ids differ among them. When all have
# been sent they are sent again: intake takes duplicates like any call, resolution drops them later.
LUA = """
local thread_no = 0
function setup(thread) thread:set("id", thread_no); thread_no = thread_no + 1 end
local n, parts = 0, nil
function init(args)
  wrk.method = "POST"; wrk.path = args[1]
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Basic " .. args[2]
  local f = io.open(args[3]); local body = f:read("*a"); f:close()
  parts = {}
  for piece in (body .. "@@"):gmatch("(.-)@@") do parts[#parts + 1] = piece end
  made = {}
  for i = 1, math.max(100, math.floor(2e7 / #body)) do
    made[i] = wrk.format(nil, nil, nil, table.concat(parts, string.format("%d-%d-", id, i)))
  end
end
function request()
  n = n + 1
  return made[n % #made + 1]
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def rss_kib(pid: int, what: str) -> int:
    return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Daemon:
    """A daemon in a folder of its own, with so many spaces; a context manager."""

    def __init__(self, binary: Path, folder: Path, spaces: int = 1):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "spaces.d").mkdir(parents=True)
        (folder / "secret").write_text("nothing")
        (folder / "secret").chmod(0o600)
        self.folder, self.config = folder, folder / "lakeferry.toml"
        self.config.write_text(f'''[daemon]
state_directory = "{folder}/state"
spaces_directory = "{folder}/spaces.d"
[intake]
listen = ["127.0.0.1:18400"]
[admin]
listen = "127.0.0.1:18401"
control_socket = "{folder}/control.sock"
[log]
level = "warn"
''')
        for n in range(spaces):
            (folder / "spaces.d" / f"s{n}.toml").write_text(f'''name = "Space {n}"
[databricks]
workspace_url = "http://127.0.0.1:9"
http_path = "/sql/1.0/warehouses/w1"
catalog = "main"
client_id = "bench"
client_secret = {{ file = "{folder}/secret" }}
[[sources]]
name = "web"
write_key = "bench-key-{n}"
[profiles_sync]
schema = "s{n}"
every = "24h"
''')
        self.binary = binary

    def __enter__(self) -> "Daemon":
        self.process = subprocess.Popen([self.binary, "run", "--config", self.config], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(400):
            try:
                urllib.request.urlopen("http://127.0.0.1:18401/readyz", timeout=1)
                return self
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"the daemon ended: {self.process.stderr.read().decode()}")
                time.sleep(0.05)
        sys.exit("the daemon is not ready")

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)


def wrk(url: str, path: str, body: str, connections: int, seconds: int, folder: Path) -> tuple[int, float, float, float, int]:
    (folder / "load.lua").write_text(LUA)
    (folder / "body").write_text(body)
    import base64
    key = base64.b64encode(b"bench-key-0:").decode()
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", folder / "load.lua", url, "--", path, key, folder / "body"],
                         capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)", out)
    requests, micros, p50, p99, errors = found.groups()
    return int(requests), int(micros) / 1e6, float(p50) / 1000, float(p99) / 1000, int(errors)


def load(daemon: Daemon, title: str, path: str, body: str, calls: int, connections: int, seconds: int) -> None:
    pid, peak, stop = daemon.process.pid, 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.1):
            peak = max(peak, rss_kib(pid, "VmRSS"))
    watcher = threading.Thread(target=watch)
    watcher.start()
    before = cpu_seconds(pid)
    requests, took, p50, p99, errors = wrk("http://127.0.0.1:18400", path, body, connections, seconds, daemon.folder)
    used = cpu_seconds(pid) - before
    stop.set()
    watcher.join()
    print(f"{title}: {requests * calls / took:,.0f} calls/s ({requests / took:,.0f} requests/s), p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
          f"errors {errors}, daemon {used / took:.2f} cores (all threads), peak memory {peak / 1024:.0f} MiB", flush=True)


def batch(binary: Path, folder: Path, seconds: int) -> None:
    body = '{"batch":[' + ",".join(call(n).replace(f"msg-{n}-", f"msg-@@{n}-") for n in range(100)) + "]}"
    with Daemon(binary, folder) as daemon:
        load(daemon, f"intake, batches of 100 ({len(body) / 100:.0f} bytes a call), 16 connections", "/v1/batch", body, 100, 16, seconds)


def single(binary: Path, folder: Path, seconds: int) -> None:
    body = call(1).replace("msg-1-", "msg-@@")
    with Daemon(binary, folder) as daemon:
        load(daemon, f"intake, single calls ({len(body)} bytes), 64 connections", "/v1/track", body, 1, 64, seconds)


def import_file(binary: Path, folder: Path, calls: int) -> None:
    with Daemon(binary, folder) as daemon:
        source = folder / "calls.ndjson"
        with source.open("w") as out:
            for n in range(calls):
                out.write(call(n) + "\n")
        pid, began = daemon.process.pid, time.monotonic()
        client = subprocess.Popen([binary, "import", "s0", "--source", "web", source, "--config", daemon.config], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        peak = client_peak = 0
        while client.poll() is None:
            peak = max(peak, rss_kib(pid, "VmRSS"))
            try:
                client_peak = max(client_peak, rss_kib(client.pid, "VmRSS"))
            except (OSError, TypeError):
                pass
            time.sleep(0.05)
        took = time.monotonic() - began
        said = client.stdout.read().strip().splitlines()
        print(f"import of {calls:,} calls ({source.stat().st_size / 2**20:.0f} MiB): {took:.1f} s, {calls / took:,.0f} calls/s, "
              f"peak memory daemon {peak / 1024:.0f} MiB, client {client_peak / 1024:.0f} MiB, exit {client.returncode}; it said: {said[-1] if said else ''}")
        left, resolved = None, time.monotonic()
        while time.monotonic() - resolved < 300:
            text = urllib.request.urlopen("http://127.0.0.1:18401/api/v1/status").read()
            left = [s["identity"]["working"] for s in json.loads(text)["spaces"]]
            peak = max(peak, rss_kib(pid, "VmRSS"))
            if not any(left):
                break
            time.sleep(0.2)
        print(f"  all of it resolved {time.monotonic() - began:.1f} s after the beginning; peak memory {peak / 1024:.0f} MiB")


def idle(binary: Path, folder: Path) -> None:
    def settled(spaces: int) -> int:
        with Daemon(binary, folder, spaces) as daemon:
            time.sleep(3)
            return rss_kib(daemon.process.pid, "RssAnon")
    one, many = settled(1), settled(401)
    print(f"idle spaces: {one} KiB with 1, {many} KiB with 401: {(many - one) / 400:.1f} KiB a space")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["batch", "single", "import", "idle", []])
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/lakeferry")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--import-calls", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "lakeferry-figures")
    options = parser.parse_args()
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    print(f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, load before: {os.getloadavg()[0]:.2f}; "
          f"wrk on the same cores; state in {options.dir}")
    chosen = options.what or ["batch", "single", "import", "idle"]
    try:
        if "batch" in chosen:
            batch(options.binary, options.dir, options.seconds)
        if "single" in chosen:
            single(options.binary, options.dir, options.seconds)
        if "import" in chosen:
            import_file(options.binary, options.dir, options.import_calls)
        if "idle" in chosen:
            idle(options.binary, options.dir)
    finally:
        shutil.rmtree(options.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
