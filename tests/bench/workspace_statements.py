#!/usr/bin/env python3
"""Figures of the local workspace, warm, over HTTP as a client sees them: seconds and CPU seconds of small statements, twenty at once,
start and memory. Prints machine, conditions, median and 90th percentile.

    tests/bench/workspace_statements.py [--state DIR | starts one] [--rounds 15] [--json]

COPY INTO of Parquet is measured where pyarrow is at hand, as in the workspace's own environment (build/workspace/venv/bin/python).
A busy machine shows in the load average that is printed beside, and less in the CPU seconds (Java and Python together).
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [{"id": f"p{i:05}", "name": "plan", "value": f"value {i}", "seq": i} for i in range(200)]
SOURCE = "(SELECT inline(from_json(:rows, 'array<struct<id STRING, name STRING, value STRING, seq BIGINT>>')))"
MERGE = (f"MERGE INTO {{t}} AS t USING {SOURCE} AS s ON t.id = s.id AND t.name = s.name AND t.id BETWEEN 'p' AND 'q' "
         "WHEN MATCHED AND t.seq < s.seq THEN UPDATE SET value = s.value, seq = s.seq "
         "WHEN NOT MATCHED THEN INSERT (id, name, value, seq) VALUES (s.id, s.name, s.value, s.seq)")
KINDS = {"STRING": 17, "BIGINT": 6, "DOUBLE": 4, "BOOLEAN": 3}  # the columns of the Parquet files, 30 in all
COLUMNS = "(id STRING, name STRING, value STRING, seq BIGINT)"


class Client:
    def __init__(self, url: str, client_id: str, secret: str, warehouse: str):
        self.url, self.warehouse = url, warehouse
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "all-apis"}).encode()
        request = urllib.request.Request(url + "/oidc/v1/token", form)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode())
        with urllib.request.urlopen(request) as reply:
            self.token = json.load(reply)["access_token"]

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=300) as reply:
            return json.load(reply)

    def sql(self, text: str, rows: list | None = None) -> list:
        body = {"statement": text, "warehouse_id": self.warehouse, "wait_timeout": "50s"}
        if rows:
            body["parameters"] = [{"name": "rows", "value": json.dumps(rows), "type": "STRING"}]
        reply = self.call("POST", "/api/2.0/sql/statements", body)
        while reply["status"]["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.05)
            reply = self.call("GET", f"/api/2.0/sql/statements/{reply['statement_id']}")
        if reply["status"]["state"] != "SUCCEEDED":
            raise SystemExit(f"{text[:200]}\n{reply['status']}")
        return (reply.get("result") or {}).get("data_array") or []

    def put(self, path: str, data: bytes):
        request = urllib.request.Request(f"{self.url}/api/2.0/fs/files{path}?overwrite=true", data, method="PUT")
        request.add_header("Authorization", f"Bearer {self.token}")
        urllib.request.urlopen(request, timeout=300).close()


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass
    found = [pid]
    for p in found:
        found += [c for c, parent in parents.items() if parent == p]
    return found


def cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def memory_mib(pids: list[int]) -> dict[str, int]:
    found = {}
    for pid in pids:
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
            if "VmHWM" in status:
                found[f"{status['Name'].strip()} {pid}"] = int(status["VmHWM"].split()[0]) // 1024
        except OSError:
            pass
    return found


def measure(rounds: int, pids: list[int], work) -> dict:
    wall, cpu = [], []
    for n in range(rounds):
        before, began = cpu_seconds(pids), time.monotonic()
        work(n)
        wall.append(time.monotonic() - began)
        cpu.append(cpu_seconds(pids) - before)
    return {"median": statistics.median(wall), "p90": sorted(wall)[int(0.9 * (len(wall) - 1) + 0.5)], "cpu": statistics.median(cpu)}


def at_once(client: Client, count: int):
    threads = [threading.Thread(target=client.sql, args=(MERGE.format(t=f"bench.many{k}"), ROWS[:20])) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def run(client: Client, pids: list[int], rounds: int) -> dict:
    client.sql("CREATE SCHEMA IF NOT EXISTS bench")
    for name in ("events", "traits", *(f"many{k}" for k in range(20))):
        client.sql(f"CREATE OR REPLACE TABLE bench.{name} {COLUMNS}")
    for _ in range(3):  # the first ones of a process compile
        client.sql("INSERT INTO bench.events VALUES ('a', 'b', 'c', 1)")
        client.sql("SELECT count(*) FROM bench.events")
        client.sql(MERGE.format(t="bench.traits"), ROWS)
    steps = {
        "SELECT 1": lambda n: client.sql(f"SELECT 1 AS a{n}"),
        "SELECT count(*), max(seq) of a small table": lambda n: client.sql("SELECT count(*), max(seq) FROM bench.events"),
        "SELECT one row by key": lambda n: client.sql(f"SELECT * FROM bench.traits WHERE id = 'p{n:05}'"),
        "CREATE TABLE": lambda n: client.sql(f"CREATE TABLE bench.made{n}_{os.getpid()} {COLUMNS}"),
        "CREATE TABLE IF NOT EXISTS, it is there": lambda n: client.sql(f"CREATE TABLE IF NOT EXISTS bench.events {COLUMNS}"),
        "INSERT of one row": lambda n: client.sql(f"INSERT INTO bench.events VALUES ('a{n}', 'b', 'c', {n})"),
        "MERGE of 200 rows": lambda n: client.sql(MERGE.format(t="bench.traits"), [r | {"seq": r["seq"] + 1000 * (n + 1)} for r in ROWS]),
        "UPDATE of one row": lambda n: client.sql(f"UPDATE bench.traits SET value = 'x{n}' WHERE id = 'p00007'"),
    }
    found = {name: measure(rounds, pids, work) for name, work in steps.items()}
    found |= copies(client, pids, rounds)
    found["20 MERGEs at once, all of them"] = measure(max(1, rounds // 5), pids, lambda n: at_once(client, 20))
    return found


def parquet(rows: int) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet as writer
    chance = random.Random(rows)
    value = {"STRING": lambda: f"value {chance.getrandbits(24)}", "BIGINT": lambda: chance.getrandbits(20), "DOUBLE": chance.random,
             "BOOLEAN": lambda: chance.random() < 0.5}
    out = pa.BufferOutputStream()
    writer.write_table(pa.table({name: [value[kind]() for _ in range(rows)] for name, kind in parquet_columns()}), out, compression="zstd")
    return out.getvalue().to_pybytes()


def parquet_columns() -> list[tuple[str, str]]:
    return [(f"c{k}_{kind.lower()}", kind) for kind, count in KINDS.items() for k in range(count)]


def copies(client: Client, pids: list[int], rounds: int) -> dict:
    if importlib.util.find_spec("pyarrow") is None:
        return {}
    catalog = client.sql("SELECT current_catalog()")[0][0]
    folder, found = f"/Volumes/{catalog}/bench/files", {}
    client.sql("CREATE VOLUME IF NOT EXISTS bench.files")
    casts = ", ".join(f"CAST(`{name}` AS {kind}) AS `{name}`" for name, kind in parquet_columns())
    for rows in (200, 2_000, 12_000, 50_000):
        data, table = parquet(rows), f"bench.copied{rows}"
        client.sql(f"CREATE OR REPLACE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in parquet_columns())})")

        def copy(n: int):
            client.put(f"{folder}/{rows}-{n}.parquet", data)
            client.sql(f"COPY INTO {table} FROM (SELECT {casts} FROM '{folder}') FILEFORMAT = PARQUET FILES = ('{rows}-{n}.parquet')")

        copy(-1)  # the first one of a table compiles
        found[f"COPY INTO, {rows:,} rows of Parquet"] = measure(rounds, pids, copy)
    return found


def machine() -> dict:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--state", type=Path, help="state folder of a workspace that runs; without it one is started and stopped")
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--json", action="store_true")
    o = options.parse_args()
    load, process = os.getloadavg(), None
    out = {"machine": machine(), "load_average_before": load}
    with tempfile.TemporaryDirectory(prefix="workspace-bench-") as scratch:
        state = o.state or Path(scratch) / "state"
        if o.state is None:
            process = subprocess.Popen([ROOT / "workspace" / "run", "--state", str(state)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            ready = process.stdout.readline()
            if not ready:
                raise SystemExit("the workspace did not start; try workspace/run")
            out["ready_seconds"] = json.loads(ready)["seconds"]
        about = json.loads((state / "workspace.json").read_text())
        pids = tree(process.pid if process else int(about["pid"]))
        client = Client(about["url"], about["admin"]["client_id"], about["admin"]["client_secret"], about["warehouse_id"])
        out["statements"] = run(client, pids, o.rounds)
        out["peak_memory_mib"] = memory_mib(pids)
        out["load_average_after"] = os.getloadavg()
        if process:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    if o.json:
        print(json.dumps(out))
        return
    print(f"machine: {out['machine']}\nload average: before {load[0]:.1f}, after {out['load_average_after'][0]:.1f}; rounds: {o.rounds}")
    print(f"ready after {out.get('ready_seconds', '?')} s; peak memory, MiB: {out['peak_memory_mib']}")
    print(f"{'':46}{'median s':>10}{'p90 s':>10}{'CPU s':>10}")
    for name, m in out["statements"].items():
        print(f"{name:46}{m['median']:10.2f}{m['p90']:10.2f}{m['cpu']:10.2f}")


if __name__ == "__main__":
    main()
