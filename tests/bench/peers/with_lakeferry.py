"""Lakeferry as its documentation sets it up: a daemon, five spaces, calls over HTTP in batches, then a run of each space.

The spaces are due once a day; `sync --wait`, for all five at once, stands for that moment, as the baselines run once, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from e2e.stack import Config, Daemon, StackError, Workspace, free_port

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


def load(binary: Path, folder: Path, workspace: Workspace, files: dict[str, Path], meter, select: list[str] | None = None) -> str:
    """All calls of `files` (space -> NDJSON), until every row is committed; what the runs say of themselves."""
    config = configure(folder, workspace, tuple(files), select or [])
    daemon = Daemon(binary, config, folder / "daemon.log").start()
    try:
        subprocess.run([sys.executable, Path(__file__).with_name("send.py"), config.intake, str(BATCH),
                        *(f"write-key-of-{space}={file}" for space, file in files.items())], check=True)
        runs = [subprocess.Popen([binary, "sync", space, "--wait", "--json", "--config", config.file], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for space in files]
        said = [run.communicate()[0] for run in runs]
        meter.committed()
        if any(run.returncode for run in runs):
            raise StackError("a run failed:\n" + "\n".join(said), daemon.log)
        return "\n".join(said)
    finally:
        daemon.stop()
