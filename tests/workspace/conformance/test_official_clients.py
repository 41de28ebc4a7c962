"""Databricks' own clients, unmodified: they were not written by us, so they find what our own tests take for granted."""
import io
import json

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, NotFound, PermissionDenied
from databricks.sdk.service import catalog as uc
from databricks.sdk.service import sql as dbsql


@pytest.fixture
def sdk(workspace, catalog):
    return WorkspaceClient(host=workspace.url, client_id=workspace.lakeferry.client_id, client_secret=workspace.lakeferry.secret,
                           auth_type="oauth-m2m")


def run(sdk, text, **options):
    return sdk.statement_execution.execute_statement(statement=text, warehouse_id="w1", wait_timeout="50s", **options)


class TestSdk:
    def test_current_user(self, sdk, workspace):
        me = sdk.current_user.me()
        assert me.user_name == workspace.lakeferry.client_id and me.entitlements[0].value == "databricks-sql-access"

    def test_warehouses(self, sdk, workspace):
        workspace.warehouse("w2", state="STOPPED")
        assert {w.id for w in sdk.warehouses.list()} == {"w1", "w2"}
        assert sdk.warehouses.start_and_wait("w2").state == dbsql.State.RUNNING
        with pytest.raises(NotFound):
            sdk.warehouses.get("none")

    def test_statements(self, sdk, catalog):
        run(sdk, "CREATE SCHEMA IF NOT EXISTS sdk", catalog=catalog)
        run(sdk, "CREATE TABLE IF NOT EXISTS sdk.t (a BIGINT, b TIMESTAMP)", catalog=catalog)
        inserted = run(sdk, "INSERT INTO sdk.t VALUES (:a, :b)", catalog=catalog, parameters=[
            dbsql.StatementParameterListItem(name="a", value="9007199254740993", type="BIGINT"),
            dbsql.StatementParameterListItem(name="b", value="2021-01-01T00:00:00Z", type="TIMESTAMP")])
        assert inserted.result.data_array == [["1", "1"]]
        selected = run(sdk, f"SELECT * FROM {catalog}.sdk.t")
        assert selected.status.state == dbsql.StatementState.SUCCEEDED
        assert [c.type_name.value for c in selected.manifest.schema.columns] == ["LONG", "TIMESTAMP"]
        assert selected.result.data_array == [["9007199254740993", "2021-01-01T00:00:00.000Z"]]

    def test_failures(self, sdk):
        failed = run(sdk, "SELECT nothing")
        assert failed.status.state == dbsql.StatementState.FAILED and failed.status.error.error_code == dbsql.ServiceErrorCode.BAD_REQUEST
        with pytest.raises(Exception, match="wait_timeout"):
            sdk.statement_execution.execute_statement(statement="SELECT 1", warehouse_id="w1", wait_timeout="1s")

    def test_chunks_and_links(self, sdk):
        import requests
        reply = run(sdk, "SELECT id FROM range(15000)", disposition=dbsql.Disposition.EXTERNAL_LINKS)
        rows = requests.get(reply.result.external_links[0].external_link).json()
        second = sdk.statement_execution.get_statement_result_chunk_n(reply.statement_id, 1)
        rows += requests.get(second.external_links[0].external_link).json()
        assert rows == [[str(i)] for i in range(15000)]

    def test_cancelling(self, sdk, workspace):
        workspace.fault(kind="hang", sql="cancelled by the sdk", seconds=3600)
        running = sdk.statement_execution.execute_statement(statement="SELECT 1 /* cancelled by the sdk */", warehouse_id="w1", wait_timeout="0s")
        while sdk.statement_execution.get_statement(running.statement_id).status.state != dbsql.StatementState.RUNNING:
            pass
        sdk.statement_execution.cancel_execution(running.statement_id)
        for _ in range(100):
            state = sdk.statement_execution.get_statement(running.statement_id).status.state
            if state == dbsql.StatementState.CANCELED:
                break
        assert state == dbsql.StatementState.CANCELED

    def test_files(self, sdk, catalog):
        run(sdk, "CREATE SCHEMA IF NOT EXISTS sdk", catalog=catalog)
        sdk.volumes.create(catalog, "sdk", "v", uc.VolumeType.MANAGED)
        folder = f"/Volumes/{catalog}/sdk/v/in"
        sdk.files.create_directory(folder)
        sdk.files.upload(f"{folder}/a b.txt", io.BytesIO(b"hello"), overwrite=False)
        with pytest.raises(AlreadyExists):
            sdk.files.upload(f"{folder}/a b.txt", io.BytesIO(b"hello"), overwrite=False)
        assert sdk.files.download(f"{folder}/a b.txt").contents.read() == b"hello"
        assert sdk.files.get_metadata(f"{folder}/a b.txt").content_length == 5
        assert [(e.name, e.file_size) for e in sdk.files.list_directory_contents(folder)] == [("a b.txt", 5)]
        sdk.files.delete(f"{folder}/a b.txt")
        sdk.files.delete_directory(folder)
        with pytest.raises(NotFound):
            sdk.files.get_metadata(f"{folder}/a b.txt")

    def test_unity_catalog(self, sdk, catalog, workspace):
        run(sdk, "CREATE SCHEMA IF NOT EXISTS sdk", catalog=catalog)
        run(sdk, "CREATE TABLE IF NOT EXISTS sdk.u (a BIGINT COMMENT 'first')", catalog=catalog)
        assert sdk.metastores.current().default_catalog_name == "main"
        assert catalog in [c.name for c in sdk.catalogs.list()] and sdk.schemas.get(f"{catalog}.sdk").owner == workspace.lakeferry.client_id
        table = sdk.tables.get(f"{catalog}.sdk.u")
        assert table.columns[0].name == "a" and table.columns[0].type_name == uc.ColumnTypeName.LONG and table.columns[0].comment == "first"
        assert "u" in [t.name for t in sdk.tables.list(catalog, "sdk")] and sdk.tables.exists(f"{catalog}.sdk.u").table_exists
        effective = sdk.grants.get_effective("catalog", catalog, principal=workspace.lakeferry.client_id)
        assert uc.Privilege.USE_CATALOG in [p.privilege for p in effective.privilege_assignments[0].privileges]
        with pytest.raises(NotFound):
            sdk.tables.get(f"{catalog}.sdk.none")

    def test_history(self, sdk):
        done = run(sdk, "SELECT 'seen by the sdk'", query_tags=[dbsql.QueryTag(key="k", value="v")] if hasattr(dbsql, "QueryTag") else None)
        found = sdk.query_history.list(filter_by=dbsql.QueryFilter(statement_ids=[done.statement_id], warehouse_ids=["w1"]))
        assert [(q.query_id, q.query_text, q.status.value) for q in found.res] == [(done.statement_id, "SELECT 'seen by the sdk'", "FINISHED")]

    def test_refusals(self, workspace, catalog):
        stranger = WorkspaceClient(host=workspace.url, client_id=workspace.unentitled.client_id, client_secret=workspace.unentitled.secret,
                                   auth_type="oauth-m2m")
        with pytest.raises(PermissionDenied, match="databricks-sql-access"):
            list(stranger.warehouses.list())
        with pytest.raises(Exception, match="invalid_client|Client authentication failed"):
            WorkspaceClient(host=workspace.url, client_id="nobody", client_secret="x", auth_type="oauth-m2m").current_user.me()


def test_sql_connector(workspace, catalog):
    """The connector's REST backend."""
    from databricks import sql as connector
    host, port = workspace.url.rsplit(":", 1)
    with connector.connect(server_hostname=host, _port=int(port), http_path="/sql/1.0/warehouses/w1", use_sea=True, catalog=catalog, enable_telemetry=False,
                           access_token=workspace.people["lakeferry"]["access_token"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, CAST(id AS STRING) AS s FROM range(3)")
        assert [tuple(r) for r in cursor.fetchall()] == [(0, "0"), (1, "1"), (2, "2")]
        cursor.execute("CREATE SCHEMA IF NOT EXISTS conn")
        with pytest.raises(Exception, match="TABLE_OR_VIEW_NOT_FOUND"):
            cursor.execute("SELECT * FROM conn.none")


def test_segments_client_makes_what_the_workspace_stores(ferry, schema):
    """A call as Segment's library writes it goes through a staged file unharmed."""
    analytics = pytest.importorskip("segment.analytics")
    sent = []
    client = analytics.Client("key", sync_mode=True, send=False)
    client.send, client.consumers = False, []
    _, message = client.track("user 1", "Ordered", {"total": 12.5, "nested": {"a": [1, None]}})
    sent.append(json.loads(json.dumps(message, default=str)))
    ferry.sql(f"CREATE TABLE {schema}.t (id STRING, properties STRING)")
    rows = json.dumps([{"id": m["messageId"], "properties": json.dumps(m["properties"])} for m in sent])
    ferry.sql(f"INSERT INTO {schema}.t BY NAME SELECT inline(from_json(:rows, 'array<struct<id STRING, properties STRING>>'))",
              [{"name": "rows", "value": rows, "type": "STRING"}])
    assert json.loads(ferry.sql(f"SELECT properties FROM {schema}.t").rows[0][0]) == {"total": 12.5, "nested": {"a": [1, None]}}
