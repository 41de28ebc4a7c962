"""Lakeferry as its documentation sets it up: a daemon, five spaces, calls over HTTP in batches, a run of each space.

The spaces are due once a day, all at the same time; `lakeferry sync --all` stands for that moment. The calls come space by space before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from e2e.stack import Config, Daemon, StackError, Workspace, free_port
from meter import Meter

BATCH = 250               # calls a request: what Segment's libraries send at most is 500 KB


def configure(folder: Path, workspace: Workspace, spaces: tuple[str, ...], select: list[str]) -> Config:
    """lakeferry.toml and a file for each space; nothing but what a user has to set, and which tables where that is asked for."""
    ready, quote = workspace.ready, json.dumps      # JSON texts are TOML texts
    (folder / "spaces.d").mkdir(parents=True)
    secret = folder / "client_secret"
    secret.touch(mode=0o600)
    secret.write_text(ready["client_secret"])
    config = Config(folder, f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}", "", folder / "lakeferry.toml")
    config.file.write_text(f"""[daemon]
state_directory = {quote(str(config.state))}
spaces_directory = {quote(str(folder / "spaces.d"))}
[intake]
listen = [{quote(config.intake)}]
[admin]
listen = {quote(config.admin.removeprefix("http://"))}
control_socket = {quote(str(config.socket))}
""")
    for space in spaces:
        (folder / "spaces.d" / f"{space}.toml").write_text(f"""[databricks]
workspace_url = {quote(ready["url"])}
http_path = {quote(ready["http_path"])}
catalog = {quote(ready["catalog"])}
client_id = {quote(ready["client_id"])}
client_secret = {{ file = {quote(str(secret))} }}
[[sources]]
name = "website"
write_key = "write-key-of-{space}"
[profiles_sync]
schema = {quote(space)}
cron = "0 3 * * *"
""" + (f"[profiles_sync.select]\ntables = {quote(select)}\n" if select else ""))
    return config


def runs(config: Config) -> dict[str, Any]:
    """What every space says of its last run, as soon as none is under way."""
    while True:
        with urllib.request.urlopen(config.admin + "/api/v1/status", timeout=60) as answer:
            spaces = {one["id"]: one["sync"] for one in json.load(answer)["spaces"]}
        if all(one["phase"] == "idle" and one["last"] for one in spaces.values()):
            return {space: one["last"] for space, one in spaces.items()}
        time.sleep(0.2)


def load(binary: Path, folder: Path, workspace: Workspace, files: dict[str, Path], meter: Meter, select: list[str] | None = None) -> None:
    """All calls of `files` (space -> NDJSON), until every row is committed."""
    config = configure(folder, workspace, tuple(files), select or [])
    daemon = Daemon(binary, config, folder / "daemon.log").start()
    try:
        for space, file in files.items():
            command = [sys.executable, Path(__file__).with_name("send.py"), config.intake, str(BATCH), f"write-key-of-{space}={file}"]
            with subprocess.Popen(command) as sender:
                meter.sender = sender.pid
            meter.sender = 0
            if sender.returncode:
                raise StackError(f"the sender ended with status {sender.returncode}", daemon.log)
        daemon.command("sync", "--all")
        ended = runs(config)
        meter.committed()
        if failed := {space: run for space, run in ended.items() if run["status"] != "success"}:
            raise StackError(f"runs failed: {failed}", daemon.log)
    finally:
        daemon.stop()
