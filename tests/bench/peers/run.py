#!/usr/bin/env python3
"""The same calls into the same tables of the local workspace by Lakeferry, by dlt and by a plain script on Databricks' Python SDK, one
after the other in one run, each on a fresh workspace: wall time, CPU seconds, memory, statements, bytes, warehouse-busy seconds and
rows that are wrong. Prints machine, conditions, figures and ratios.

    tests/bench/peers/run.py [--calls 1000000] [--only lakeferry dlt script …] [--json FILE]

Contenders: `lakeferry` lands the tables that the others load too (selective sync); `lakeferry-all` is its default, with the profile
tables that the others do not have; `dlt`; `script`. The baselines live in an environment of their own, build/peers-python.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOME = ROOT / "build" / "peers-python"
PYTHON = HOME / "bin" / "python"
CONTENDERS = ("lakeferry", "lakeferry-all", "dlt", "script")
LEFT_OUT = [f"!{name}" for name in ("id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "user_traits",
                                    "user_identifiers", "profile_merges", "profile_traits", "id_graph", "external_id_mapping")]


def install() -> None:
    """The environment of the baselines, once; then this program again, inside it."""
    stamp, wanted = HOME / "installed", (HERE / "requirements.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r",
                        HERE / "requirements.txt"], check=True)
        stamp.write_text(wanted)
    os.execv(PYTHON, [str(PYTHON), *sys.argv])


if Path(sys.prefix).resolve() != HOME.resolve():
    install()

sys.path[:0] = [str(ROOT / "tests"), str(HERE)]

import with_lakeferry  # noqa: E402
from bench.workspace_statements import machine  # noqa: E402
from calls import SPACES, write  # noqa: E402
from e2e.stack import Workspace  # noqa: E402
from judge import Verdict, judge  # noqa: E402
from meter import Account, Figures, Meter  # noqa: E402
from report import table  # noqa: E402


def baseline(script: str, work: Path, workspace: Workspace, files: dict[str, Path]) -> None:
    """Runs one of the baselines as its user would: a process of its own, its settings in the environment."""
    ready, about = workspace.ready, json.loads((workspace.state / "workspace.json").read_text())
    host, port = ready["url"].rsplit(":", 1)
    settings = {"WORK": str(work), "WORKSPACE_CATALOG": ready["catalog"], "WORKSPACE_WAREHOUSE": ready["warehouse_id"],
                "WORKSPACE_HOST": host, "WORKSPACE_PORT": port, "WORKSPACE_PATH": ready["http_path"], "WORKSPACE_TOKEN": about["access_token"]}
    if script == "with_sdk.py":
        settings |= {"DATABRICKS_HOST": ready["url"], "DATABRICKS_CLIENT_ID": ready["client_id"],
                     "DATABRICKS_CLIENT_SECRET": ready["client_secret"], "DATABRICKS_AUTH_TYPE": "oauth-m2m"}
    with (work / "log").open("wb") as log:
        done = subprocess.run([PYTHON, HERE / script, *(f"{space}={file}" for space, file in files.items())], cwd=work,
                              env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{script} ended with status {done.returncode}:\n{(work / 'log').read_text()[-4000:]}")


def contest(name: str, options: argparse.Namespace, files: dict[str, Path], sent: dict[str, int], work: Path) -> tuple[Figures, Verdict]:
    work.mkdir()
    workspace = Workspace(work / "workspace", work / "workspace.log", ["--memory", options.workspace_memory]).start()
    try:
        if name == "dlt":       # it opens its connection in a schema that it has yet to make, which the local workspace refuses
            for space in files:
                workspace.sql(f"CREATE SCHEMA {workspace.ready['catalog']}.{space}")
        with Meter(Account(workspace, "lakeferry")) as meter:
            if name.startswith("lakeferry"):
                with_lakeferry.load(options.binary, work, workspace, files, meter, LEFT_OUT if name == "lakeferry" else None)
            else:
                baseline({"dlt": "with_dlt.py", "script": "with_sdk.py"}[name], work, workspace, files)
        return meter.figures, judge(workspace, options.seed, sent)
    finally:
        workspace.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000, help="of all spaces together (default 1,000,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/lakeferry")
    parser.add_argument("--workspace-memory", default="4g", help="heap limit of the workspace's Java (default 4g)")
    parser.add_argument("--dir", type=Path, help="keep input, state and logs there; without it they are thrown away")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    if not options.binary.exists():
        sys.exit(f"no daemon at {options.binary}: cmake --preset release && cmake --build build/release --target lakeferry")
    return options


def run(options: argparse.Namespace, folder: Path) -> None:
    files = {space: folder / f"{space}.ndjson" for space in SPACES}
    print(f"{options.calls:,} calls for {len(SPACES)} spaces …", file=sys.stderr, flush=True)
    sent = {space: write(options.seed, space, options.calls // len(SPACES), file) for space, file in files.items()}
    out: dict[str, Any] = {
        "machine": machine(), "calls": options.calls, "seed": options.seed, "distinct_calls": sum(sent.values()),
        "input_bytes": sum(file.stat().st_size for file in files.values()), "contenders": {}}
    for name in options.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        load = os.getloadavg()[0]
        figures, verdict = contest(name, options, files, sent, folder / name)
        out["contenders"][name] = {**asdict(figures), **asdict(verdict), "rows_wrong": verdict.faults, "load_before": load,
                                   "load_after": os.getloadavg()[0]}
        if options.json:
            options.json.write_text(json.dumps(out, indent=1) + "\n")
    print(table(out))


def main() -> None:
    options = arguments()
    if options.dir:
        options.dir.mkdir(parents=True, exist_ok=True)
        run(options, options.dir.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="lakeferry-peers-") as folder:
        run(options, Path(folder))


if __name__ == "__main__":
    main()
