"""Faults on demand: each does what it says, as often as it says, and counts it."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from caller import SQL, until


def test_a_status_for_the_next_calls(workspace, ferry):
    fault = workspace.fault(kind="status", method="POST", path="/statements$", status=429, code="REQUEST_LIMIT_EXCEEDED", message="slow down",
                            retry_after=3, times=2, skip=1)
    ferry.submit("SELECT 1")
    for _ in range(2):
        reply = ferry.call("POST", SQL + "/statements", json={"statement": "SELECT 1", "warehouse_id": "w1"})
        assert reply.status_code == 429 and reply.headers["retry-after"] == "3"
        assert reply.json() == {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}
    ferry.submit("SELECT 1")
    assert workspace.hits(fault) == 2


def test_bodies_that_no_client_expects(workspace, ferry):
    workspace.fault(kind="status", path="/warehouses", status=504, body="DEADLINE_EXCEEDED: Deadline exceeded when awaiting statement ID")
    reply = ferry.call("GET", SQL + "/warehouses")
    assert (reply.status_code, reply.text) == (504, "DEADLINE_EXCEEDED: Deadline exceeded when awaiting statement ID")
    workspace.fault(kind="status", path="/warehouses", status=200, body="<html><pre>no</pre></html>", content_type="text/html")
    assert ferry.call("GET", SQL + "/warehouses").headers["content-type"].startswith("text/html")
    workspace.fault(kind="status", path="/warehouses", status=302, body="", headers={"Location": "/login.html?error=private-link-validation-error"})
    assert ferry.call("GET", SQL + "/warehouses", allow_redirects=False).status_code == 302


@pytest.mark.parametrize("after", [False, True])
def test_an_answer_is_lost_before_or_after_the_effect(workspace, ferry, schema, after):
    ferry.sql(f"CREATE TABLE {schema}.t (a INT)")
    fault = workspace.fault(kind="drop", method="POST", path="/statements$", sql="INSERT INTO", after=after)
    with pytest.raises(requests.ConnectionError):
        ferry.submit(f"INSERT INTO {schema}.t VALUES (1)")
    assert workspace.hits(fault) == 1
    history = ferry.get("/api/2.0/sql/history/queries")["res"]
    found = [i for i in history if i["query_text"].startswith(f"INSERT INTO {schema}.t")]
    assert len(found) == (1 if after else 0)
    if after:
        ferry.wait(found[0]["query_id"])
    assert ferry.sql(f"SELECT count(*) FROM {schema}.t").rows == [["1" if after else "0"]]


def test_slow_and_dripped_answers_arrive(workspace, ferry):
    workspace.fault(kind="slow", path="/warehouses$", seconds=0.4)
    began = time.monotonic()
    assert ferry.get(SQL + "/warehouses")["warehouses"]
    slow = time.monotonic() - began
    workspace.fault(kind="drip", path="/warehouses$", seconds=0.4, bytes=50)
    assert ferry.get(SQL + "/warehouses")["warehouses"]
    assert slow >= 0.4


def test_latency_by_kind_of_call(workspace, ferry):
    """On the workspace's clock: a test that moves it need not wait."""
    slow = workspace.fault(kind="slow", call="history", seconds=600, times=-1)
    assert ferry.get(SQL + "/warehouses")["warehouses"] and workspace.hits(slow) == 0
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ferry.get, "/api/2.0/sql/history/queries")
        until(lambda: workspace.hits(slow) == 1)
        assert not answer.done()
        workspace.advance(600)
        assert "res" in answer.result()


def test_answers_are_cut_after_some_bytes(workspace, ferry, schema):
    ferry.sql(f"CREATE VOLUME {schema}.v")
    name, data = f"/Volumes/{ferry.catalog}/{schema}/v/a", b"0123456789" * 50_000
    ferry.put(name, data)
    for path, call in ((SQL + "/warehouses", "warehouse"), ("/api/2.0/fs/files" + name, "download")):
        fault = workspace.fault(kind="drop", call=call, after=True, bytes=100)
        reply = ferry.call("GET", path, stream=True)
        got = b""
        with pytest.raises(requests.RequestException):
            for piece in reply.iter_content(10):
                got += piece
            raise requests.ConnectionError if len(got) < int(reply.headers["content-length"]) else AssertionError("it came whole")
        assert len(got) <= 100 and workspace.hits(fault) == 1
    workspace.fault(kind="drip", call="download", seconds=0.2, bytes=100_000)
    assert ferry.call("GET", "/api/2.0/fs/files" + name).content == data


def test_a_link_that_has_expired(workspace, ferry):
    fault = workspace.fault(kind="expire_link")
    reply = ferry.run("SELECT 1", disposition="EXTERNAL_LINKS")
    link = reply["result"]["external_links"][0]["external_link"]
    for _ in range(2):  # it stays so
        refused = requests.get(link)
        assert refused.status_code == 403 and "Request has expired" in refused.text
    again = ferry.get(f"{SQL}/statements/{reply['statement_id']}/result/chunks/0")["external_links"][0]["external_link"]
    assert requests.get(again).json() == [["1"]] and workspace.hits(fault) == 1


def test_a_legacy_token_is_revoked_in_mid_flight(workspace):
    token = workspace.other.post("/api/2.0/token/create", {})["token_value"]
    workspace.fault(kind="revoke", call="me", principal="other")
    reply = requests.get(workspace.url + "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == 403 and reply.json()["message"] == "Invalid access token."
    workspace.other.forget_token()


def test_tokens_are_revoked_in_mid_flight(workspace, ferry):
    sid = ferry.run("SELECT 1")["statement_id"]
    workspace.fault(kind="revoke", path="/statements/", principal="lakeferry")
    reply = ferry.call("GET", f"{SQL}/statements/{sid}", renew=False)
    assert reply.status_code == 403 and reply.json()["message"] == "Invalid access token."
    ferry.forget_token()
    assert ferry.get(f"{SQL}/statements/{sid}")["status"]["state"] == "SUCCEEDED"


def test_token_requests_fail_too(workspace, ferry):
    workspace.fault(kind="status", path="/oidc/v1/token", status=503)
    reply = requests.post(ferry.url + "/oidc/v1/token", data={"grant_type": "client_credentials"}, auth=(ferry.client_id, ferry.secret))
    assert reply.status_code == 503
    assert ferry.fresh_token()


class TestStatements:
    def test_fail_before_the_effect(self, workspace, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT)")
        fault = workspace.fault(kind="fail", sql="^INSERT", sql_state="2D521", message="[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Somebody was faster.")
        failure = ferry.fails(f"INSERT INTO {schema}.t VALUES (1)")
        assert failure == {"sql_state": "2D521", "message": "[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Somebody was faster.", "code": "BAD_REQUEST"}
        assert ferry.sql(f"SELECT count(*) FROM {schema}.t").rows == [["0"]] and workspace.hits(fault) == 1

    def test_fail_after_the_effect(self, workspace, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT)")
        workspace.fault(kind="fail", sql="^INSERT", sql_state="2DKD0", message="[DELTA_POST_COMMIT_HOOK_FAILED] Committed.", after=True)
        assert ferry.fails(f"INSERT INTO {schema}.t VALUES (1)")["sql_state"] == "2DKD0"
        assert ferry.sql(f"SELECT count(*) FROM {schema}.t").rows == [["1"]]

    def test_closed(self, workspace, ferry):
        workspace.fault(kind="closed", sql="SELECT 7")
        assert ferry.run("SELECT 7") | {"statement_id": ""} == {"statement_id": "", "status": {"state": "CLOSED"}}

    def test_gone(self, workspace, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT)")
        workspace.fault(kind="gone", sql="^INSERT")
        sid = ferry.submit(f"INSERT INTO {schema}.t VALUES (1)")["statement_id"]
        for _ in range(500):
            if ferry.call("GET", f"{SQL}/statements/{sid}").status_code == 404:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("it did not vanish")
        assert ferry.sql(f"SELECT count(*) FROM {schema}.t").rows == [["1"]]

    def test_of_one_principal_only(self, workspace, ferry):
        workspace.fault(kind="fail", sql="SELECT 8", principal="other", message="no")
        assert ferry.sql("SELECT 8").rows == [["8"]]


def test_they_are_listed_and_removed(workspace):
    one, two = workspace.fault(kind="slow", times=-1, path="/nowhere"), workspace.fault(kind="slow", times=-1, path="/nowhere")
    assert {one, two} <= {f["id"] for f in workspace.admin.get("/__workspace/faults")["faults"]}
    assert workspace.admin.call("DELETE", f"/__workspace/faults/{one}").json() == {"removed": 1}
    assert workspace.admin.call("DELETE", "/__workspace/faults").json() == {"removed": 1}


class TestLedger:
    def test_every_call_is_in_it(self, workspace, ferry, schema):
        ferry.sql(f"CREATE VOLUME {schema}.v")
        last = max(c["seq"] for c in workspace.admin.get("/__workspace/ledger")["calls"])
        fault = workspace.fault(kind="status", path="/warehouses/w2", status=503)
        ferry.put(f"/Volumes/{ferry.catalog}/{schema}/v/a", b"x" * 1234)
        ferry.call("GET", SQL + "/warehouses/w2")
        sid = ferry.run("SELECT 'for the ledger'")["statement_id"]
        calls = workspace.admin.get("/__workspace/ledger", params={"since": last})["calls"]
        put = next(c for c in calls if c["method"] == "PUT")
        assert put["principal"] == "lakeferry" and put["bytes_in"] == 1234 and put["status"] == 204
        assert next(c for c in calls if c["path"].endswith("/w2"))["fault"] == "status" and workspace.hits(fault) == 1
        submit = next(c for c in calls if c["statement"])
        assert submit["statement"] == "SELECT 'for the ledger'" and submit["statement_id"] == sid and submit["bytes_out"] > 0
        assert [c["seq"] for c in calls] == list(range(last + 1, last + 1 + len(calls)))

    def test_sums_and_filters(self, workspace, ferry):
        def sums():
            return {(t["principal"], t["call"]): t for t in workspace.admin.get("/__workspace/ledger", params={"limit": 0})["totals"]}

        before = sums()
        sid = ferry.run("SELECT 'summed'")["statement_id"]
        ferry.get(f"{SQL}/statements/none", 404)
        after = sums()
        assert after["lakeferry", "submit"]["calls"] == before["lakeferry", "submit"]["calls"] + 1
        assert after["lakeferry", "poll"]["refused"] == before["lakeferry", "poll"]["refused"] + 1
        assert after["lakeferry", "submit"]["bytes_in"] > before["lakeferry", "submit"]["bytes_in"]
        found = workspace.admin.get("/__workspace/ledger", params={"call": "submit", "statement_id": sid})["calls"]
        assert [(c["principal"], c["warehouse_id"], c["statement"], c["statement_bytes"]) for c in found] == [("lakeferry", "w1", "SELECT 'summed'", 15)]
        assert workspace.admin.get("/__workspace/ledger", 400, params={"colour": "red"})["message"]
        assert workspace.admin.get("/__workspace/ledger", 400, params={"since": "x"})["message"]

    def test_seconds_of_warehouses(self, workspace, ferry):
        before = workspace.admin.get("/__workspace/ledger")["warehouses"]["w1"]
        ferry.sql("SELECT 1")
        after = workspace.admin.get("/__workspace/ledger")["warehouses"]["w1"]
        assert after["statements"] == before["statements"] + 1 and after["wakeups"] == before["wakeups"]
        assert after["busy_seconds"] > before["busy_seconds"] and after["awake_seconds"] > before["awake_seconds"]
