"""Views: made, found, listed, replaced, renamed and dropped; read with the rights of their owner."""
import pytest
from caller import UC


@pytest.fixture
def view(ferry, schema) -> str:
    ferry.sql(f"CREATE TABLE {schema}.events (id STRING, n BIGINT)")
    ferry.sql(f"INSERT INTO {schema}.events VALUES ('a', 1), ('b', 2)")
    ferry.sql(f"CREATE VIEW `{ferry.catalog}`.`{schema}`.`totals` (`total` COMMENT 'of all', who) COMMENT 'Totals' AS\n"
              f"-- a comment\nSELECT n * 10 AS t, id FROM {schema}.events")
    return f"{schema}.totals"


REFUSED = {
    "CREATE VIEW {s}.w AS SELECT nope FROM {s}.events": "42703",
    "CREATE VIEW {s}.w AS SELECT * FROM {s}.none": "42P01",
    "CREATE VIEW {s}.w AS SELEC 1": "42601",
    "CREATE VIEW {s}.w": "42601",
    "CREATE VIEW none_such.w AS SELECT 1 AS a": "42704",
    "CREATE VIEW {s}.w AS SELECT id, id FROM {s}.events": "42711",
    "CREATE OR REPLACE VIEW {s}.events AS SELECT 1 AS a": "42809",
    "CREATE TEMPORARY VIEW w AS SELECT 1 AS a": "0A000",
    "CREATE MATERIALIZED VIEW {s}.w AS SELECT 1 AS a": "0A000",
    "INSERT INTO {s}.totals VALUES (1, 'x')": "42809",
    "ALTER TABLE {s}.totals ADD COLUMNS (c INT)": "42809",
    "CREATE TABLE {s}.totals (a INT)": "42P07",
    "ALTER VIEW {s}.none AS SELECT 1 AS a": "42P01",
}


class TestViews:
    def test_select_and_describe(self, ferry, view):
        assert ferry.sql(f"SELECT total, who FROM {ferry.catalog}.{view} ORDER BY total").rows == [["10", "a"], ["20", "b"]]
        assert ferry.sql(f"DESCRIBE TABLE {view}").rows == [["total", "bigint", "of all"], ["who", "string", None]]

    def test_it_reads_what_the_table_holds_now(self, ferry, view, schema):
        ferry.sql(f"INSERT INTO {schema}.events VALUES ('c', 3)")
        assert ferry.sql(f"SELECT max(total) FROM {view}").rows == [["30"]]

    def test_lists(self, ferry, view, schema):
        assert ferry.sql(f"SHOW VIEWS IN {schema}").rows == [[schema, "totals", "false"]]
        assert ferry.sql(f"SHOW VIEWS IN {ferry.catalog}.{schema} LIKE 'x*'").rows == []
        assert [r[1] for r in ferry.sql(f"SHOW TABLES IN {schema}").rows] == ["events", "totals"]
        place = f"{ferry.catalog}.information_schema"
        assert ferry.sql(f"SELECT table_name, table_type, comment FROM {place}.tables WHERE table_schema = '{schema}' ORDER BY 1").rows == [
            ["events", "MANAGED", None], ["totals", "VIEW", "Totals"]]
        assert ferry.sql(f"SELECT table_name, view_definition FROM {place}.views WHERE table_schema = '{schema}'").rows == [
            ["totals", f"-- a comment\nSELECT n * 10 AS t, id FROM {schema}.events"]]
        assert ferry.sql(f"SELECT column_name, comment FROM {place}.columns WHERE table_name = 'totals' AND table_schema = '{schema}'").rows == [
            ["total", "of all"], ["who", None]]

    def test_rest(self, ferry, view, schema):
        found = ferry.get(f"{UC}/tables/{ferry.catalog}.{view}")
        assert found["table_type"] == "VIEW" and found["comment"] == "Totals" and found["view_definition"].endswith(f"{schema}.events")
        assert [(c["name"], c["type_name"], c.get("comment")) for c in found["columns"]] == [("total", "LONG", "of all"), ("who", "STRING", None)]
        listed = ferry.get(UC + "/tables", params={"catalog_name": ferry.catalog, "schema_name": schema})["tables"]
        assert [(t["name"], t["table_type"]) for t in listed] == [("events", "MANAGED"), ("totals", "VIEW")]

    def test_made_again(self, ferry, view):
        assert ferry.fails(f"CREATE VIEW {view} AS SELECT 1 AS a")["sql_state"] == "42P07"
        ferry.sql(f"CREATE VIEW IF NOT EXISTS {view} AS SELECT 1 AS a")
        assert ferry.sql(f"SELECT count(total) FROM {view}").rows == [["2"]]
        ferry.sql(f"CREATE OR REPLACE VIEW {view} AS SELECT id, n FROM VALUES ('x', 1), ('x', 2) AS v(id, n) "
                  "QUALIFY row_number() OVER (PARTITION BY id ORDER BY n DESC) = 1")
        assert ferry.sql(f"SELECT * FROM {view}").rows == [["x", "2"]]
        ferry.sql(f"ALTER VIEW {view} AS SELECT 7 AS seven")
        assert ferry.sql(f"SELECT * FROM {view}").dicts == [{"seven": "7"}]

    def test_renamed_and_dropped(self, ferry, view, schema):
        ferry.sql(f"ALTER VIEW {view} RENAME TO {schema}.sums")
        assert ferry.sql(f"SELECT count(*) FROM {schema}.sums").rows == [["2"]]
        assert ferry.fails(f"SELECT * FROM {view}")["sql_state"] == "42P01"
        assert ferry.fails(f"DROP TABLE {schema}.sums")["sql_state"] == "42809"
        assert ferry.fails(f"DROP VIEW {schema}.events")["sql_state"] == "42809"
        ferry.sql(f"DROP VIEW {schema}.sums")
        ferry.sql(f"DROP VIEW IF EXISTS {schema}.sums")
        assert ferry.fails(f"DROP VIEW {schema}.sums")["sql_state"] == "42P01"
        assert ferry.sql(f"SHOW VIEWS IN {schema}").rows == []

    def test_refused(self, ferry, view, schema):
        for statement, state in REFUSED.items():
            assert ferry.fails(statement.format(s=schema))["sql_state"] == state, statement


class TestRights:
    def test_select_on_the_view_is_enough(self, workspace, ferry, admin, view, schema):
        other = workspace.other.with_catalog(ferry.catalog)
        admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{other.client_id}`")
        admin.sql(f"GRANT USE SCHEMA ON SCHEMA {schema} TO `{other.client_id}`")
        assert "does not have SELECT on Table" in other.fails(f"SELECT * FROM {view}")["message"]
        admin.sql(f"GRANT SELECT ON VIEW {view} TO `{other.client_id}`")
        assert other.sql(f"SELECT count(*) FROM {view}").rows == [["2"]]
        assert other.fails(f"SELECT * FROM {schema}.events")["sql_state"] == "42501"
        for statement in (f"CREATE VIEW {schema}.w AS SELECT * FROM {view}", f"DROP VIEW {view}", f"ALTER VIEW {view} AS SELECT 1 AS a",
                          f"CREATE OR REPLACE VIEW {view} AS SELECT 1 AS a"):
            assert other.fails(statement)["sql_state"] == "42501", statement
        assert other.sql(f"SELECT view_definition FROM {ferry.catalog}.information_schema.views").rows == [[None]]

    def test_the_owner_must_be_allowed_still(self, workspace, ferry, admin, schema):
        """The view belongs to one who may no longer read what it is made of."""
        other = workspace.other.with_catalog(ferry.catalog)
        admin.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}_admin")
        admin.sql(f"CREATE OR REPLACE TABLE {schema}_admin.t AS SELECT 1 AS a")
        admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{other.client_id}`")
        admin.sql(f"GRANT USE SCHEMA, SELECT ON SCHEMA {schema}_admin TO `{other.client_id}`")
        admin.sql(f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA {schema} TO `{other.client_id}`")
        other.sql(f"CREATE VIEW {schema}.v AS SELECT * FROM {schema}_admin.t")
        assert ferry.sql(f"SELECT * FROM {schema}.v").rows == [["1"]]
        admin.sql(f"REVOKE SELECT ON SCHEMA {schema}_admin FROM `{other.client_id}`")
        assert ferry.fails(f"SELECT * FROM {schema}.v")["sql_state"] == "42501"
