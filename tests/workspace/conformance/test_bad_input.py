"""Requests and statements that make no sense: a status, a code, a text; and the workspace stays up."""
import pytest
from caller import SQL, UC


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"statement": "\\ud800"}', b"[" * 100_000])
def test_bodies_that_are_no_json_object(ferry, body):
    reply = ferry.call("POST", SQL + "/statements", data=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400 and reply.json()["error_code"] == "MALFORMED_REQUEST"


@pytest.mark.parametrize("change", [{"statement": ""}, {"statement": None}, {"statement": 7}, {"warehouse_id": None}, {"warehouse_id": ""},
                                    {"on_wait_timeout": "EXPLODE"}, {"disposition": "PIGEON"}, {"format": "XML"}, {"format": "CSV"},
                                    {"catalog": 5}, {"schema": ["a"]}, {"session_id": {}}, {"warehouse_id": ["w1"]}, {"warehouse_id": 5}, {"format": ""},
                                    {"disposition": {}}, {"result_compression": "ZIP"}, {"parameters": "x"}, {"query_tags": [{"key": "a", "value": 1}]},
                                    {"row_limit": True}, {"row_limit": 0}, {"byte_limit": "1"}, {"row_limit": -1}, {"row_limit": "9"}, {"byte_limit": 0}, {"query_tags": {"a": "b"}}, {"query_tags": [{"value": "b"}]},
                                    {"query_tags": [{"key": "a"}, {"key": "a"}]}, {"query_tags": [{"key": str(i)} for i in range(21)]}])
def test_fields_that_make_no_sense(ferry, change):
    status = 404 if "session_id" in change else 400
    reply = ferry.post(SQL + "/statements", {"statement": "SELECT 1", "warehouse_id": "w1", "wait_timeout": "0s"} | change, status)
    assert reply["error_code"] == ("INVALID_PARAMETER_VALUE" if status == 400 else "NOT_FOUND") and reply["message"]


def test_texts_beyond_the_limit(ferry):
    assert ferry.submit("SELECT 1 --" + "x" * (16 << 20), 400)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert ferry.submit("SELECT 1 --" + "x" * (33 << 20), 413)["error_code"] == "INVALID_PARAMETER_VALUE"
    reply = ferry.call("POST", UC + "/volumes", data=b"x" * (33 << 20))
    assert reply.status_code == 413 and reply.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/api/2.0/nothing"), ("PUT", SQL + "/warehouses"), ("DELETE", SQL + "/statements"),
                                              ("PATCH", "/api/2.0/fs/files/Volumes/a/b/c/d"), ("POST", "/oidc/v1/nothing")])
def test_calls_that_no_api_has(ferry, method, path):
    reply = ferry.call(method, path)
    assert reply.status_code == 404
    assert reply.json() == {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for '{method} {path}'"}


@pytest.mark.parametrize("name", ["a/b", "../x", "..", "a b", "a\x00b", "", 5, "x" * 256])
def test_names_of_volumes_that_lead_elsewhere(ferry, schema, name):
    body = {"catalog_name": ferry.catalog, "schema_name": schema, "name": name, "volume_type": "MANAGED"}
    if name != 5:
        assert ferry.post(UC + "/volumes", body, 400)["error_code"] == "INVALID_PARAMETER_VALUE"
        assert ferry.run(f"CREATE VOLUME {schema}.`{name}`")["status"]["state"] == "FAILED"
    assert ferry.sql(f"SHOW VOLUMES IN {schema}").rows == []


@pytest.mark.parametrize("changes", ["x", [5], [{"principal": 5, "add": ["SELECT"]}], [{"principal": "nobody", "add": ["SELECT"]}],
                                     [{"principal": "account users", "add": "SELECT"}], [{"principal": "account users", "add": ["FLY"]}],
                                     [{"principal": "account users", "add": ["SELECT"]}, {"principal": "account users", "add": ["READ_VOLUME_X"]}]])
def test_changes_of_grants_that_make_no_sense(admin, ferry, schema, changes):
    reply = admin.call("PATCH", f"{UC}/permissions/schema/{ferry.catalog}.{schema}", json={"changes": changes})
    assert reply.status_code in (400, 404) and reply.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "PRINCIPAL_DOES_NOT_EXIST")
    assert ferry.get(f"{UC}/permissions/schema/{ferry.catalog}.{schema}") == {"privilege_assignments": []}  # none of it was done


@pytest.mark.parametrize(("statement", "sql_state", "says"), [
    ("INSER INTO t VALUES (1)", "42601", "[PARSE_SYNTAX_ERROR] Syntax error at or near 'INSER'"),
    ("SELECT 1; SELECT 2", "42601", "PARSE_SYNTAX_ERROR"),
    ("SELECT 'unterminated", "42601", "PARSE_SYNTAX_ERROR"),
    ("SELECT `a", "42601", ""),
    ("-- only a comment", "42601", "PARSE_"),
    ("SELECT nothing FROM range(1)", "42703", "UNRESOLVED_COLUMN"),
    ("SELECT * FROM nowhere", "42P01", "TABLE_OR_VIEW_NOT_FOUND"),
    ("SELECT no_function(1)", "42883", "UNRESOLVED_ROUTINE"),
    ("SELECT 1 + array(1)", "42K09", "DATATYPE_MISMATCH"),
    ("SELECT CAST('x' AS INT)", "22018", "CAST_INVALID_INPUT"),
    ("SELECT 1 / 0", "22012", "DIVIDE_BY_ZERO"),
    ("SELECT CAST(9999999999 AS INT)", "22003", "CAST_OVERFLOW"),
    ("SELECT raise_error('mine')", None, "mine"),
    ("CREATE TABLE none.t (a INT)", "42704", "SCHEMA_NOT_FOUND"),
    ("CREATE TABLE t (`a b` INT)", "42K05", "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES"),
    ("CREATE TABLE t (a INT, A INT)", "42711", "COLUMN_ALREADY_EXISTS"),
    ("ALTER TABLE nowhere ADD COLUMNS (a INT)", "42P01", "TABLE_OR_VIEW_NOT_FOUND"),
    ("MERGE INTO nowhere AS t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN MATCHED THEN DELETE", "42P01", "TABLE_OR_VIEW_NOT_FOUND"),
])
def test_statements_that_fail(ferry, statement, sql_state, says):
    failure = ferry.fails(statement)
    assert says in failure["message"] and failure["code"] == "BAD_REQUEST"
    if sql_state:
        assert failure["sql_state"] == sql_state and f"SQLSTATE: {sql_state}" in failure["message"], failure


def test_messages_name_things_as_the_client_does(ferry, schema):
    """Nothing of how the workspace keeps its data shows."""
    for statement in (f"SELECT * FROM {schema}.nowhere", f"CREATE TABLE {schema}_none.t (a INT)", f"DROP SCHEMA {schema}_none",
                      f"SELECT * FROM read_files('/Volumes/{ferry.catalog}/{schema}/v/x', format => 'json', schemaEvolutionMode => 'none')"):
        message = ferry.fails(statement)["message"]
        assert "__" + schema not in message and "spark_catalog" not in message and "file:" not in message, message


def test_text_in_every_script(ferry, schema):
    ferry.sql(f"CREATE TABLE {schema}.t (a STRING)")
    words = "naïve 漢字 🚢 ' \" \\ \t ` -- /* */ ; :p"
    ferry.sql(f"INSERT INTO {schema}.t VALUES (:a)", [{"name": "a", "value": words, "type": "STRING"}])
    assert ferry.sql(f"SELECT a FROM {schema}.t").rows == [[words]]
    quoted = words.replace("\\", "\\\\").replace("'", "\\'")
    assert ferry.sql(f"SELECT '{quoted}'").rows == [[words]]


def test_the_admin_face_is_for_this_machine(workspace):
    reply = workspace.admin.call("GET", "/__workspace/ledger", headers={"Host": "evil.example:80"})
    assert reply.status_code == 403
    for path, body in (("faults", {"kind": "explode"}), ("faults", {"knd": "drop"}), ("faults", {"path": "("}), ("clock", {"advance_seconds": -1}),
                       ("clock", {}), ("warehouses/w1", {"sate": "STOPPED"}), ("warehouses/w1", {"state": "ASLEEP"}),
                       ("warehouses/w1", {"default_level": "CAN_DREAM"}), ("principals", {"entitlements": []}), ("options", {"workers": 9}), ("faults", {"kind": "status", "status": 9}),
                       ("faults", {"times": "x"}), ("faults", {"call": "telephone"}), ("faults", {"kind": "closed", "after": True}), ("faults", {"headers": 5}),
                       ("faults", {"id": 7}), ("faults", {"sql": "("}), ("warehouses/w1", {"cold_start": "x"}), ("warehouses/w1", {"max_clusters": 0}),
                       ("warehouses/w1", {"fail_next_start": 5}), ("warehouses/w1", {"acl": {"lakeferry": "CAN_FLY"}}), ("options", {"link_seconds": "x"}),
                       ("options", {"uploads": "pigeon"}), ("options", {"chunk_rows": 0}), ("principals", {"name": "other", "groups": [5]}),
                       ("principals", {"name": "other", "grants": [{"on": "CATALOG main", "privileges": ["FLY"]}]}),
                       ("principals", {"name": "other", "entitlement": []})):
        assert workspace.admin.post(f"/__workspace/{path}", body, 400)["message"], path


def test_it_is_still_there(ferry):
    assert ferry.sql("SELECT 1").rows == [["1"]]
