"""`lakeferry init` at a real pseudo-terminal, against the local workspace."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pexpect
import pytest

from .conftest import Setup
from .stack import Config

MOST_S = 90    # a bound, not an expectation: the warehouse may have to start, and the machine may be busy


@pytest.fixture
def config(setup: Setup, request: pytest.FixtureRequest) -> Config:
    """A configuration without a space."""
    made = setup.configure("init_" + re.sub(r"\W+", "_", request.node.name)[:40])
    (made.folder / "spaces.d" / "shop.toml").unlink()
    return made


class Dialog:
    def __init__(self, binary: Path, config: Config, *words: str):
        try:
            for end in os.openpty():
                os.close(end)
        except OSError as error:   # a chroot without /dev/pts
            pytest.skip(f"this machine has no pseudo-terminals: {error}")
        self.child = pexpect.spawn(str(binary), ["init", *words, "--config", str(config.file)], encoding="utf-8", timeout=MOST_S,
                                   env={key: value for key, value in os.environ.items() if not key.startswith("DATABRICKS_")})
        self.child.delaybeforesend = None

    def answer(self, question: str, text: str) -> None:
        self.child.expect(re.escape(question) + r"[^\n]*: ")
        self.child.sendline(text)

    def up_to_secret(self, ready: dict[str, Any], space: str = "acme") -> None:
        self.answer("Name of the space", "Acme")
        self.answer("Id", space)
        self.answer("Workspace URL", ready["url"])
        self.answer("Port", "")
        self.answer("Client ID", ready["client_id"])

    def rest(self, ready: dict[str, Any]) -> None:
        self.answer("HTTP Path", ready["http_path"])
        self.answer("Catalog", ready["catalog"])
        self.answer("Schema name", "acme_init")
        self.answer("Name of the first source", "")
        self.answer("Sync every", "15m")

    def end(self) -> int:
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


def written(config: Config) -> list[str]:
    return sorted(str(path.relative_to(config.folder)) for path in config.folder.rglob("*")
                  if path.is_file() and path.name not in ("lakeferry.toml", "client_secret"))


def test_a_dialogue_writes_a_space_that_works(setup: Setup, binary: Path, config: Config) -> None:
    ready = setup.workspace.ready
    dialog = Dialog(binary, config)
    seen: list[str] = []
    dialog.child.logfile_read = type("Log", (), {"write": lambda _, text: seen.append(text), "flush": lambda _: None})()
    dialog.up_to_secret(ready)
    dialog.child.expect("Client secret")
    assert dialog.child.waitnoecho(30), "the secret must not be shown"
    dialog.child.sendline(ready["client_secret"])
    dialog.rest(ready)
    assert dialog.end() == 0, "".join(seen)[-3000:]
    shown = "".join(seen)
    assert ready["client_secret"] not in shown
    for part in ("fixed after the first sync", "ok: a Databricks workspace", "ok: service principal", "ok: SQL warehouse", "Test Connection",
                 "acme is ready", "lakeferry check acme", "lakeferry sync acme --wait"):
        assert part in shown, part
    assert written(config) == ["acme.secret", "spaces.d/acme.toml"]
    secret = config.folder / "acme.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600 and secret.read_text().strip() == ready["client_secret"]
    text = (config.folder / "spaces.d" / "acme.toml").read_text()
    assert ready["client_secret"] not in text and "# fixed after the first sync" in text
    key = re.search(r'write_key = "(\w{32})"', text)
    assert key is not None and key[1] in shown
    # And it works: the daemon starts with it and syncs.
    daemon = setup.daemon(config)
    daemon.command("sync", "acme", "--wait")


def test_wrong_answers_are_said_and_asked_again(setup: Setup, binary: Path, config: Config) -> None:
    ready = setup.workspace.ready
    dialog = Dialog(binary, config, "--no-wake")

    def refused(question: str, text: str, why: str) -> None:
        dialog.answer(question, text)
        dialog.child.expect(why)
    dialog.answer("Name of the space", "Acme")
    refused("Id", "Ac me", "is not an id")
    dialog.answer("Id", "acme")
    refused("Workspace URL", "http://dbc-1.cloud.databricks.com", "is not encrypted")
    dialog.answer("Workspace URL", "http://127.0.0.1:1")
    refused("Port", "", "127.0.0.1:1")
    dialog.answer("Workspace URL", ready["url"] + "/?o=123#setting")
    dialog.answer("Port", "")
    dialog.answer("Client ID", ready["client_id"])
    refused("Client secret", "dose-wrong", "secret|principal|client")
    dialog.answer("Client ID", ready["client_id"])
    dialog.answer("Client secret", ready["client_secret"])
    refused("HTTP Path", "sql/protocolv1/o/123/0101-abc", "cluster")
    refused("HTTP Path", "/sql/1.0/warehouses/0000000000000000", "warehouse")
    dialog.answer("HTTP Path", ready["http_path"])
    refused("Catalog", "hive_metastore", "Unity Catalog")
    refused("Catalog", "no_such_catalog", "does not exist, or is hidden")
    dialog.answer("Catalog", ready["catalog"])
    refused("Schema name", "a.b", "is not a valid name")
    dialog.answer("Schema name", "acme_init_2")
    dialog.answer("Name of the first source", "")
    refused("Sync every", "5s", "shorter than a minute")
    dialog.answer("Sync every", "1h")
    dialog.end()
    assert written(config) == ["acme.secret", "spaces.d/acme.toml"]


@pytest.mark.parametrize("where", ["name", "secret", "catalog"])
def test_ctrl_c_leaves_nothing_and_the_terminal_as_it_was(setup: Setup, binary: Path, config: Config, where: str) -> None:
    ready = setup.workspace.ready
    dialog = Dialog(binary, config)
    if where != "name":
        dialog.up_to_secret(ready)
        dialog.child.expect("Client secret")
        assert dialog.child.waitnoecho(30)
    if where == "catalog":
        dialog.child.sendline(ready["client_secret"])
        dialog.answer("HTTP Path", ready["http_path"])
        dialog.child.expect("Catalog")
    dialog.child.sendintr()
    dialog.child.expect(pexpect.EOF)
    assert dialog.child.getecho(), "the terminal must show what is typed again"
    dialog.child.close()
    assert dialog.child.exitstatus == 130 or dialog.child.signalstatus == 2
    assert written(config) == []


def script(binary: Path, config: Config, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DATABRICKS_")}
    return subprocess.run([str(binary), "init", *words, "--config", str(config.file)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=MOST_S, env={**clean, **environment})


def complete(ready: dict[str, Any]) -> list[str]:
    return ["acme", "--non-interactive", "--workspace-url", ready["url"], "--client-id", ready["client_id"], "--http-path", ready["http_path"],
            "--catalog", ready["catalog"], "--schema", "acme_script", "--no-wake"]


def test_scripts_need_no_terminal(setup: Setup, binary: Path, config: Config) -> None:
    ready = setup.workspace.ready
    done = script(binary, config, "acme")
    assert done.returncode == 64 and "--non-interactive" in done.stderr
    done = script(binary, config, *complete(ready))
    assert done.returncode == 64 and "DATABRICKS_CLIENT_SECRET" in done.stderr and written(config) == []
    done = script(binary, config, *[word for word in complete(ready) if word not in ("--catalog", ready["catalog"])],
                  DATABRICKS_CLIENT_SECRET=ready["client_secret"])
    assert done.returncode == 64 and "--catalog: is missing" in done.stderr and written(config) == []
    done = script(binary, config, *complete(ready), DATABRICKS_CLIENT_SECRET="dose-wrong")
    assert done.returncode == 1 and "nothing was written" in done.stderr and "dose-wrong" not in done.stderr and written(config) == []
    done = script(binary, config, *complete(ready), DATABRICKS_CLIENT_SECRET=ready["client_secret"])
    assert written(config) == ["acme.secret", "spaces.d/acme.toml"], done.stderr
    before = (config.folder / "spaces.d" / "acme.toml").read_text()
    done = script(binary, config, *complete(ready), "--name", "Other", DATABRICKS_CLIENT_SECRET=ready["client_secret"])
    assert done.returncode == 1 and "exists already and is left as it is" in done.stderr
    assert (config.folder / "spaces.d" / "acme.toml").read_text() == before
    checked = subprocess.run([str(binary), "config", "check", "--json", "--config", str(config.file)], capture_output=True, text=True)
    assert json.loads(checked.stdout)["valid"] is True


def test_a_folder_of_credentials_takes_the_secret(setup: Setup, binary: Path, config: Config) -> None:
    ready = setup.workspace.ready
    (config.folder / "credentials").mkdir(mode=0o700)
    script(binary, config, *complete(ready), DATABRICKS_CLIENT_SECRET=ready["client_secret"])
    assert written(config) == ["credentials/acme", "spaces.d/acme.toml"]
    assert 'client_secret = { credential = "oauth_acme" }' in (config.folder / "spaces.d" / "acme.toml").read_text()


def test_what_cannot_be_written_is_said_and_leaves_nothing(setup: Setup, binary: Path, config: Config) -> None:
    ready = setup.workspace.ready
    spaces = config.folder / "spaces.d"
    # A dangling link has the name, and is no file that could be seen before.
    (spaces / "acme.toml").symlink_to(config.folder / "nowhere")
    done = script(binary, config, *complete(ready), DATABRICKS_CLIENT_SECRET=ready["client_secret"])
    assert done.returncode == 78 or "exists already" in done.stderr
    assert not (config.folder / "acme.secret").exists()
