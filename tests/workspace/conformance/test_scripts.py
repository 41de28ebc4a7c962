"""BEGIN … END: a schema set up by one statement; each part as by itself, in its turn."""
import re

import pytest
from caller import until


def setup(s: str) -> str:
    """All that Lakeferry makes in a schema `s` (catalog.schema), by one statement."""
    return f"""/* set up */ BEGIN
CREATE SCHEMA IF NOT EXISTS {s} COMMENT 'it\\'s one; schema';
CREATE VOLUME IF NOT EXISTS {s}.stage COMMENT 'files; END';
CREATE TABLE IF NOT EXISTS {s}.tracks (`id` STRING COMMENT 'message', `ts` TIMESTAMP, `n` BIGINT) CLUSTER BY (`ts`) COMMENT 'events'
  TBLPROPERTIES ('lakeferry.version' = '1', 'delta.enableChangeDataFeed' = 'true');
CREATE TABLE IF NOT EXISTS {s}.fences (`name` STRING NOT NULL, `load` BIGINT, CONSTRAINT fences_key PRIMARY KEY (`name`));
CREATE OR REPLACE VIEW {s}.shown (`id` COMMENT 'which', `day`) COMMENT 'a view; of tracks' AS
  SELECT `id`, CASE WHEN n > 0 THEN date(ts) END AS `day` FROM {s}.tracks;
ALTER TABLE {s}.tracks SET TBLPROPERTIES ('lakeferry.version' = '2');
COMMENT ON TABLE {s}.fences IS 'fences;';
MERGE INTO {s}.fences AS t USING (SELECT * FROM VALUES ('a', 1L), ('b', 2L) AS v(name, load)) AS s ON t.name = s.name
  WHEN MATCHED AND t.load < s.load THEN UPDATE SET load = s.load WHEN NOT MATCHED THEN INSERT (name, load) VALUES (s.name, s.load);
END"""


@pytest.fixture
def nobody(workspace, admin, ferry):
    """Another principal, who may make schemas in the catalog."""
    other = workspace.other.with_catalog(ferry.catalog)
    admin.sql(f"GRANT USE CATALOG, CREATE SCHEMA ON CATALOG {ferry.catalog} TO `{other.client_id}`")
    yield other
    admin.sql(f"REVOKE ALL PRIVILEGES ON CATALOG {ferry.catalog} FROM `{other.client_id}`")


def there(caller, schema: str) -> set[str]:
    return {r[1] for r in caller.sql(f"SHOW TABLES IN {schema}").rows}


def test_a_schema_by_one_statement(ferry):
    s = f"{ferry.catalog}.made"
    assert ferry.sql(setup(s)).counts == (2, 0, 0, 2)
    assert ferry.sql(setup(s)).counts == (0, 0, 0, 0)
    told = ferry.sql(f"DESCRIBE DETAIL {s}.tracks").dicts[0]
    assert told["description"] == "events" and "ts" in told["clusteringColumns"] and '"lakeferry.version":"2"' in told["properties"]
    assert dict(r[:2] for r in ferry.sql(f"DESCRIBE SCHEMA {s}").rows)["Comment"] == "it's one; schema"
    assert ferry.sql(f"DESCRIBE VOLUME {s}.stage").dicts[0]["comment"] == "files; END"
    assert ferry.sql(f"DESCRIBE DETAIL {s}.fences").dicts[0]["description"] == "fences;"
    view = ferry.get(f"/api/2.1/unity-catalog/tables/{s}.shown")
    assert view["comment"] == "a view; of tracks" and view["columns"][0]["comment"] == "which" and view["owner"] == ferry.client_id
    keys = ferry.sql("SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema = 'made'").rows
    assert keys == [["fences_key"]]
    assert ferry.put(f"/Volumes/{ferry.catalog}/made/stage/a", b"x").status_code == 204
    assert ferry.sql(f"SELECT * FROM {s}.shown").columns == ["id", "day"]


def test_the_first_failure_ends_it_and_what_was_done_stays(ferry, schema):
    failure = ferry.fails(f"""BEGIN
  CREATE TABLE {schema}.one (a INT);
  /* it; is not there */
  INSERT INTO {schema}.one
    SELECT a FROM {schema}.absent;
  CREATE TABLE {schema}.two (a INT);
END""")
    assert failure["sql_state"] == "42P01" and "[TABLE_OR_VIEW_NOT_FOUND]" in failure["message"] and "`absent`" in failure["message"]
    assert there(ferry, schema) == {"one"}


def test_a_place_in_a_message_is_one_in_the_script(ferry, schema):
    failure = ferry.fails(f"BEGIN\n  CREATE TABLE {schema}.one (a INT);\n  INSERT INTO {schema}.one\n    SELECT b FROM {schema}.one;\nEND")
    assert failure["sql_state"] == "42703" and failure["message"].rstrip().endswith("; line 4 pos 11"), failure
    failure = ferry.fails(f"BEGIN\n  CREATE TABLE {schema}.two (a INT);\n  MERGE INTO {schema}.two AS t USING {schema}.none AS s ON t.a = s.a\n"
                          "  WHEN MATCHED THEN DELETE;\nEND")
    assert failure["sql_state"] == "42P01" and "; line 3 pos " in failure["message"], failure
    failure = ferry.fails(f"BEGIN\n  INSERT INTO {schema}.two\n    SELECT CAST('many' AS INT);\nEND")
    assert failure["sql_state"] == "22018" and "== SQL (line 3, position 12) ==" in failure["message"], failure


@pytest.mark.parametrize(("wrong", "near"), [
    ("CREATE TABLE {s}.x (a INT,, b INT)", "','"), ("CREATE VOLUME IF NOT EXISTS {s}.v COMENT 'x'", "'COMENT'"),
    ("CREATE OR REPLACE VIEW {s}.w AS SELEC 1", "'SELEC'"), ("MERGE INTO {s}.x USING y ON a = b WHEN THEN DELETE", "'THEN'")])
def test_a_script_that_cannot_be_read_does_not_begin(ferry, schema, wrong, near):
    script = f"BEGIN\n  CREATE TABLE {schema}.one (a INT);\n  {wrong.format(s=schema)};\n  CREATE TABLE {schema}.two (a INT);\nEND"
    failure = ferry.fails(script)
    assert failure["sql_state"] == "42601" and near in failure["message"] and "(line 3, pos " in failure["message"], failure
    shown = failure["message"].partition("== SQL ==\n")[2].splitlines()
    assert shown[:3] == script.splitlines()[:3] and re.fullmatch(r"-*\^\^\^", shown[3]) and shown[4:] == script.splitlines()[3:]
    assert there(ferry, schema) == set()


def test_each_part_needs_its_own_privilege(admin, ferry, nobody):
    """CREATE SCHEMA is granted, and who makes a schema owns it. One that stands already gives no CREATE VOLUME."""
    nobody.sql(setup(f"{ferry.catalog}.own"))
    assert there(nobody, "own") == {"tracks", "fences", "shown"}
    admin.sql("CREATE SCHEMA foreign_one")
    admin.sql(f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA foreign_one TO `{nobody.client_id}`")
    failure = nobody.fails(setup(f"{ferry.catalog}.foreign_one"))
    assert failure["sql_state"] == "42501" and "CREATE VOLUME" in failure["message"] and f"{ferry.catalog}.foreign_one" in failure["message"]
    assert there(admin, "foreign_one") == set() and admin.sql("SHOW VOLUMES IN foreign_one").rows == []
    failure = nobody.fails("BEGIN CREATE TABLE foreign_one.mine (a INT); CREATE VOLUME foreign_one.v; CREATE TABLE foreign_one.more (a INT); END")
    assert "CREATE VOLUME" in failure["message"] and there(admin, "foreign_one") == {"mine"}
    told = admin.get(f"/api/2.1/unity-catalog/tables/{ferry.catalog}.foreign_one.mine")
    assert told["owner"] == nobody.client_id


def test_grants_inside(admin, ferry, nobody, schema):
    admin.sql(f"BEGIN CREATE TABLE {schema}.given AS SELECT 1 AS a; GRANT USE SCHEMA ON SCHEMA {schema} TO `{nobody.client_id}`; "
              f"GRANT SELECT ON TABLE {schema}.given TO `{nobody.client_id}`; END")
    assert nobody.sql(f"SELECT * FROM {schema}.given").rows == [["1"]]


def test_parameters_reach_the_parts_that_name_them(ferry, schema):
    given = [{"name": "a", "value": "x; y", "type": "STRING"}]
    ferry.sql(f"BEGIN CREATE TABLE {schema}.t (a STRING); INSERT INTO {schema}.t VALUES (:a); END", given)
    assert ferry.sql(f"SELECT a FROM {schema}.t").rows == [["x; y"]]


def test_a_cancel_between_two_parts(ferry, schema):
    parts = "\n".join(f"CREATE TABLE {schema}.t{n:02} (a INT);" for n in range(60))
    sid = ferry.submit(f"BEGIN\n{parts}\nEND")["statement_id"]
    until(lambda: there(ferry, schema))
    ferry.post(f"/api/2.0/sql/statements/{sid}/cancel")
    assert ferry.wait(sid)["status"]["state"] == "CANCELED"
    assert "t59" not in there(ferry, schema)


def test_loops_and_variables_are_scripts_too(ferry, schema):
    ferry.sql(f"BEGIN DECLARE n INT DEFAULT 2; CREATE TABLE {schema}.t (a INT); WHILE n > 0 DO INSERT INTO {schema}.t VALUES (n); SET n = n - 1; "
              "END WHILE; END")
    assert ferry.sql(f"SELECT a FROM {schema}.t ORDER BY a").rows == [["1"], ["2"]]


def test_a_query_at_the_end_is_what_the_script_answers(ferry, schema):
    ferry.sql(f"CREATE TABLE {schema}.t (a BIGINT)")
    found = ferry.sql(f"BEGIN\nINSERT INTO {schema}.t VALUES (1), (2);\nSELECT count(*) AS n FROM {schema}.t WHERE a > 1;\nEND")
    assert (found.columns, found.rows) == (["n"], [["1"]])
    # Of a count that only the script can know: what it writes says what the part before it did.
    ferry.sql(f"CREATE TABLE {schema}.said (what STRING)")
    ferry.sql(f"""BEGIN
        INSERT INTO {schema}.t VALUES (3);
        MERGE INTO {schema}.said AS t USING (SELECT replace(v.text, '#', CAST(c.n + 10 AS STRING)) AS what FROM VALUES ('rows: #') AS v(text)
            CROSS JOIN (SELECT count(*) AS n FROM {schema}.t) AS c) AS s ON t.what = s.what WHEN NOT MATCHED THEN INSERT (what) VALUES (s.what);
        END""")
    assert ferry.sql(f"SELECT what FROM {schema}.said").rows == [["rows: 13"]]


def test_a_variable_holds_a_count_for_what_comes_after_it(ferry, schema):
    """As Lakeferry ends a run: rows of a staged file, their count in a report, the count as the answer."""
    ferry.sql(f"CREATE TABLE {schema}.t (id STRING)")
    ferry.sql(f"CREATE VOLUME {schema}.v")
    ferry.sql(f"CREATE TABLE {schema}.said (run BIGINT, report STRING) CLUSTER BY (run)")
    path = f"/Volumes/{ferry.catalog}/{schema}/v/rows.json"
    assert ferry.put(path, b'{"id":"a"}\n{"id":"b"}\n').status_code == 204
    files = f"read_files('{path}', format => 'json', schema => 'id STRING', schemaEvolutionMode => 'none')"
    script = f"""BEGIN
DECLARE n BIGINT;
MERGE INTO {schema}.t AS t USING (SELECT id FROM {files}) AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id);
SET n = (SELECT count(*) FROM {files} AS s LEFT SEMI JOIN {schema}.t AS t ON t.id = s.id);
MERGE INTO {schema}.said AS t USING (SELECT v.run, replace(v.report, '#', CAST(n + 10 AS STRING)) AS report
  FROM VALUES (7L, 'rows: #') AS v(run, report)) AS s ON t.run = s.run WHEN NOT MATCHED THEN INSERT (run, report) VALUES (s.run, s.report);
SELECT n AS num_affected_rows;
END"""
    for _ in range(2):  # sent twice it says the same
        found = ferry.sql(script)
        assert (found.columns, found.rows) == (["num_affected_rows"], [["2"]])
    assert ferry.sql(f"SELECT report FROM {schema}.said").rows == [["rows: 12"]]
    assert ferry.sql(f"SELECT count(*) FROM {schema}.t").rows == [["2"]]


@pytest.mark.parametrize(("script", "code"), [
    ("BEGIN DECLARE n BIGINT; SET m = (SELECT 1); SELECT n; END", "42883"),
    ("BEGIN CREATE TABLE {s}.t (a INT); DECLARE n BIGINT; SELECT n; END", "42K0M"),
    ("BEGIN DECLARE n BIGINT; SET n = (SELECT id FROM VALUES (1), (2) AS v(id)); SELECT n; END", "21000"),
    ("BEGIN DECLARE n BIGINT; SET VAR n = 1; SELECT n; END", "42000")])
def test_variables_that_are_wrong(ferry, schema, script, code):
    failure = ferry.fails(script.format(s=schema))
    assert failure["sql_state"] == code, failure
    assert there(ferry, schema) == set()


def test_a_variable_is_gone_with_its_script(ferry, schema):
    assert ferry.sql("BEGIN DECLARE n BIGINT DEFAULT 5; SET n = n + 1; SELECT n AS a; END").rows == [["6"]]
    assert ferry.fails("SELECT n")["sql_state"] == "42703"
