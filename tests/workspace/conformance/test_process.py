"""The program itself: ready line, state that survives, clean stop, and starts that cannot be."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest
import requests
from caller import Caller, until
from conftest import ROOT, Running

TOOLS = ROOT / "workspace"
sys.path.insert(0, str(TOOLS))
from lakeferry_workspace import options, places  # noqa: E402


def start(*arguments, environment=None):
    return subprocess.run([str(TOOLS / "run"), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env=os.environ | (environment or {}))


def tool(name, *arguments, **options):
    return subprocess.run([str(TOOLS / name), *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def admin_of(running, state) -> Caller:
    about = json.loads((state / "workspace.json").read_text())
    return Caller(running.url, about["admin"]["client_id"], about["admin"]["client_secret"])


def test_state_survives_a_restart(tmp_path):
    """Tables with their data, what COPY INTO has loaded, volumes with files, grants, owners, comments, secrets."""
    first = Running("--state", tmp_path, "--no-warm-up", "--cold-start", 0)
    try:
        assert set(first.ready) == {"event", "url", "client_id", "client_secret", "http_path", "warehouse_id", "catalog", "seconds"}
        assert first.ready["http_path"] == "/sql/1.0/warehouses/w1" and first.ready["catalog"] == "main"
        about = json.loads((tmp_path / "workspace.json").read_text())
        for private in ("workspace.json", "objects.json", "history.jsonl"):
            assert stat.S_IMODE((tmp_path / private).stat().st_mode) == 0o600, private
        caller = Caller(first.url, first.ready["client_id"], first.ready["client_secret"])
        admin = Caller(first.url, about["admin"]["client_id"], about["admin"]["client_secret"])
        user_id = caller.get("/api/2.0/preview/scim/v2/Me")["id"]
        caller.sql("CREATE SCHEMA main.kept COMMENT 'still here'")
        caller.sql("CREATE TABLE main.kept.t (a BIGINT COMMENT 'number') CLUSTER BY (a) COMMENT 'kept table'")
        caller.sql("CREATE VOLUME main.kept.v COMMENT 'kept volume'")
        caller.sql("CREATE VIEW main.kept.w (b COMMENT 'kept column') AS SELECT a FROM kept.t")
        caller.put("/Volumes/main/kept/v/a.json", b'{"a": 7}\n')
        copy = ("COPY INTO main.kept.t FROM (SELECT a::BIGINT AS a FROM '/Volumes/main/kept/v/') FILEFORMAT = JSON FILES = ('a.json') "
                "FORMAT_OPTIONS ('primitivesAsString' = 'true')")
        assert caller.sql(copy).counts == (1, 1, 0)
        admin.sql(f"REVOKE CREATE SCHEMA ON CATALOG main FROM `{caller.client_id}`")
        again = start("--state", tmp_path)
        assert again.returncode == 1 and "in use by another workspace" in again.stderr and again.stdout == ""
        shell = tool("sql", "--state", tmp_path, "--json", "SELECT a FROM main.kept.t")
        assert (shell.returncode, shell.stdout) == (0, '{"a": 7}\n'), shell.stderr
        done = caller.run("SELECT 'before the restart'", query_tags=[{"key": "k", "value": "v"}])["statement_id"]
        failed = caller.run("SELECT nothing")["statement_id"]
        admin.post("/__workspace/faults", {"kind": "hang", "sql": "lost", "seconds": 3600})
        lost = caller.submit("SELECT 'lost'")["statement_id"]
        legacy = caller.post("/api/2.0/token/create", {"comment": "kept"})["token_value"]
    finally:
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL  # as a power cut would

    second = Running("--state", tmp_path, "--no-warm-up", "--cold-start", 0)
    try:
        assert (second.ready["client_id"], second.ready["client_secret"]) == (first.ready["client_id"], first.ready["client_secret"])
        caller = Caller(second.url, second.ready["client_id"], second.ready["client_secret"])
        assert caller.sql("SELECT * FROM main.kept.t").rows == [["7"]]
        assert caller.sql("SELECT b FROM main.kept.w").rows == [["7"]]
        assert caller.sql("DESCRIBE main.kept.w").rows == [["b", "bigint", "kept column"]]
        history = {q["query_id"]: q for q in caller.get("/api/2.0/sql/history/queries")["res"]}
        assert history[done]["status"] == "FINISHED" and history[done]["query_tags"] == [{"key": "k", "value": "v"}]
        assert history[failed]["status"] == "FAILED" and "UNRESOLVED_COLUMN" in history[failed]["error_message"]
        assert history[lost]["status"] == "FAILED" and "unknown" in history[lost]["error_message"] and history[lost]["is_final"]
        assert caller.get(f"/api/2.0/sql/statements/{done}") == {"statement_id": done, "status": {"state": "CLOSED"}}
        assert caller.get(f"/api/2.0/sql/statements/{failed}")["status"]["sql_state"] == "42703"
        assert admin_of(second, tmp_path).get(f"/api/2.0/sql/statements/{done}")["status"]["state"] == "CLOSED"
        me = requests.get(second.url + "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {legacy}"}).json()
        assert (me["userName"], me["id"]) == (caller.client_id, user_id)
        admin_of(second, tmp_path).post("/__workspace/clock", {"advance_seconds": 13 * 3600})
        caller.forget_token()
        caller.get(f"/api/2.0/sql/statements/{done}", 404)
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


CONFIG = """
default_catalog = "sandbox"
catalogs = ["main", "sandbox"]
[[warehouses]]
id = "small"
acl = { readers = "CAN_VIEW", etl = "CAN_MANAGE" }
default_level = "NONE"
[[principals]]
name = "etl"
client_id = "etl-application"
client_secret = "it's: a secret"
access_token = "dapi0etl"
grants = [{ on = "CATALOG sandbox", privileges = ["USE CATALOG", "CREATE SCHEMA"] }]
[[principals]]
name = "reader"
groups = ["readers"]
entitlements = ["databricks-sql-access"]
"""


def test_principals_catalogs_and_warehouses_from_a_file(tmp_path):
    """And what is left when Ctrl-C has stopped it: nothing."""
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "tmp").mkdir()
    running = Running("--no-warm-up", "--config", tmp_path / "config.toml", environment={"TMPDIR": str(tmp_path / "tmp")})
    try:
        assert running.ready["catalog"] == "sandbox" and running.ready["http_path"] == "/sql/1.0/warehouses/small"
        etl = Caller(running.url, "etl-application", "it's: a secret", "small")
        assert [c["name"] for c in etl.get("/api/2.1/unity-catalog/catalogs")["catalogs"]] == ["sandbox"]
        assert etl.post("/api/2.0/sql/warehouses/small/stop") == {}
        legacy = requests.get(running.url + "/api/2.0/preview/scim/v2/Me", headers={"Authorization": "Bearer dapi0etl"}).json()
        assert legacy["userName"] == "etl-application" and legacy["displayName"] == "etl"
        people = {p["name"]: p for p in etl.get("/__workspace/principals")["principals"]}
        assert set(people) == {"etl", "reader", "lakeferry", "admin"}
        reader = Caller(running.url, people["reader"]["client_id"], people["reader"]["client_secret"], "small")
        me = reader.get("/api/2.0/preview/scim/v2/Me")
        assert [g["display"] for g in me["groups"]] == ["readers"] and me["entitlements"] == [{"value": "databricks-sql-access"}]
        assert reader.get("/api/2.0/sql/warehouses/small")["state"] in ("STOPPED", "STOPPING")
        assert reader.submit("SELECT 1", 403)["message"] == "You do not have permission to use the SQL Warehouse."
        assert Caller(running.url, running.ready["client_id"], running.ready["client_secret"]).get("/api/2.0/sql/warehouses") == {"warehouses": []}
    finally:
        assert any((tmp_path / "tmp").iterdir()) and running.stop(signal.SIGINT) == 0
    assert not any((tmp_path / "tmp").iterdir())


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        reply = start("--port", port)
    assert reply.returncode == 1 and f"cannot listen on 127.0.0.1:{port}" in reply.stderr and "--port" in reply.stderr


@pytest.mark.parametrize(("config", "says"), [
    ("colds_tart = 1", "unknown key 'colds_tart', did you mean 'cold_start'"), ("workers = 'two'", "'workers' must be a whole number, not 'two'"),
    ("catalogs = ['a__b']", "'a__b' is not a valid catalog name"), ("default_catalog = 'x'", "not among catalogs"),
    ("[[principals]]\nadmin = true", "'name' is missing"), ("[[warehouses]]\nidd = 'x'", "unknown key 'idd', did you mean 'id'"),
    ("= 1", "config.toml"), ("workers = 0", "must be 1 or more"), ("principals = 5", "begin each with [[principals]]"),
    ("[[warehouses]]\nstate = 'ASLEEP'", "state 'ASLEEP' is not one of STOPPED"), ("[[warehouses]]\ncold_start = 'x'", "'cold_start' must be a number"),
    ("[[warehouses]]\nmax_clusters = 0", "max_clusters"), ("[[warehouses]]\nid = 'a/b'", "an id has letters"),
    ("[[warehouses]]\nacl = { etl = 'CAN_FLY' }", "'CAN_FLY' is not a permission level"),
    ("[[principals]]\nname = 'a'\ngroups = [1]", "'groups' must be a list of strings"),
    ("[[principals]]\nname = 'a'\n[[principals]]\nname = 'a'", "two principals have the name 'a'"),
    ("[[principals]]\nname = 'admin'", "no principal is an administrator"),
    ("[[principals]]\nname = 'a'\ngrants = [{ on = 'CATALOG main', privileges = ['FLY'] }]", "has no privilege 'FLY'"),
    ("[[principals]]\nname = 'a'\ngrants = [{ on = 'TABLE main.a.b', privileges = ['SELECT'] }]", "on = \"CATALOG c\""),
    ("[[principals]]\nname = 'a'\ngrants = [{ on = 'CATALOG mian', privileges = ['SELECT'] }]", "catalog 'mian' is not among catalogs"),
    ("port = 99999", "port 99999"), ("memory = 'lots'", "write for instance 1500m or 2g"), ("uploads = 'pigeon'", "multipart, resumable, refused"),
    ("token_seconds = nan", "'token_seconds' must be a number"), ("fresh = true", "unknown key 'fresh'")])
def test_configurations_that_make_no_sense(tmp_path, capsys, config, says):
    (tmp_path / "config.toml").write_text(config)
    with pytest.raises(SystemExit) as end:
        options.parse(["--config", str(tmp_path / "config.toml")])
    said = capsys.readouterr()
    assert end.value.code == 2 and says in said.err and said.out == ""


def test_a_wrong_configuration_ends_the_program(tmp_path):
    (tmp_path / "config.toml").write_text("workers = 0")
    reply = start("--config", tmp_path / "config.toml")
    assert reply.returncode == 2 and reply.stderr == "workspace/run: workers and token_seconds must be 1 or more, cold_start 0 or more\n"
    assert reply.stdout == ""


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


def test_java_that_is_old_or_not_where_it_is_said_to_be(tmp_path):
    reply = start(environment={"JAVA_HOME": str(tmp_path)})
    assert reply.returncode == 1 and f"JAVA_HOME is {tmp_path}" in reply.stderr and "Traceback" not in reply.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    (tmp_path / "release").write_text('JAVA_VERSION="11.0.2"\n')
    reply = start(environment={"JAVA_HOME": str(tmp_path)})
    assert reply.returncode == 1 and "Java 17 or newer is needed" in reply.stderr and "openjdk-17-jdk-headless" in reply.stderr


def test_spark_that_does_not_start(tmp_path):
    """Its reason is shown, and nothing is left behind."""
    reply = start("--memory", "2m", environment={"TMPDIR": str(tmp_path)})
    assert reply.returncode == 1 and "Spark did not start" in reply.stderr and "Traceback" not in reply.stderr and reply.stdout == ""
    assert not any(p.name.startswith("lakeferry-workspace-") for p in tmp_path.iterdir())


def test_help():
    for name, words in (("run", ("--cold-start", "--token-seconds", "[[principals]]")), ("sql", ("--json",)), ("fault", ("drop", "fail_start")),
                        ("setup", ("--tests",))):
        reply = tool(name, "--help")
        assert reply.returncode == 0 and all(w in reply.stdout for w in words), name


class TestShell:
    def test_tables_and_statements_from_input(self, workspace, catalog):
        state = workspace.about["state"]
        reply = tool("sql", "--state", state, "--catalog", catalog, input="SELECT 1 AS one, NULL AS nothing;\nSHOW SCHEMAS;")
        assert reply.returncode == 0 and "|   one | nothing   |" in reply.stdout and "NULL" in reply.stdout and "default" in reply.stdout
        assert tool("sql", "--state", state, f"CREATE SCHEMA {catalog}.shell").stdout == "OK\n"

    def test_several_statements_share_a_session(self, workspace, catalog):
        state = workspace.about["state"]
        wanted = ["1", "x;y", "default"]
        text = f"USE {catalog}.default; -- a; b\nCREATE TEMP VIEW v AS SELECT 1 AS a, 'x;y' AS b;\nSELECT a, b, current_schema() AS c FROM v /* ; */"
        for reply in (tool("sql", "--state", state, "--json", text), tool("sql", "--state", state, "--json", input=text)):
            assert [str(v) for v in json.loads(reply.stdout.splitlines()[-1]).values()] == wanted, reply
        script = "BEGIN DECLARE n INT DEFAULT 1; IF n > 0 THEN SELECT CASE WHEN n = 1 THEN 'one;' END AS said; END IF; END; SELECT 2 AS said"
        assert [json.loads(x)["said"] for x in tool("sql", "--state", state, "--json", script).stdout.splitlines()] == ["one;", 2]

    def test_a_script_ends_with_the_first_mistake(self, workspace):
        reply = tool("sql", "--state", workspace.about["state"], "--json", input="SELECT 1 AS a;\nSELEC 2;\nSELECT 3 AS a;\n")
        assert reply.returncode == 1 and reply.stdout == '{"a": 1}\n' and reply.stderr.count("PARSE_SYNTAX_ERROR") == 1
        assert "empty" in tool("sql", "--state", workspace.about["state"], "").stderr
        assert "--width 0" in tool("sql", "--state", workspace.about["state"], "--width", "0", "SELECT 1").stderr

    def test_ctrl_c_cancels(self, workspace):
        fault = workspace.fault(kind="hang", sql="interrupted by hand", seconds=3600)
        # As from a terminal: a suite that runs in the background has the signal ignored, and its children inherit that.
        shell = subprocess.Popen([str(TOOLS / "sql"), "--state", workspace.about["state"], "SELECT 1 /* interrupted by hand */"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, start_new_session=True,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        until(lambda: workspace.hits(fault) == 1)
        running = next(q for q in workspace.admin.get("/api/2.0/sql/history/queries")["res"] if "interrupted by hand" in q["query_text"])
        until(lambda: workspace.admin.get(f"/__workspace/ledger?call=poll&statement_id={running['query_id']}")["calls"])
        os.killpg(shell.pid, signal.SIGINT)
        out, err = shell.communicate(timeout=60)
        assert shell.returncode == 1 and "cancelled" in err and "Traceback" not in err and out == ""
        found = workspace.admin.get("/api/2.0/sql/history/queries")["res"]
        assert next(q for q in found if "interrupted by hand" in q["query_text"])["status"] == "CANCELED"

    def test_failures_are_told(self, workspace, tmp_path):
        reply = tool("sql", "--state", workspace.about["state"], "SELECT nothing")
        assert reply.returncode == 1 and "UNRESOLVED_COLUMN" in reply.stderr and "Traceback" not in reply.stderr
        reply = tool("sql", "--state", tmp_path, "SELECT 1")
        assert reply.returncode == 1 and "no workspace runs on" in reply.stderr
        assert "--url needs --token" in tool("sql", "--url", "http://127.0.0.1:9", "SELECT 1").stderr
        assert "no workspace answers" in tool("sql", "--url", "http://127.0.0.1:9", "--token", "x", "SELECT 1").stderr

    def test_values_as_json_has_them(self, workspace):
        reply = tool("sql", "--state", workspace.about["state"], "--json", "SELECT 1 AS a, 2 AS a, true AS b, 1.50 AS d, 0.5D AS f, CAST('NaN' AS DOUBLE) "
                     "AS n, array(1) AS l, 'ü' AS t, NULL AS z, id FROM range(2) WHERE id = 1")
        assert reply.stdout == ('{"a": 1, "a_2": 2, "b": true, "d": "1.50", "f": 0.5, "n": "NaN", "l": [1], "t": "ü", "z": null, "id": 1}\n')

    def test_results_of_any_size(self, workspace):
        reply = tool("sql", "--state", workspace.about["state"], "--json", "SELECT id, repeat('x', 1000) AS x FROM range(30000)")
        assert reply.returncode == 0 and reply.stdout.count("\n") == 30000, reply.stderr[-500:]

    def test_without_being_told_where(self, workspace, tmp_path):
        """The only one that runs is found; of several one must be named. A killed one leaves nothing that counts."""
        notes = tmp_path / "running"
        notes.mkdir()
        for name in ("venv", "jars", "conf", "stamps.json", "setup.lock"):
            (tmp_path / name).symlink_to(places.home() / name)
        own = {"env": os.environ | {"LAKEFERRY_WORKSPACE_HOME": str(tmp_path), "PYTHONPATH": str(TOOLS)}}

        def shell(*words):
            return subprocess.run([str(places.home() / "venv/bin/python"), "-m", "lakeferry_workspace.sql_shell", *words],
                                  capture_output=True, text=True, timeout=60, **own)

        assert "no workspace runs on this machine" in shell("SELECT 1").stderr
        pid = workspace.about["pid"]
        (notes / f"{pid}.json").write_text(json.dumps({"pid": pid, "state": workspace.about["state"]}))
        (notes / "99999999.json").write_text(json.dumps({"pid": 99999999, "state": str(tmp_path)}))
        assert shell("SELECT 1 AS one").stdout.splitlines()[1].split() == ["|", "one", "|"]
        assert [p.name for p in notes.iterdir()] == [f"{pid}.json"]
        (notes / f"{pid}0.json").write_text(json.dumps({"pid": pid, "state": workspace.about["state"]}))
        assert "several workspaces run" in shell("SELECT 1").stderr

    def test_faults(self, workspace):
        state = workspace.about["state"]
        added = tool("fault", "--state", state, "add", "fail", "sql=SELECT 99", "message=[MINE] no", "sql_state=2D521", "times=2")
        assert added.returncode == 0, added.stderr
        assert workspace.lakeferry.fails("SELECT 99")["sql_state"] == "2D521"
        listed = tool("fault", "--state", state, "list").stdout
        assert "SELECT 99" in listed and "fail" in listed
        assert json.loads(tool("fault", "--state", state, "clear").stdout) == {"removed": 1}
        assert "unknown key 'colour'" in tool("fault", "--state", state, "add", "drop", "colour=red").stderr
        assert tool("fault", "--state", state, "list").stdout == "no faults\n"
        made = json.loads(tool("fault", "--state", state, "add", "slow", "call=poll", "times=-1", "seconds=0.5").stdout)["id"]
        shown = json.loads(tool("fault", "--state", state, "--json", "list").stdout)
        assert (shown["id"], shown["call"], shown["times"], shown["seconds"]) == (made, "poll", -1, 0.5)
        assert json.loads(tool("fault", "--state", state, "remove", str(made)).stdout) == {"removed": 1}
        assert "ids of faults" in tool("fault", "--state", state, "remove", "x").stderr


def test_setup_has_nothing_to_do_the_second_time():
    reply = tool("setup", "--tests")
    assert reply.returncode == 0 and "done in" not in reply.stderr and "ready in" in reply.stderr


