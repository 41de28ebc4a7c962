"""Schemas, tables, columns and volumes: DDL, and the three ways of reading what exists (SHOW, information_schema, REST)."""
import json

import pytest
from caller import UC

CREATE = """CREATE TABLE IF NOT EXISTS `{c}`.`{s}`.`identifies` (
  `id` STRING COMMENT 'message id', `received_at` TIMESTAMP, `n` BIGINT, `x` DOUBLE, `ok` BOOLEAN, `price` DECIMAL(7,2),
  `odd``name` STRING COMMENT 'it\\'s odd')
CLUSTER BY (`received_at`, `id`) COMMENT 'Identify calls'
TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'lakeferry.space' = 'acme')"""


@pytest.fixture(scope="module")
def acme(ferry):
    ferry.sql("CREATE SCHEMA IF NOT EXISTS acme COMMENT 'Profiles of Acme'")
    ferry.sql("CREATE SCHEMA IF NOT EXISTS `__segment_reverse_etl`")
    ferry.sql(CREATE.format(c=ferry.catalog, s="acme"))
    ferry.sql(f"CREATE VOLUME IF NOT EXISTS `{ferry.catalog}`.`acme`.`stage` COMMENT 'files on their way'")
    return "acme"


class TestMetastore:
    def test_assignment(self, ferry):
        found = ferry.get(UC + "/current-metastore-assignment")
        assert found["default_catalog_name"] == "main" and found["metastore_id"] and found["workspace_id"]

    def test_a_workspace_without_unity_catalog(self, workspace):
        workspace.admin.post("/__workspace/options", {"metastore": False})
        try:
            assert workspace.lakeferry.get(UC + "/current-metastore-assignment", 404)["error_code"] == "FEATURE_DISABLED"
        finally:
            workspace.admin.post("/__workspace/options", {"metastore": True})

    def test_hive_metastore_is_not_unity_catalog(self, ferry):
        assert ["hive_metastore"] in ferry.sql("SHOW CATALOGS").rows
        assert ferry.get(UC + "/catalogs/hive_metastore", 404)["error_code"] == "CATALOG_DOES_NOT_EXIST"
        assert "hive_metastore" not in [c["name"] for c in ferry.get(UC + "/catalogs")["catalogs"]]
        assert "hive_metastore" in ferry.fails("CREATE VOLUME hive_metastore.default.v")["message"]
        assert ferry.fails(f"GRANT SELECT ON SCHEMA hive_metastore.default TO `{ferry.client_id}`")["sql_state"] == "0AKUC"


class TestRest:
    def test_catalogs(self, ferry):
        found = ferry.get(UC + "/catalogs/" + ferry.catalog)
        assert found["name"] == ferry.catalog and found["owner"]
        assert ferry.catalog in [c["name"] for c in ferry.get(UC + "/catalogs")["catalogs"]]
        assert ferry.get(UC + "/catalogs/none", 404) == {"error_code": "CATALOG_DOES_NOT_EXIST", "message": "Catalog 'none' does not exist."}

    def test_schemas(self, ferry, acme):
        found = ferry.get(f"{UC}/schemas/{ferry.catalog}.acme")
        assert found["full_name"] == f"{ferry.catalog}.acme" and found["comment"] == "Profiles of Acme" and found["owner"] == ferry.client_id
        names = [s["name"] for s in ferry.get(UC + "/schemas", params={"catalog_name": ferry.catalog})["schemas"]]
        assert {"acme", "default", "__segment_reverse_etl", "information_schema"} <= set(names)
        assert ferry.get(f"{UC}/schemas/{ferry.catalog}.none", 404) == {
            "error_code": "SCHEMA_DOES_NOT_EXIST", "message": f"Schema '{ferry.catalog}.none' does not exist."}

    def test_tables_with_columns(self, ferry, acme):
        found = ferry.get(f"{UC}/tables/{ferry.catalog}.acme.identifies")
        assert found["table_type"] == "MANAGED" and found["data_source_format"] == "DELTA" and found["comment"] == "Identify calls"
        assert found["properties"]["delta.enableChangeDataFeed"] == "true" and found["properties"]["lakeferry.space"] == "acme"
        assert json.loads(found["properties"]["clusteringColumns"]) == [["received_at"], ["id"]]
        columns = {c["name"]: c for c in found["columns"]}
        assert [(c["name"], c["type_name"], c["type_text"]) for c in found["columns"]] == [
            ("id", "STRING", "string"), ("received_at", "TIMESTAMP", "timestamp"), ("n", "LONG", "bigint"), ("x", "DOUBLE", "double"),
            ("ok", "BOOLEAN", "boolean"), ("price", "DECIMAL", "decimal(7,2)"), ("odd`name", "STRING", "string")]
        assert columns["id"]["comment"] == "message id" and columns["odd`name"]["comment"] == "it's odd"
        assert columns["price"]["type_precision"] == 7 and columns["price"]["type_scale"] == 2 and columns["n"]["position"] == 2
        listed = ferry.get(UC + "/tables", params={"catalog_name": ferry.catalog, "schema_name": "acme"})["tables"]
        assert [t["name"] for t in listed] == ["identifies"] and len(listed[0]["columns"]) == 7
        assert ferry.get(f"{UC}/tables/{ferry.catalog}.acme.none", 404)["error_code"] == "TABLE_DOES_NOT_EXIST"
        assert ferry.get(f"{UC}/tables/{ferry.catalog}.acme.none/exists")["table_exists"] is False
        assert ferry.get(f"{UC}/tables/one.two", 400)["error_code"] == "INVALID_PARAMETER_VALUE"

    def test_pages(self, ferry, acme):
        first = ferry.get(UC + "/schemas", params={"catalog_name": ferry.catalog, "max_results": 1})
        assert len(first["schemas"]) == 1 and first["next_page_token"]

    def test_volumes(self, ferry, acme):
        found = ferry.get(f"{UC}/volumes/{ferry.catalog}.acme.stage")
        assert found["volume_type"] == "MANAGED" and found["comment"] == "files on their way"
        assert ferry.get(f"{UC}/volumes/{ferry.catalog}.acme.none", 404)["message"] == f"Volume '{ferry.catalog}.acme.none' does not exist."
        made = ferry.post(UC + "/volumes", {"catalog_name": ferry.catalog, "schema_name": "acme", "name": "second", "volume_type": "MANAGED"})
        assert made["full_name"] == f"{ferry.catalog}.acme.second"
        ferry.post(UC + "/volumes", {"catalog_name": ferry.catalog, "schema_name": "acme", "name": "second"}, 409)
        assert ferry.call("DELETE", f"{UC}/volumes/{ferry.catalog}.acme.second").status_code == 200

    def test_a_path_that_no_api_has(self, ferry):
        assert ferry.get("/api/2.1/unity-catalog/nonsense", 404)["error_code"] == "ENDPOINT_NOT_FOUND"


class TestSql:
    def test_create_again_changes_nothing(self, ferry, acme):
        ferry.sql(CREATE.format(c=ferry.catalog, s="acme"))
        ferry.sql(f"CREATE VOLUME IF NOT EXISTS {acme}.stage")
        ferry.sql("CREATE SCHEMA IF NOT EXISTS acme")
        assert ferry.fails("CREATE SCHEMA acme")["sql_state"] == "42P06"
        assert ferry.fails(f"CREATE TABLE {acme}.identifies (a INT)")["sql_state"] == "42P07"
        assert "VOLUME_ALREADY_EXISTS" in ferry.fails(f"CREATE VOLUME {acme}.stage")["message"]

    def test_describe(self, ferry, acme):
        rows = ferry.sql(f"DESCRIBE TABLE `{ferry.catalog}`.acme.identifies").dicts
        assert rows[0] == {"col_name": "id", "data_type": "string", "comment": "message id"}
        assert {"col_name": "odd`name", "data_type": "string", "comment": "it's odd"} in rows

    def test_show(self, ferry, acme):
        tables = ferry.sql(f"SHOW TABLES IN `{ferry.catalog}`.`acme`")
        assert tables.columns == ["database", "tableName", "isTemporary"] and tables.rows == [["acme", "identifies", "false"]]
        schemas = ferry.sql(f"SHOW SCHEMAS IN `{ferry.catalog}`")
        assert schemas.columns == ["databaseName"] and ["__segment_reverse_etl"] in schemas.rows
        assert ferry.sql("SHOW SCHEMAS LIKE 'acm*'").rows == [["acme"]]
        volumes = ferry.sql(f"SHOW VOLUMES IN {ferry.catalog}.acme")
        assert volumes.columns == ["database", "volume_name"] and volumes.rows == [["acme", "stage"]]
        assert ferry.sql(f"DESCRIBE VOLUME {acme}.stage").dicts[0]["volumeType"] == "MANAGED"

    def test_information_schema(self, ferry, acme):
        schema = f"`{ferry.catalog}`.information_schema"
        assert ferry.sql(f"SELECT schema_name, comment FROM {schema}.schemata WHERE schema_name = 'acme'").rows == [["acme", "Profiles of Acme"]]
        assert ferry.sql(f"SELECT t.table_name, t.table_type, t.comment FROM {schema}.tables t WHERE t.table_schema = 'acme'").rows == [
            ["identifies", "MANAGED", "Identify calls"]]
        columns = ferry.sql(f"SELECT column_name, ordinal_position, full_data_type, is_nullable, comment FROM {schema}.columns "
                            "WHERE table_schema = 'acme' AND table_name = 'identifies' ORDER BY ordinal_position").rows
        assert columns[0] == ["id", "0", "string", "YES", "message id"] and columns[5][2] == "decimal(7,2)"
        sizes = dict(ferry.sql(f"SELECT full_data_type, concat_ws('/', numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision) "
                               f"FROM {schema}.columns WHERE table_schema = 'acme' AND table_name = 'identifies'").rows)
        assert sizes["decimal(7,2)"] == "7/10/2" and sizes["string"] == "" and sizes.get("timestamp", "6") == "6" and sizes.get("bigint", "64/2/0") == "64/2/0"
        assert ferry.sql("SELECT volume_name FROM information_schema.volumes WHERE volume_schema = 'acme'").rows == [["stage"]]
        assert "TABLE_OR_VIEW_NOT_FOUND" in ferry.fails(f"SELECT * FROM {schema}.nonsense")["message"]

    def test_columns_are_added_in_one_statement(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a STRING)")
        ferry.sql(f"ALTER TABLE {schema}.t ADD COLUMNS (`b` BIGINT COMMENT 'second', `c` TIMESTAMP)")
        assert [c["name"] for c in ferry.get(f"{UC}/tables/{ferry.catalog}.{schema}.t")["columns"]] == ["a", "b", "c"]
        assert ferry.fails(f"ALTER TABLE {schema}.t ADD COLUMNS (B BIGINT)")["sql_state"] in ("42711", "42710")
        ferry.sql(f"COMMENT ON TABLE {schema}.t IS 'new words'")
        ferry.sql(f"ALTER TABLE {schema}.t ALTER COLUMN a COMMENT 'first'")
        found = ferry.get(f"{UC}/tables/{ferry.catalog}.{schema}.t")
        assert found["comment"] == "new words" and found["columns"][0]["comment"] == "first"

    def test_names_are_kept_in_lower_case_and_found_in_any(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.`MixedCase` (`Kept` INT)")
        assert ferry.sql(f"SHOW TABLES IN {schema}").rows[0][1] == "mixedcase"
        assert ferry.sql(f"SELECT kept FROM {schema.upper()}.MIXEDcase").columns == ["kept"]
        assert ferry.get(f"{UC}/tables/{ferry.catalog}.{schema}.MixedCase")["columns"][0]["name"] == "Kept"

    def test_dropping(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT)")
        ferry.sql(f"CREATE VOLUME {schema}.v")
        assert ferry.fails(f"DROP SCHEMA {schema}")["sql_state"] == "2BP01"
        ferry.sql(f"DROP TABLE {schema}.t")
        assert ferry.fails(f"DROP TABLE {schema}.t")["sql_state"] == "42P01"
        ferry.sql(f"DROP TABLE IF EXISTS {schema}.t")
        assert ferry.fails(f"DROP SCHEMA {schema}")["sql_state"] == "2BP01"  # a volume is an object as well
        ferry.sql(f"DROP VOLUME {schema}.v")
        ferry.sql(f"DROP SCHEMA {schema}")
        assert ferry.fails(f"DROP SCHEMA {schema}")["sql_state"] == "42704"
        ferry.sql(f"DROP SCHEMA IF EXISTS {schema}")

    def test_a_table_made_anew_is_empty(self, ferry, schema):
        for _ in range(2):
            ferry.sql(f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
            assert ferry.sql(f"SELECT * FROM {schema}.t").rows == [["1"]]
            ferry.sql(f"DROP TABLE {schema}.t")

    def test_a_create_that_fails_leaves_the_name_free(self, ferry, schema):
        assert ferry.fails(f"CREATE TABLE {schema}.t AS SELECT CAST(id || 'x' AS INT) AS a FROM range(3)")["sql_state"] == "22018"
        ferry.sql(f"CREATE TABLE {schema}.t AS SELECT 1 AS a")

    def test_catalogs_are_an_administrators(self, admin, ferry):
        assert "PERMISSION_DENIED" in ferry.fails("CREATE CATALOG mine")["message"]
        assert ferry.fails("SELECT 1", catalog="none")["sql_state"] == "42704"
        assert "NO_SUCH_CATALOG_EXCEPTION" in ferry.fails("SELECT * FROM none.a.b")["message"]
        assert admin.fails("CREATE CATALOG `a__b`")["sql_state"] == "22023"

    @pytest.mark.parametrize("text", ["CREATE TEMPORARY VIEW v AS SELECT 1", "CREATE TABLE t (a INT) LOCATION '/tmp/x'", "CREATE EXTERNAL VOLUME v LOCATION 's3://x'",
                                      "ALTER VOLUME v RENAME TO w", "CACHE TABLE t", "CREATE FUNCTION f() RETURNS INT RETURN 1"])
    def test_what_it_cannot_do_it_says(self, ferry, text):
        failure = ferry.fails(text)
        assert failure["sql_state"] == "0A000" and "local workspace does not support" in failure["message"]

    def test_managed_tables_are_delta(self, ferry, schema):
        assert "MANAGED_TABLE_FORMAT" in ferry.fails(f"CREATE TABLE {schema}.t (a INT) USING parquet")["message"]
        ferry.sql(f"CREATE TABLE {schema}.t (a INT) USING delta")


class TestDelta:
    def test_constraints(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT NOT NULL, b INT)")
        assert ferry.fails(f"INSERT INTO {schema}.t VALUES (NULL, 1)")["sql_state"] == "23502"
        ferry.sql(f"ALTER TABLE {schema}.t ADD CONSTRAINT positive CHECK (b > 0)")
        assert ferry.fails(f"INSERT INTO {schema}.t VALUES (1, -1)")["sql_state"] == "23001"

    def test_change_feed_history_and_time_travel(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
        ferry.sql(f"INSERT INTO {schema}.t VALUES (1)")
        ferry.sql(f"UPDATE {schema}.t SET a = 2")
        changes = ferry.sql(f"SELECT _change_type, a FROM table_changes('{ferry.catalog}.{schema}.t', 1) ORDER BY _commit_version, _change_type").rows
        assert changes == [["insert", "1"], ["update_postimage", "2"], ["update_preimage", "1"]]
        assert ferry.sql(f"SELECT a FROM {schema}.t VERSION AS OF 1").rows == [["1"]]
        assert ferry.sql(f"DESCRIBE HISTORY {schema}.t LIMIT 1").dicts[0]["operation"] == "UPDATE"
        late = ferry.fails(f"SELECT * FROM table_changes('{ferry.catalog}.{schema}.t', 99)")
        assert late["sql_state"] == "22003"

    def test_qualify_keeps_the_newest(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t AS SELECT * FROM VALUES ('a', 1), ('a', 2), ('b', 1) AS v(k, seq)")
        assert ferry.sql(f"SELECT * FROM {schema}.t QUALIFY row_number() OVER (PARTITION BY k ORDER BY seq DESC) = 1 ORDER BY k").rows == [
            ["a", "2"], ["b", "1"]]

    def test_schema_evolution_in_merge(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (k STRING)")
        ferry.sql(f"MERGE WITH SCHEMA EVOLUTION INTO {schema}.t AS t USING (SELECT 'a' AS k, 1 AS v) AS s ON t.k = s.k WHEN NOT MATCHED THEN INSERT *")
        assert ferry.sql(f"SELECT k, v FROM {schema}.t").rows == [["a", "1"]]

    def test_upkeep(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (k STRING) CLUSTER BY (k)")
        ferry.sql(f"INSERT INTO {schema}.t VALUES ('a')")
        ferry.sql(f"OPTIMIZE {schema}.t")
        assert ferry.sql(f"DESCRIBE DETAIL {schema}.t").dicts[0]["format"] == "delta"
        ferry.sql(f"ALTER TABLE {schema}.t SET TBLPROPERTIES ('a' = 'b')")
        assert ["a", "b"] in ferry.sql(f"SHOW TBLPROPERTIES {schema}.t").rows
