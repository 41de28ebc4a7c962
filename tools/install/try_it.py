"""The part of ./try that comes after the Debian packages."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests"), str(HERE.parents[1] / "tests" / "support")]

from e2e import show  # noqa: E402
from e2e.stack import Config, Daemon, StackError, Workspace, write_configuration  # noqa: E402
from python_env import PYTHON, ensure_python  # noqa: E402
from steps import LOGS, ROOT, StepFailed, Steps, relative, run  # noqa: E402

TRY = ROOT / "build" / "try"
BINARY = ROOT / "build" / "release" / "lakeferry"
KEPT = TRY / "running.json"
SHOP = ROOT / "tests" / "support" / "shop"
HELP = """Builds Lakeferry, starts a Databricks-compatible workspace on this machine, runs the daemon against it, sends it a week
of a small shop (25,000 calls: half as a file, half over HTTP) and shows the profiles that arrived. Everything is kept
below build/ in this folder; Debian packages that are missing are installed (as root, or with sudo)."""


def build(note) -> None:
    cure = "read the first error above. If packages changed, remove build/release and start again"
    # Only the daemon is needed here; ./test builds the tests in folders of their own.
    run(["cmake", "--preset", "release", "-DBUILD_TESTING=OFF"], "configure-release", cure)
    run(["cmake", "--build", "build/release", "--target", "lakeferry", "--parallel", "2"], "build-release", cure)
    note.text = relative(BINARY)


def install(note) -> None:
    run([ROOT / "workspace" / "setup"], "workspace-setup",
        "if a download failed, check the network and start again; finished parts are not repeated")
    ensure_python()


def start_workspace(note) -> Workspace:
    workspace = Workspace(TRY / "workspace", LOGS / "try-workspace.log")
    try:
        workspace.start()
    except StackError as error:
        raise StepFailed(str(error), "is another program short of memory? The workspace's JVM needs about 1 GB", workspace.log) from error
    note.text = workspace.ready["url"]
    return workspace


def configure(note, workspace: Workspace) -> Config:
    config = write_configuration(TRY, workspace.ready, intake_port=8400, admin_port=8401)
    run([BINARY, "config", "check", "--config", config.file], "try-config-check")
    note.text = f"{relative(config.file)}, {relative(TRY / 'spaces.d' / 'shop.toml')}"
    return config


def start_daemon(note, config: Config) -> Daemon:
    daemon = Daemon(BINARY, config, LOGS / "try-daemon.log")
    try:
        daemon.start()
    except StackError as error:
        daemon.kill()
        raise StepFailed(str(error), "the last lines above say why; `lakeferry config check` explains the configuration",
                         daemon.log) from error
    note.text = f"calls at {config.intake}, status at {config.admin}"
    return daemon


def check(note, config: Config) -> None:
    run([BINARY, "check", "shop", "--config", config.file], "try-check")
    note.text = f"all requirements are met; {relative(LOGS / 'try-check.log')}"


def generate(note) -> dict[str, dict[str, int]]:
    # The week ends yesterday; the calls themselves are the same every time.
    start = (datetime.now(timezone.utc) - timedelta(days=7)).strftime("%Y-%m-%d")
    log = run([sys.executable, SHOP / "generate.py", "--start", start, "--out", TRY / "shop.ndjson.gz",
               "--api", TRY / "shop.api.ndjson"], "try-generate")
    counts = json.loads(log.read_text().split("\n", 1)[1])
    total = {key: counts["file"].get(key, 0) + counts["api"].get(key, 0) for key in ("calls", "accepted", "refused")}
    note.text = f"{total['calls']:,} calls; {total['refused']:,} of them duplicates or malformed on purpose"
    return counts


def import_file(note, config: Config, counts: dict[str, dict[str, int]]) -> None:
    log = run([BINARY, "import", "shop", TRY / "shop.ndjson.gz", "--config", config.file], "try-import")
    note.text = f"{counts['file']['calls']:,} lines; {relative(log)}"


def send_over_http(note, config: Config) -> None:
    log = run([PYTHON, SHOP / "send.py", TRY / "shop.api.ndjson", "--host", config.intake], "try-send",
              f"the daemon's log may say more: {relative(LOGS / 'try-daemon.log')}")
    sent = json.loads(log.read_text().split("\n", 1)[1])
    calls = sum(count for name, count in sent.items() if name.startswith("calls:"))
    note.text = f"{calls:,} calls by Segment's own library, {sent.get('raw requests', 0)} malformed or mixed bodies"


def sync(note, config: Config) -> None:
    log = run([BINARY, "sync", "shop", "--wait", "--config", config.file], "try-sync",
              f"`{relative(BINARY)} status shop --config {relative(config.file)}` and {relative(LOGS / 'try-daemon.log')}", timeout_s=900)
    note.text = relative(log)


def report(note, workspace: Workspace, config: Config) -> list[str]:
    try:
        return show.report(workspace.sql, workspace.ready["catalog"], config.schema)
    except StackError as error:
        raise StepFailed(str(error), "", error.log) from error


def look_next(config: Config, workspace: Workspace, kept: bool) -> str:
    command = f"{relative(BINARY)} status shop --config {relative(config.file)}"
    sql = f"workspace/sql --state {relative(workspace.state)} 'SELECT * FROM {workspace.ready['catalog']}.{config.schema}.user_traits LIMIT 20'"
    lines = ["Where to look next:",
             "  README.md                  the quick configuration for a workspace of your own",
             "  docs/                      architecture, configuration, operations, tables",
             f"  {relative(TRY)}/                 what was configured, sent and stored just now",
             f"  {relative(LOGS)}/                 the whole output of every step"]
    if kept:
        lines += ["", "Still running:", f"  calls            {config.intake}/v1/…   (write key shop-website-write-key)",
                  f"  status page      {config.admin}/", f"  local workspace  {workspace.ready['url']}",
                  f"  status           {command}", f"  SQL              {sql}", "", "Stop it with:  ./try --stop"]
    else:
        lines += ["", "Everything that was started has been stopped. ./try --keep leaves it running, to look around."]
    return "\n".join(lines)


# ---- what --keep left running -----------------------------------------------------------------------------------

def kept_processes() -> list[dict[str, object]]:
    """The processes of an earlier --keep that still run; a number that was given to another program is left out."""
    if not KEPT.exists():
        return []
    return [entry for entry in json.loads(KEPT.read_text()) if started_at(int(entry["pid"])) == entry["started"]]


def started_at(pid: int) -> str | None:
    """Together with its number this names a process for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def stop_kept() -> int:
    running = kept_processes()
    for entry in running:
        pid = int(entry["pid"])   # type: ignore[call-overload]
        os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while started_at(pid) == entry["started"] and time.monotonic() < deadline:
            time.sleep(0.1)
        if started_at(pid) == entry["started"]:
            print(f"{entry['name']} (process {pid}) did not stop within 60 s; end it with: kill -9 -- -{pid}")
            return 1
        print(f"{entry['name']} stopped")
    KEPT.unlink(missing_ok=True)
    if not running:
        print("Nothing is running.")
    return 0


def remember(workspace: Workspace, daemon: Daemon) -> None:
    entries = [{"name": name, "pid": process.child.pid, "started": started_at(process.child.pid)}
               for name, process in (("the daemon", daemon.process), ("the local workspace", workspace.process)) if process]
    KEPT.write_text(json.dumps(entries))


# ---- the way through --------------------------------------------------------------------------------------------

def go(keep: bool) -> int:
    workspace: Workspace | None = None
    daemon: Daemon | None = None
    stopped = True
    began = time.monotonic()
    steps = Steps(10 if keep else 11)
    try:
        with steps.step("Build the daemon") as note:
            build(note)
        with steps.step("Install the local workspace and the shop's Python environment") as note:
            install(note)
        shutil.rmtree(TRY, ignore_errors=True)
        TRY.mkdir(parents=True)
        with steps.step("Start the local workspace (Spark and Delta behind Databricks' REST API)") as note:
            workspace = start_workspace(note)
        with steps.step("Write a configuration with one space") as note:
            config = configure(note, workspace)
        with steps.step("Start the daemon") as note:
            daemon = start_daemon(note, config)
        with steps.step("Check the space's connection and privileges") as note:
            check(note, config)
        with steps.step("Make a week of a small shop") as note:
            counts = generate(note)
        with steps.step("Import the first half from a file") as note:
            import_file(note, config, counts)
        with steps.step("Send the second half over HTTP") as note:
            send_over_http(note, config)
        with steps.step("Sync to the workspace, and read the tables back") as note:
            sync(note, config)
            lines = report(note, workspace, config)
        if keep:
            remember(workspace, daemon)
        else:
            with steps.step("Stop everything"):
                daemon_status = daemon.stop()
                workspace.stop()
                if daemon_status != 0:
                    raise StepFailed(f"the daemon ended with status {daemon_status}", "", daemon.log)
        stopped = False
        print("\n" + "\n".join(lines) + "\n\n" + look_next(config, workspace, keep))
        print(f"\nDone in {time.monotonic() - began:.0f} s.")
        return 0
    except StepFailed:
        return 1
    except StackError as error:
        print(f"    {error}")
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return 130
    finally:
        if stopped:
            for one in (daemon, workspace):
                if one is not None and one.process is not None and one.process.running:
                    one.process.kill()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./try", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the daemon and the workspace running at the end")
    parser.add_argument("--stop", action="store_true", help="stop what an earlier --keep left running")
    options = parser.parse_args()
    os.chdir(ROOT)
    if options.stop:
        return stop_kept()
    if kept_processes():
        print("An earlier ./try --keep is still running. Stop it first:  ./try --stop")
        return 1
    # A plain `kill` of ./try must stop what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    return go(options.keep)


if __name__ == "__main__":
    sys.exit(main())
