"""Privileges, enforced for the calling principal, in Databricks' words; given and taken while the workspace runs."""
import pytest
from caller import UC, text


@pytest.fixture(scope="module")
def table(ferry):
    ferry.sql("CREATE SCHEMA guarded")
    ferry.sql("CREATE TABLE guarded.t (a INT)")
    ferry.sql("CREATE TABLE guarded.u (a INT)")
    ferry.sql("CREATE VOLUME guarded.v")
    ferry.put(f"/Volumes/{ferry.catalog}/guarded/v/a.json", b'{"a": 1}\n')
    return f"{ferry.catalog}.guarded.t"


@pytest.fixture
def nobody(workspace, admin, ferry):
    """A principal that holds nothing on this catalog."""
    who = workspace.other
    everything = "USE CATALOG, USE SCHEMA, SELECT, MODIFY, CREATE SCHEMA, CREATE TABLE, CREATE VOLUME, READ VOLUME, WRITE VOLUME, MANAGE"
    admin.sql(f"REVOKE {everything} ON CATALOG {ferry.catalog} FROM `{who.client_id}`")
    for kind, name in (("SCHEMA", "guarded"), ("TABLE", "guarded.t"), ("TABLE", "guarded.u"), ("VOLUME", "guarded.v")):
        admin.sql(f"REVOKE ALL PRIVILEGES ON {kind} {name} FROM `{who.client_id}`")
    return who.with_catalog(ferry.catalog)


def refused(caller, statement, privilege, kind, name, parameters=None):
    failure = caller.fails(statement, parameters)
    assert failure["message"] == (f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have {privilege} on {kind} '{name}'. "
                                  "SQLSTATE: 42501"), failure
    assert failure["sql_state"] == "42501"


def test_the_way_down(admin, ferry, nobody, table):
    c, p = ferry.catalog, nobody.client_id
    refused(nobody, f"SELECT * FROM {table}", "USE CATALOG", "Catalog", c)
    admin.sql(f"GRANT USE CATALOG ON CATALOG {c} TO `{p}`")
    refused(nobody, f"SELECT * FROM {table}", "USE SCHEMA", "Schema", f"{c}.guarded")
    admin.sql(f"GRANT USE SCHEMA ON SCHEMA {c}.guarded TO `{p}`")
    refused(nobody, f"SELECT * FROM {table}", "SELECT", "Table", table)
    admin.sql(f"GRANT SELECT ON TABLE {table} TO `{p}`")
    assert nobody.sql(f"SELECT count(*) FROM {table}").rows[0][0].isdecimal()
    admin.sql(f"REVOKE SELECT ON TABLE {table} FROM `{p}`")
    refused(nobody, f"SELECT * FROM {table}", "SELECT", "Table", table)


@pytest.fixture
def reader(admin, ferry, nobody, table):
    """May use and select in the schema, no more."""
    admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{nobody.client_id}`")
    admin.sql(f"GRANT USE SCHEMA, SELECT ON SCHEMA guarded TO `{nobody.client_id}`")
    return nobody


@pytest.mark.parametrize("statement", [
    "INSERT INTO guarded.t VALUES (1)", "UPDATE guarded.t SET a = 1", "DELETE FROM guarded.t", "TRUNCATE TABLE guarded.t",
    "MERGE INTO guarded.t AS t USING guarded.u AS s ON t.a = s.a WHEN MATCHED THEN DELETE", "ALTER TABLE guarded.t ADD COLUMNS (b INT)",
    "COMMENT ON TABLE guarded.t IS 'x'", "OPTIMIZE guarded.t", "INSERT INTO IDENTIFIER('guarded.t') VALUES (1)",
    "BEGIN INSERT INTO guarded.t VALUES (1); END", "INSERT OVERWRITE guarded.t SELECT 1"])
def test_writing_needs_modify(reader, table, statement):
    refused(reader, statement, "MODIFY", "Table", table)


def test_copy_needs_modify_and_the_volume(admin, ferry, reader, table):
    copy = f"COPY INTO {table} FROM '/Volumes/{ferry.catalog}/guarded/v/' FILEFORMAT = JSON FILES = ('a.json')"
    refused(reader, copy, "MODIFY", "Table", table)
    admin.sql(f"GRANT MODIFY ON TABLE {table} TO `{reader.client_id}`")
    refused(reader, copy, "READ VOLUME", "Volume", f"{ferry.catalog}.guarded.v")
    refused(reader, f"SELECT * FROM read_files('/Volumes/{ferry.catalog}/guarded/v/a.json', format => 'json', schema => 'a INT', "
            "schemaEvolutionMode => 'none')", "READ VOLUME", "Volume", f"{ferry.catalog}.guarded.v")


def test_reading_is_seen_wherever_it_hides(admin, ferry, nobody, table):
    admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{nobody.client_id}`")
    admin.sql(f"GRANT USE SCHEMA ON SCHEMA guarded TO `{nobody.client_id}`")
    admin.sql(f"GRANT SELECT ON TABLE guarded.u TO `{nobody.client_id}`")
    for statement in ("SELECT (SELECT max(a) FROM guarded.t)", "WITH x AS (SELECT * FROM guarded.t) SELECT * FROM x",
                      "SELECT * FROM guarded.u WHERE EXISTS (SELECT 1 FROM guarded.t)", "SELECT * FROM IDENTIFIER(:t)",
                      "SELECT * FROM guarded.u UNION ALL SELECT * FROM guarded.t", f"SELECT * FROM table_changes('{table}', 0)",
                      "SELECT * FROM guarded.u JOIN LATERAL (SELECT * FROM guarded.t)", "DESCRIBE TABLE guarded.t", "DESCRIBE HISTORY guarded.t",
                      "EXPLAIN SELECT * FROM guarded.t", "DESCRIBE QUERY SELECT * FROM guarded.t", "SHOW COLUMNS IN guarded.t"):
        refused(nobody, statement, "SELECT", "Table", table, [text("t", "guarded.t")])


def test_creating(admin, ferry, reader):
    c = ferry.catalog
    failure = reader.fails("CREATE SCHEMA mine")
    assert failure["message"] == f"PERMISSION_DENIED: User does not have CREATE SCHEMA on Catalog '{c}'. (SQLSTATE: HY000)"
    assert failure["sql_state"] == "HY000"
    # The privilege is asked for even where there is nothing to do.
    assert "CREATE SCHEMA" in reader.fails("CREATE SCHEMA IF NOT EXISTS guarded")["message"]
    refused(reader, "CREATE TABLE guarded.mine (a INT)", "CREATE TABLE", "Schema", f"{c}.guarded")
    refused(reader, "CREATE OR REPLACE TABLE guarded.mine AS SELECT 1 AS a", "CREATE TABLE", "Schema", f"{c}.guarded")
    refused(reader, "CREATE VOLUME IF NOT EXISTS guarded.mine", "CREATE VOLUME", "Schema", f"{c}.guarded")


def test_a_script_creates_with_the_rights_of_each_statement(ferry, reader):
    refused(reader, "BEGIN CREATE TABLE guarded.mine (a INT) CLUSTER BY (a); END", "CREATE TABLE", "Schema", f"{ferry.catalog}.guarded")


def test_dropping_is_the_owners(admin, ferry, reader, table):
    refused(reader, "DROP TABLE guarded.t", "MANAGE", "Table", table)
    refused(reader, "DROP SCHEMA guarded CASCADE", "MANAGE", "Schema", f"{ferry.catalog}.guarded")
    refused(reader, "DROP VOLUME guarded.v", "MANAGE", "Volume", f"{ferry.catalog}.guarded.v")
    refused(reader, "ALTER TABLE guarded.t RENAME TO guarded.x", "MANAGE", "Table", table)


def test_the_creator_owns(admin, ferry, nobody):
    admin.sql(f"GRANT USE CATALOG, CREATE SCHEMA ON CATALOG {ferry.catalog} TO `{nobody.client_id}`")
    nobody.sql("CREATE SCHEMA own")
    nobody.sql("CREATE TABLE own.t AS SELECT 1 AS a")
    nobody.sql("INSERT INTO own.t VALUES (2)")
    nobody.sql(f"GRANT SELECT ON TABLE own.t TO `{ferry.client_id}`")
    nobody.sql("DROP SCHEMA own CASCADE")


def test_a_table_made_anew_has_no_grants(admin, ferry, nobody):
    admin.sql("CREATE SCHEMA anew")
    admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{nobody.client_id}`")
    admin.sql("CREATE TABLE anew.t AS SELECT 1 AS a")
    admin.sql(f"GRANT USE SCHEMA ON SCHEMA anew TO `{nobody.client_id}`")
    admin.sql(f"GRANT SELECT ON TABLE anew.t TO `{nobody.client_id}`")
    assert nobody.sql("SELECT * FROM anew.t").rows == [["1"]]
    admin.sql("DROP TABLE anew.t")
    admin.sql("CREATE TABLE anew.t AS SELECT 1 AS a")
    refused(nobody, "SELECT * FROM anew.t", "SELECT", "Table", f"{ferry.catalog}.anew.t")


def test_lists_show_what_one_may_see(admin, ferry, nobody, table):
    admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{nobody.client_id}`")
    admin.sql(f"GRANT USE SCHEMA ON SCHEMA guarded TO `{nobody.client_id}`")
    admin.sql(f"GRANT SELECT ON TABLE guarded.u TO `{nobody.client_id}`")
    assert [r[1] for r in nobody.sql("SHOW TABLES IN guarded").rows] == ["u"]
    assert nobody.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'guarded'").rows == [["u"]]
    listed = nobody.get(UC + "/tables", params={"catalog_name": ferry.catalog, "schema_name": "guarded"})["tables"]
    assert [t["name"] for t in listed] == ["u"]
    refusal = nobody.get(f"{UC}/tables/{table}", 403)
    assert refusal == {"error_code": "PERMISSION_DENIED", "message": f"User does not have SELECT on Table '{table}'."}


def test_missing_objects_are_reported_as_missing(reader, ferry):
    assert reader.fails("SELECT * FROM guarded.none")["sql_state"] == "42P01"
    assert reader.fails("SELECT * FROM none.none")["sql_state"] in ("42P01", "42704")
    assert reader.fails("SELECT * FROM none.none.none")["sql_state"] == "42704"


def test_files_of_this_machine_are_out_of_reach(ferry, admin):
    for caller in (ferry, admin):
        for statement in ("SELECT * FROM text.`/etc/passwd`", "SELECT * FROM json.`file:///etc/hostname`", "COPY INTO t FROM '/etc' FILEFORMAT = JSON"):
            failure = caller.fails(statement)
            assert failure["sql_state"] in ("42501", "42P01"), failure
        assert caller.fails("SELECT * FROM spark_catalog.default.x")["sql_state"] == "42704"


class TestGrants:
    def test_show_grants(self, admin, ferry, reader):
        own = ferry.sql(f"SHOW GRANTS `{ferry.client_id}` ON CATALOG {ferry.catalog}")
        assert own.columns == ["Principal", "ActionType", "ObjectType", "ObjectKey"]
        assert [ferry.client_id, "CREATE TABLE", "CATALOG", ferry.catalog] in own.rows
        assert [reader.client_id, "SELECT", "SCHEMA", f"{ferry.catalog}.guarded"] in admin.sql("SHOW GRANTS ON SCHEMA guarded").rows

    def test_effective_permissions(self, ferry, table):
        found = ferry.get(f"{UC}/effective-permissions/schema/{ferry.catalog}.guarded", params={"principal": ferry.client_id, "max_results": 0})
        assert [a["principal"] for a in found["privilege_assignments"]] == [ferry.client_id]
        privileges = {p["privilege"]: p for p in found["privilege_assignments"][0]["privileges"]}
        assert privileges["CREATE_TABLE"] == {"privilege": "CREATE_TABLE", "inherited_from_type": "CATALOG", "inherited_from_name": ferry.catalog}
        direct = ferry.get(f"{UC}/permissions/catalog/{ferry.catalog}", params={"principal": ferry.client_id})
        assert "USE_CATALOG" in direct["privilege_assignments"][0]["privileges"]
        ferry.get(f"{UC}/effective-permissions/catalog/none", 404)
        ferry.get(f"{UC}/effective-permissions/thing/{ferry.catalog}", 400)

    def test_changed_by_rest(self, admin, ferry, nobody):
        path = f"{UC}/permissions/catalog/{ferry.catalog}"
        change = {"changes": [{"principal": nobody.client_id, "add": ["USE_CATALOG"]}]}
        assert nobody.call("PATCH", path, json=change).status_code == 403
        assert admin.call("PATCH", path, json=change).status_code == 200
        assert nobody.get(f"{UC}/catalogs/{ferry.catalog}")["name"] == ferry.catalog
        assert admin.call("PATCH", path, json={"changes": [{"principal": "no one", "add": ["SELECT"]}]}).status_code == 404

    def test_groups_and_everybody(self, admin, ferry, nobody, table):
        admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `account users`")
        admin.sql("GRANT USE SCHEMA, SELECT ON SCHEMA guarded TO analysts")
        try:
            nobody.sql(f"SELECT * FROM {table}")
        finally:
            admin.sql(f"REVOKE USE CATALOG ON CATALOG {ferry.catalog} FROM `account users`")
            admin.sql("REVOKE USE SCHEMA, SELECT ON SCHEMA guarded FROM analysts")
        refused(nobody, f"SELECT * FROM {table}", "USE CATALOG", "Catalog", ferry.catalog)

    def test_all_privileges_is_not_manage(self, admin, ferry, nobody, table):
        admin.sql(f"GRANT ALL PRIVILEGES ON CATALOG {ferry.catalog} TO `{nobody.client_id}`")
        try:
            nobody.sql(f"SELECT * FROM {table}")
            refused(nobody, f"DROP TABLE {table}", "MANAGE", "Table", table)
            refused(nobody, f"GRANT SELECT ON TABLE {table} TO analysts", "MANAGE", "Table", table)
        finally:
            admin.sql(f"REVOKE ALL PRIVILEGES ON CATALOG {ferry.catalog} FROM `{nobody.client_id}`")

    @pytest.mark.parametrize(("statement", "says"), [
        ("GRANT SELECT ON TABLE guarded.t TO `no one`", "PRINCIPAL_DOES_NOT_EXIST"), ("GRANT FLY ON TABLE guarded.t TO analysts", "FLY"),
        ("GRANT CREATE SCHEMA ON TABLE guarded.t TO analysts", "CREATE SCHEMA"), ("GRANT SELECT", "PARSE_SYNTAX_ERROR"),
        ("GRANT SELECT ON TABLE guarded.t", "PARSE_SYNTAX_ERROR"), ("GRANT SELECT ON TABLE guarded.none TO analysts", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SHOW GRANTS ON VOLUME guarded.none", "VOLUME_NOT_FOUND"), ("REVOKE SELECT ON SCHEMA none FROM analysts", "SCHEMA_NOT_FOUND")])
    def test_grants_that_make_no_sense(self, admin, table, statement, says):
        assert says in admin.fails(statement)["message"]
