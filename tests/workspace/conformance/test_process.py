"""The program itself: ready line, state that survives, clean stop, and starts that cannot be."""
import json
import os
import signal
import socket
import stat
import subprocess

import pytest
from caller import Caller
from conftest import ROOT, Running

TOOLS = ROOT / "workspace"


def start(*arguments, environment=None):
    return subprocess.run([str(TOOLS / "run"), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env=os.environ | (environment or {}))


def tool(name, *arguments, **options):
    return subprocess.run([str(TOOLS / name), *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def test_state_survives_a_restart(tmp_path):
    """Tables with their data, what COPY INTO has loaded, volumes with files, grants, owners, comments, secrets."""
    first = Running("--state", tmp_path, "--no-warm-up", "--cold-start", 0)
    try:
        assert set(first.ready) == {"event", "url", "client_id", "client_secret", "http_path", "warehouse_id", "catalog", "seconds"}
        assert first.ready["http_path"] == "/sql/1.0/warehouses/w1" and first.ready["catalog"] == "main"
        about = json.loads((tmp_path / "workspace.json").read_text())
        assert stat.S_IMODE((tmp_path / "workspace.json").stat().st_mode) == 0o600
        caller = Caller(first.url, first.ready["client_id"], first.ready["client_secret"])
        admin = Caller(first.url, about["admin"]["client_id"], about["admin"]["client_secret"])
        caller.sql("CREATE SCHEMA main.kept COMMENT 'still here'")
        caller.sql("CREATE TABLE main.kept.t (a BIGINT COMMENT 'number') CLUSTER BY (a) COMMENT 'kept table'")
        caller.sql("CREATE VOLUME main.kept.v COMMENT 'kept volume'")
        caller.put("/Volumes/main/kept/v/a.json", b'{"a": 7}\n')
        copy = ("COPY INTO main.kept.t FROM (SELECT a::BIGINT AS a FROM '/Volumes/main/kept/v/') FILEFORMAT = JSON FILES = ('a.json') "
                "FORMAT_OPTIONS ('primitivesAsString' = 'true')")
        assert caller.sql(copy).counts == (1, 1, 0)
        admin.sql(f"REVOKE CREATE SCHEMA ON CATALOG main FROM `{caller.client_id}`")
        again = start("--state", tmp_path)
        assert again.returncode == 1 and "in use by another workspace" in again.stderr and again.stdout == ""
        shell = tool("sql", "--state", tmp_path, "--json", "SELECT a FROM main.kept.t")
        assert (shell.returncode, shell.stdout) == (0, '{"a": "7"}\n'), shell.stderr
    finally:
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL  # as a power cut would

    second = Running("--state", tmp_path, "--no-warm-up", "--cold-start", 0)
    try:
        assert (second.ready["client_id"], second.ready["client_secret"]) == (first.ready["client_id"], first.ready["client_secret"])
        caller = Caller(second.url, second.ready["client_id"], second.ready["client_secret"])
        assert caller.sql("SELECT * FROM main.kept.t").rows == [["7"]]
        assert caller.sql(copy).counts == (0, 0, 0)
        caller.put("/Volumes/main/kept/v/b.json", b'{"a": 8}\n')
        assert caller.sql(copy.replace("a.json", "b.json")).counts == (1, 1, 0)
        assert caller.call("GET", "/api/2.0/fs/files/Volumes/main/kept/v/a.json").content == b'{"a": 7}\n'
        assert "CREATE SCHEMA" in caller.fails("CREATE SCHEMA main.more")["message"]
        table = caller.get("/api/2.1/unity-catalog/tables/main.kept.t")
        assert table["owner"] == caller.client_id and table["comment"] == "kept table" and table["columns"][0]["comment"] == "number"
        assert caller.get("/api/2.1/unity-catalog/schemas/main.kept")["comment"] == "still here"
        assert caller.sql("DESCRIBE TABLE main.kept.t").rows[0] == ["a", "bigint", "number"]
        caller.sql("DROP TABLE main.kept.t")
        caller.sql("CREATE TABLE main.kept.t (a BIGINT)")
        assert caller.sql("SELECT count(*) FROM main.kept.t").rows == [["0"]]
    finally:
        assert second.stop() == 0
    assert not (tmp_path / "workspace.json").exists()


def test_ctrl_c_and_what_is_left(tmp_path):
    running = Running("--no-warm-up", environment={"TMPDIR": str(tmp_path)})
    assert [p.name for p in tmp_path.iterdir()] and running.stop(signal.SIGINT) == 0
    assert [p.name for p in tmp_path.iterdir()] == []


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        reply = start("--port", port)
    assert reply.returncode == 1 and f"cannot listen on 127.0.0.1:{port}" in reply.stderr and "--port" in reply.stderr


@pytest.mark.parametrize(("config", "says"), [
    ("colds_tart = 1", "unknown key 'colds_tart', did you mean 'cold_start'"), ("workers = 'two'", "'workers' must be int"),
    ("catalogs = ['a__b']", "'a__b' is not a valid catalog name"), ("default_catalog = 'x'", "not among catalogs"),
    ("[[principals]]\nadmin = true", "'name' is missing"), ("[[warehouses]]\nidd = 'x'", "unknown key 'idd', did you mean 'id'"),
    ("= 1", "config.toml"), ("workers = 0", "must be 1 or more")])
def test_configurations_that_make_no_sense(tmp_path, config, says):
    (tmp_path / "config.toml").write_text(config)
    reply = start("--config", tmp_path / "config.toml")
    assert reply.returncode == 2 and says in reply.stderr and reply.stdout == ""


def test_a_configuration_that_is_missing(tmp_path):
    reply = start("--config", tmp_path / "none.toml")
    assert reply.returncode == 2 and "none.toml: No such file" in reply.stderr


def test_fresh_empties_only_what_is_ours(tmp_path):
    (tmp_path / "precious").write_text("x")
    reply = start("--state", tmp_path, "--fresh")
    assert reply.returncode == 2 and "not a workspace's state folder" in reply.stderr and (tmp_path / "precious").exists()


def test_a_machine_without_java_or_maven(tmp_path):
    """Everything but these two is on the path."""
    for name in ("sh", "dirname", "env", "cat"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    for name in ("setup", "run"):
        reply = subprocess.run([str(TOOLS / name)], capture_output=True, text=True, timeout=60, env={"PATH": str(tmp_path), "HOME": "/root"})
        assert reply.returncode == 1 and "apt-get install" in reply.stderr and "openjdk-17-jdk-headless" in reply.stderr, reply
        assert "maven" in reply.stderr and reply.stdout == ""


def test_help():
    for name, words in (("run", ("--cold-start", "--token-seconds", "[[principals]]")), ("sql", ("--json",)), ("fault", ("drop",)),
                        ("setup", ("--tests",))):
        reply = tool(name, "--help")
        assert reply.returncode == 0 and all(w in reply.stdout for w in words), name


class TestShell:
    def test_tables_and_statements_from_input(self, workspace, catalog):
        state = workspace.about["state"]
        reply = tool("sql", "--state", state, "--catalog", catalog, input="SELECT 1 AS one, NULL AS nothing;\nSHOW SCHEMAS;")
        assert reply.returncode == 0 and "| one   | nothing   |" in reply.stdout and "NULL" in reply.stdout and "default" in reply.stdout
        assert tool("sql", "--state", state, f"CREATE SCHEMA {catalog}.shell").stdout == "OK\n"

    def test_failures_are_told(self, workspace, tmp_path):
        reply = tool("sql", "--state", workspace.about["state"], "SELECT nothing")
        assert reply.returncode == 1 and "UNRESOLVED_COLUMN" in reply.stderr and "Traceback" not in reply.stderr
        reply = tool("sql", "--state", tmp_path, "SELECT 1")
        assert reply.returncode == 1 and "no workspace runs on" in reply.stderr
        assert "name the workspace" in tool("sql", "SELECT 1").stderr
        assert "no workspace answers" in tool("sql", "--url", "http://127.0.0.1:9", "--token", "x", "SELECT 1").stderr

    def test_faults(self, workspace):
        state = workspace.about["state"]
        added = tool("fault", "--state", state, "add", "fail", "sql=SELECT 99", "message=[MINE] no", "sql_state=2D521", "times=2")
        assert added.returncode == 0, added.stderr
        assert workspace.lakeferry.fails("SELECT 99")["sql_state"] == "2D521"
        listed = tool("fault", "--state", state, "list").stdout
        assert "SELECT 99" in listed and "fail" in listed
        assert json.loads(tool("fault", "--state", state, "clear").stdout) == {"removed": 1}
        assert "has no 'colour'" in tool("fault", "--state", state, "add", "drop", "colour=red").stderr


def test_setup_has_nothing_to_do_the_second_time():
    reply = tool("setup", "--tests")
    assert reply.returncode == 0 and "done in" not in reply.stderr and "ready in" in reply.stderr


