"""States of a warehouse, cold start, failing starts, permissions, queueing, auto-stop, and the account of its seconds."""
import pytest
from caller import SQL, until


@pytest.fixture
def cold(workspace):
    """Warehouse w2, stopped."""
    workspace.warehouse("w2", state="STOPPED", cold_start=0.3, fail_next_start=None, auto_stop_minutes=10, default_level="CAN_USE",
                        max_clusters=1)
    return workspace


def state_of(workspace) -> str:
    return workspace.lakeferry.get(SQL + "/warehouses/w2")["state"]


def test_list_and_get(workspace):
    found = {w["id"]: w for w in workspace.lakeferry.get(SQL + "/warehouses")["warehouses"]}
    assert set(found) == {"w1", "w2"}
    one = workspace.lakeferry.get(SQL + "/warehouses/w1")
    assert one["state"] == "RUNNING" and one["health"]["status"] == "HEALTHY" and one["warehouse_type"] == "PRO"
    assert one["odbc_params"]["path"] == "/sql/1.0/warehouses/w1" and one["enable_serverless_compute"] is True
    assert one["auto_stop_mins"] == 0


def test_unknown(workspace):
    for reply in (workspace.lakeferry.get(SQL + "/warehouses/none", 404), workspace.lakeferry.submit("SELECT 1", 404, warehouse_id="none"),
                  workspace.lakeferry.post(SQL + "/warehouses/none/start", status=404)):
        assert reply == {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "SQL warehouse none does not exist."}


def test_start_and_stop_pass_through_their_states(cold):
    assert state_of(cold) == "STOPPED"
    cold.lakeferry.post(SQL + "/warehouses/w2/start")
    assert state_of(cold) == "STARTING"
    until(lambda: state_of(cold) == "RUNNING")
    cold.admin.post(SQL + "/warehouses/w2/stop")
    assert state_of(cold) == "STOPPING"
    until(lambda: state_of(cold) == "STOPPED")


def test_a_statement_wakes_it_and_is_pending_meanwhile(cold):
    cold.warehouse("w2", cold_start=30)
    before = cold.warehouse("w2")["wakeups"]
    ids = [cold.lakeferry.submit("SELECT 1", warehouse_id="w2")["statement_id"] for _ in range(3)]
    until(lambda: state_of(cold) == "STARTING")
    assert {cold.lakeferry.get(f"{SQL}/statements/{i}")["status"]["state"] for i in ids} == {"PENDING"}
    cold.advance(31)
    assert {cold.lakeferry.wait(i)["status"]["state"] for i in ids} == {"SUCCEEDED"}
    assert cold.warehouse("w2")["wakeups"] == before + 1


def test_a_start_that_fails_fails_its_statements(cold):
    cold.warehouse("w2", fail_next_start={"summary": "No instances left.", "code": "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE"})
    reply = cold.lakeferry.run("SELECT 1", warehouse_id="w2")
    assert reply["status"]["state"] == "FAILED" and "No instances left." in reply["status"]["error"]["message"]
    shown = cold.lakeferry.get(SQL + "/warehouses/w2")
    assert shown["state"] == "STOPPED" and shown["health"]["status"] == "FAILED" and shown["health"]["summary"] == "No instances left."
    assert shown["health"]["failure_reason"]["code"] == "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE"
    assert cold.lakeferry.run("SELECT 1", warehouse_id="w2")["status"]["state"] == "SUCCEEDED"  # only the next start failed
    assert cold.lakeferry.get(SQL + "/warehouses/w2")["health"]["status"] == "HEALTHY"


@pytest.mark.parametrize("shown", ["STOPPED", "STARTING", "RUNNING", "STOPPING", "DELETING", "DELETED"])
def test_every_state_can_be_looked_at(cold, shown):
    cold.warehouse("w2", state=shown)
    assert cold.lakeferry.get(SQL + "/warehouses/w2")["state"] == shown


def test_a_deleted_one_fails_its_statements(cold):
    cold.warehouse("w2", state="DELETED")
    assert "deleted" in cold.lakeferry.run("SELECT 1", warehouse_id="w2")["status"]["error"]["message"]


def test_starts_that_go_wrong_are_faults_that_are_counted(cold):
    slow = cold.fault(kind="slow_start", warehouse="w2", seconds=600)
    broken = cold.fault(kind="fail_start", warehouse="w2", message="No machines left.", code="AWS_INSUFFICIENT_CAPACITY")
    waiting = cold.lakeferry.submit("SELECT 1", warehouse_id="w2")["statement_id"]
    until(lambda: state_of(cold) == "STARTING")
    cold.advance(590)
    assert state_of(cold) == "STARTING"
    cold.advance(11)
    failed = cold.lakeferry.wait(waiting)["status"]
    assert failed["state"] == "FAILED" and "No machines left." in failed["error"]["message"]
    health = cold.lakeferry.get(SQL + "/warehouses/w2")["health"]
    assert health["status"] == "FAILED" and health["failure_reason"] == {
        "code": "AWS_INSUFFICIENT_CAPACITY", "type": "CLOUD_FAILURE", "parameters": {}}
    assert (cold.hits(slow), cold.hits(broken)) == (1, 1)
    assert cold.lakeferry.run("SELECT 1", warehouse_id="w2")["status"]["state"] == "SUCCEEDED"


def test_who_gives_up_waiting_wakes_nothing(cold):
    """A statement that was cancelled while its warehouse started must not start it again."""
    cold.warehouse("w2", cold_start=30)
    waiting = cold.lakeferry.submit("SELECT 1", warehouse_id="w2")["statement_id"]
    until(lambda: state_of(cold) == "STARTING")
    cold.lakeferry.post(f"{SQL}/statements/{waiting}/cancel")
    assert cold.lakeferry.wait(waiting)["status"]["state"] == "CANCELED"
    until(lambda: cold.warehouse("w2")["queued"] == 0)
    before = cold.warehouse("w2", state="STOPPED")["wakeups"]
    cold.advance(60)
    assert state_of(cold) == "STOPPED" and cold.warehouse("w2")["wakeups"] == before


def test_lists_come_in_pages(workspace):
    first = workspace.lakeferry.get(SQL + "/warehouses", params={"page_size": 1})
    rest = workspace.lakeferry.get(SQL + "/warehouses", params={"page_size": 1, "page_token": first["next_page_token"]})
    assert [w["id"] for w in first["warehouses"] + rest["warehouses"]] == ["w1", "w2"] and "next_page_token" not in rest
    assert workspace.lakeferry.get(SQL + "/warehouses", 400, params={"page_size": "x"})["error_code"] == "INVALID_PARAMETER_VALUE"


def test_deleted_while_statements_wait(cold):
    cold.warehouse("w3", create=True, state="STOPPED", cold_start=30)
    waiting = cold.lakeferry.submit("SELECT 1", warehouse_id="w3")["statement_id"]
    assert cold.admin.call("DELETE", "/__workspace/warehouses/w3").status_code == 200
    assert cold.lakeferry.wait(waiting)["status"]["state"] == "CANCELED"
    assert cold.lakeferry.get(SQL + "/warehouses/w3", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


class TestPermission:
    TEXT = "You do not have permission to use the SQL Warehouse."

    def test_without_can_use(self, cold):
        cold.warehouse("w2", acl={"lakeferry": None})
        try:
            refused = {"error_code": "PERMISSION_DENIED", "message": self.TEXT}
            assert cold.lakeferry.submit("SELECT 1", 403, warehouse_id="w2") == refused
            assert cold.lakeferry.get(SQL + "/warehouses/w2", 403) == refused
            assert cold.lakeferry.post(SQL + "/warehouses/w2/start", status=403) == refused
            assert [w["id"] for w in cold.lakeferry.get(SQL + "/warehouses")["warehouses"]] == ["w1"]
            cold.warehouse("w2", acl={"lakeferry": "CAN_VIEW"})
            assert cold.lakeferry.get(SQL + "/warehouses/w2")["id"] == "w2"
            assert cold.lakeferry.submit("SELECT 1", 403, warehouse_id="w2") == refused
        finally:
            cold.warehouse("w2", acl={"lakeferry": "CAN_USE"})

    def test_stopping_needs_more(self, cold):
        assert cold.lakeferry.post(SQL + "/warehouses/w2/stop", status=403)["error_code"] == "PERMISSION_DENIED"

    def test_the_list_of_permissions(self, cold):
        cold.lakeferry.get("/api/2.0/permissions/warehouses/w2", 403)
        acl = cold.admin.get("/api/2.0/permissions/warehouses/w2")
        assert acl["object_type"] == "warehouses"
        levels = {a["service_principal_name"]: a["all_permissions"][0]["permission_level"] for a in acl["access_control_list"]}
        assert levels[cold.lakeferry.client_id] == "CAN_USE" and levels[cold.admin.client_id] == "CAN_MANAGE"


    def test_permissions_are_changed_by_api(self, cold):
        path, who = "/api/2.0/permissions/warehouses/w2", cold.other.client_id
        try:
            cold.lakeferry.call("PATCH", path, json={}).status_code == 403
            levels = [x["permission_level"] for x in cold.admin.get(path + "/permissionLevels")["permission_levels"]]
            assert levels == ["CAN_VIEW", "CAN_USE", "CAN_MONITOR", "CAN_MANAGE"]
            entry = {"service_principal_name": who, "permission_level": "CAN_MANAGE"}
            assert cold.admin.call("PATCH", path, json={"access_control_list": [entry]}).status_code == 200
            assert cold.other.post(SQL + "/warehouses/w2/stop") == {}
            only = {"access_control_list": [{"group_name": "analysts", "permission_level": "CAN_USE"}]}
            assert cold.admin.call("PUT", path, json=only).status_code == 200
            assert cold.other.run("SELECT 1", warehouse_id="w2")["status"]["state"] == "SUCCEEDED"  # it is in that group
            assert cold.lakeferry.submit("SELECT 1", 403, warehouse_id="w2")["message"] == self.TEXT
            assert cold.other.post(SQL + "/warehouses/w2/stop", status=403)["message"] == self.TEXT
            for wrong, status in (([5], 400), ("x", 400), ([{"permission_level": "CAN_USE"}], 400), ([entry | {"group_name": "analysts"}], 400),
                                  ([entry | {"permission_level": "CAN_FLY"}], 400), ([entry | {"service_principal_name": "nobody"}], 404)):
                assert cold.admin.call("PATCH", path, json={"access_control_list": wrong}).status_code == status, wrong
        finally:
            cold.admin.call("PUT", path, json={})
            cold.warehouse("w2", default_level="CAN_USE")

    def test_the_entitlement_is_taken_and_given_while_it_runs(self, cold):
        text = "This API is disabled for users without the databricks-sql-access or workspace-access entitlements"
        cold.admin.post("/__workspace/principals", {"name": "other", "entitlements": []})
        try:
            for reply in (cold.other.submit("SELECT 1", 403), cold.other.get(SQL + "/warehouses", 403), cold.other.get(SQL + "/warehouses/w1", 403),
                          cold.other.get("/api/2.0/sql/history/queries", 403), cold.other.get(SQL + "/statements/x", 403)):
                assert reply == {"error_code": "PERMISSION_DENIED", "message": text}
        finally:
            cold.admin.post("/__workspace/principals", {"name": "other", "entitlements": ["databricks-sql-access"]})
        assert cold.other.sql("SELECT 1").rows == [["1"]]


def test_statements_above_the_slots_of_its_clusters_queue(cold):
    cold.fault(kind="hang", sql="hold the slot", seconds=3600, times=10)
    held = [cold.lakeferry.submit(f"SELECT {i} /* hold the slot */", warehouse_id="w2")["statement_id"] for i in range(10)]
    until(lambda: all(cold.lakeferry.get(f"{SQL}/statements/{i}")["status"]["state"] == "RUNNING" for i in held))
    queued = cold.lakeferry.submit("SELECT 11", warehouse_id="w2")["statement_id"]
    assert cold.warehouse("w2")["queued"] == 1 and cold.lakeferry.get(SQL + "/warehouses/w2")["num_clusters"] == 1
    assert cold.lakeferry.get(f"{SQL}/statements/{queued}")["status"]["state"] == "PENDING"
    cold.warehouse("w2", max_clusters=2)
    extra = cold.lakeferry.submit("SELECT 12", warehouse_id="w2")["statement_id"]  # finds the second cluster, and so does the one before
    assert cold.lakeferry.wait(extra)["status"]["state"] == "SUCCEEDED"
    assert cold.lakeferry.wait(queued)["status"]["state"] == "SUCCEEDED"
    cold.advance(3600)
    assert {cold.lakeferry.wait(i)["status"]["state"] for i in held} == {"SUCCEEDED"}


def test_it_stops_by_itself_and_the_seconds_add_up(cold):
    cold.lakeferry.sql("SELECT 1", warehouse_id="w2")
    before = cold.warehouse("w2")
    cold.advance(599)
    assert state_of(cold) == "RUNNING"
    cold.advance(2)
    until(lambda: state_of(cold) == "STOPPED")
    after = cold.warehouse("w2")
    assert 600 < after["awake_seconds"] - before["awake_seconds"] < 700
    assert after["wakeups"] == before["wakeups"] and after["busy_seconds"] < after["awake_seconds"]
    cold.advance(10_000)
    assert cold.warehouse("w2")["awake_seconds"] == after["awake_seconds"]
