"""What Unity Catalog adds to a table in SQL: keys, constraints, comments, tags, owners, clustering by itself; and VARIANT paths."""
import json

import pytest

CREATE = """CREATE TABLE {s}.people (
  id STRING, kinds MAP<STRING, ARRAY<INT>> COMMENT 'a, (b)', n INT, city STRING CONSTRAINT lives REFERENCES {s}.cities,
  CONSTRAINT people_key PRIMARY KEY (id) RELY, CONSTRAINT positive CHECK (n > 0))
CLUSTER BY AUTO COMMENT 'all of them' TBLPROPERTIES ('a' = 'b')"""


@pytest.fixture(scope="module")
def place(ferry) -> str:
    ferry.sql("CREATE SCHEMA unity")
    ferry.sql("CREATE TABLE unity.cities (name STRING NOT NULL PRIMARY KEY)")
    ferry.sql(CREATE.format(s="unity"))
    return "unity"


class TestKeys:
    def test_they_are_shown(self, ferry, place):
        schema = f"{ferry.catalog}.information_schema"
        assert ferry.sql(f"SELECT constraint_name, table_name, constraint_type, enforced FROM {schema}.table_constraints ORDER BY 1").rows == [
            ["cities_pk", "cities", "PRIMARY KEY", "NO"], ["lives", "people", "FOREIGN KEY", "NO"], ["people_key", "people", "PRIMARY KEY", "NO"]]
        assert ferry.sql(f"SELECT column_name, ordinal_position FROM {schema}.key_column_usage WHERE constraint_name = 'people_key'").rows == [["id", "1"]]
        assert ferry.sql(f"SELECT constraint_name, unique_constraint_name FROM {schema}.referential_constraints").rows == [["lives", "cities_pk"]]

    def test_they_are_not_enforced_but_not_null_and_check_are(self, ferry, place):
        insert = f"INSERT INTO {place}.people (id, n, city) VALUES "
        assert ferry.sql(insert + "('a', 1, 'nowhere'), ('a', 2, NULL)").counts == (2, 2)
        assert ferry.fails(insert + "(NULL, 1, NULL)")["sql_state"] == "23502"
        failure = ferry.fails(insert + "('b', 0, NULL)")
        assert failure["sql_state"] == "23001" and "CHECK constraint positive (n > 0)" in failure["message"]

    def test_added_and_dropped(self, ferry, place):
        ferry.sql(f"CREATE TABLE {place}.later (a STRING NOT NULL, b STRING)")
        for statement, state in ((f"ALTER TABLE {place}.later ADD CONSTRAINT k PRIMARY KEY (b)", "42831"),
                                 (f"ALTER TABLE {place}.later ADD CONSTRAINT k PRIMARY KEY (c)", "42703"),
                                 (f"ALTER TABLE {place}.later ADD FOREIGN KEY (a, b) REFERENCES {place}.cities", "42830"),
                                 (f"ALTER TABLE {place}.later ADD FOREIGN KEY (a) REFERENCES {place}.none", "42P01"),
                                 (f"CREATE TABLE {place}.w (a STRING, PRIMARY KEY (b))", "42703"),
                                 (f"CREATE TABLE {place}.w (a STRING PRIMARY KEY, b STRING PRIMARY KEY)", "42710"),
                                 (f"CREATE TABLE {place}.w (a STRING, PRIMARY KEY)", "42601"),
                                 (f"ALTER TABLE {place}.later DROP CONSTRAINT none", "42704"),
                                 ("CREATE TABLE hive_metastore.default.w (a STRING PRIMARY KEY)", "0AKUC")):
            assert ferry.fails(statement)["sql_state"] == state, statement
        ferry.sql(f"ALTER TABLE {place}.later ADD CONSTRAINT k PRIMARY KEY (a) NORELY")
        assert ferry.fails(f"ALTER TABLE {place}.later ADD PRIMARY KEY (a)")["sql_state"] == "42710"
        ferry.sql(f"ALTER TABLE {place}.later ADD CONSTRAINT c CHECK (b > 'a')")
        ferry.sql(f"ALTER TABLE {place}.later DROP CONSTRAINT c")
        ferry.sql(f"ALTER TABLE {place}.later DROP CONSTRAINT k")
        assert ferry.fails(f"ALTER TABLE {place}.later DROP PRIMARY KEY")["sql_state"] == "42704"
        ferry.sql(f"DROP TABLE {place}.later")


class TestDescription:
    def test_as_json(self, ferry, place):
        found = json.loads(ferry.sql(f"DESCRIBE TABLE EXTENDED {place}.people AS JSON").rows[0][0])
        assert (found["catalog_name"], found["schema_name"], found["table_name"]) == (ferry.catalog, place, "people")
        assert found["type"] == "MANAGED" and found["comment"] == "all of them" and found["owner"] == ferry.client_id
        assert found["columns"][0] == {"name": "id", "type": {"name": "string"}, "nullable": False}
        assert found["columns"][1]["type"] == {"name": "map", "key_type": {"name": "string"}, "value_nullable": True, "value_type": {
            "name": "array", "element_type": {"name": "int"}, "element_nullable": True}}
        assert "(people_key,PRIMARY KEY (`id`) RELY)" in found["table_constraints"]
        assert ferry.fails(f"DESCRIBE TABLE {place}.people AS JSON")["sql_state"] == "0A000"
        assert ferry.fails(f"DESCRIBE TABLE EXTENDED {place}.none AS JSON")["sql_state"] == "42P01"

    def test_clustered_by_itself(self, ferry, place):
        def properties():
            return dict(ferry.sql(f"SHOW TBLPROPERTIES {place}.people").rows)
        assert properties()["clusterByAuto"] == "true" and properties()["a"] == "b"
        ferry.sql(f"ALTER TABLE {place}.people CLUSTER BY (city)")
        assert "clusterByAuto" not in properties()
        ferry.sql(f"ALTER TABLE {place}.people CLUSTER BY AUTO")
        assert properties()["clusterByAuto"] == "true"

    def test_comments(self, ferry, place):
        ferry.sql(f"COMMENT ON COLUMN {ferry.catalog}.{place}.people.n IS 'it\\'s a number'")
        ferry.sql(f"ALTER TABLE {place}.people ALTER COLUMN city COMMENT 'where'")
        ferry.sql(f"COMMENT ON TABLE {place}.people IS 'people'")
        assert {r[0]: r[2] for r in ferry.sql(f"DESCRIBE {place}.people").rows[:4]} == {
            "id": None, "kinds": "a, (b)", "n": "it's a number", "city": "where"}


class TestTags:
    def test_set_and_unset(self, ferry, place):
        ferry.sql(f"ALTER TABLE {place}.people SET TAGS ('pii' = 'yes', 'checked')")
        ferry.sql(f"ALTER TABLE {place}.people ALTER COLUMN id SET TAGS ('kind' = 'key')")
        ferry.sql(f"SET TAG ON SCHEMA {place} team = crm")
        ferry.sql(f"ALTER TABLE {place}.people UNSET TAGS ('checked')")
        schema = f"{ferry.catalog}.information_schema"
        assert ferry.sql(f"SELECT table_name, tag_name, tag_value FROM {schema}.table_tags").rows == [["people", "pii", "yes"]]
        assert ferry.sql(f"SELECT column_name, tag_name, tag_value FROM {schema}.column_tags").rows == [["id", "kind", "key"]]
        assert ferry.sql(f"SELECT schema_name, tag_name, tag_value FROM {schema}.schema_tags").rows == [[place, "team", "crm"]]

    def test_refused(self, workspace, ferry, place):
        assert ferry.fails(f"ALTER TABLE {place}.none SET TAGS ('a')")["sql_state"] == "42P01"
        assert ferry.fails(f"ALTER TABLE {place}.people ALTER COLUMN none SET TAGS ('a')")["sql_state"] == "42703"
        assert ferry.fails(f"ALTER TABLE {place}.people SET TAGS (a)")["sql_state"] == "42601"
        assert ferry.fails("ALTER SCHEMA hive_metastore.default SET TAGS ('a')")["sql_state"] == "0AKUC"
        other = workspace.other.with_catalog(ferry.catalog)
        assert other.fails(f"ALTER TABLE {place}.people SET TAGS ('a')")["sql_state"] == "42501"

    def test_a_new_owner(self, workspace, ferry, place):
        ferry.sql(f"CREATE TABLE {place}.given (a INT)")
        ferry.sql(f"ALTER TABLE {place}.given SET OWNER TO `{workspace.other.client_id}`")
        assert ferry.get(f"/api/2.1/unity-catalog/tables/{ferry.catalog}.{place}.given")["owner"] == workspace.other.client_id
        assert "PRINCIPAL_DOES_NOT_EXIST" in ferry.fails(f"ALTER TABLE {place}.people OWNER TO nobody")["message"]


class TestVariant:
    def test_paths(self, ferry):
        assert ferry.sql("SELECT v:a.b[0]::INT, v:`q w`::STRING, v:['a'].b, v:none, j:a.b[1] FROM (SELECT parse_json(t) AS v, t AS j FROM "
                         "VALUES ('{\"a\":{\"b\":[7,8]},\"q w\":\"z\"}') AS x(t))").rows == [["7", "z", "[7,8]", None, "8"]]

    def test_functions(self, ferry):
        assert ferry.sql("SELECT try_variant_get(parse_json('{\"a\":\"x\"}'), '$.a', 'int'), try_parse_json('{'), "
                         "schema_of_variant(parse_json('[1]')), to_json(parse_json('{\"b\":1}'))").rows == [[None, None, "ARRAY<BIGINT>", '{"b":1}']]
        assert ferry.fails("SELECT variant_get(parse_json('{\"a\":\"x\"}'), '$.a', 'int')")["sql_state"] == "22023"
        assert ferry.fails("SELECT parse_json('{')")["sql_state"] == "22023"

    def test_in_a_table_and_in_types(self, ferry, place):
        ferry.sql(f"CREATE TABLE {place}.raw (v VARIANT, s STRUCT<a: INT, b: ARRAY<STRUCT<c: STRING>>>)")
        ferry.sql(f"INSERT INTO {place}.raw SELECT parse_json('{{\"n\":41}}'), NULL")
        assert ferry.sql(f"SELECT v:n::INT + 1 FROM {place}.raw WHERE v:n::INT > 40").rows == [["42"]]
        assert ferry.sql(f"SELECT v:n::INT FROM {place}.raw@v0").rows == []


class TestWhatSparkWritesDifferently:
    def test_merge_clauses_in_any_order_and_stars_with_exceptions(self, ferry, place):
        table = f"{place}.merged"
        ferry.sql(f"CREATE TABLE {table} AS SELECT * FROM VALUES ('a', 1, 'x'), ('z', 2, 'y') AS v(id, n, note)")
        assert ferry.sql(f"MERGE INTO {table} AS t USING (SELECT * FROM VALUES ('a', 5, 'new'), ('b', 6, 'new') AS v(id, n, note)) AS s ON t.id = s.id "
                         "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET note = CASE WHEN t.n > 1 THEN 'left' END "
                         "WHEN NOT MATCHED BY TARGET THEN INSERT * EXCEPT (note) WHEN MATCHED THEN UPDATE SET * EXCEPT (note)").counts == (3, 2, 0, 1)
        assert ferry.sql(f"SELECT * FROM {table} ORDER BY id").rows == [["a", "5", "x"], ["b", "6", None], ["z", "2", "left"]]
        assert ferry.fails(f"MERGE INTO {table} AS t USING {table} AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * EXCEPT (none)")["sql_state"] == "42703"

    def test_show_create_table_can_be_run_again(self, ferry, place):
        told = ferry.sql(f"SHOW CREATE TABLE {place}.people").rows[0][0]
        assert "CONSTRAINT `people_key` PRIMARY KEY (`id`) RELY" in told and "CLUSTER BY AUTO" in told and "'a' = 'b'" in told
        ferry.sql(told.replace("`people`", "`copied`").replace("`lives`", "`lives_too`"))
        assert ferry.sql(f"SHOW CREATE TABLE {place}.copied").rows[0][0].replace("`copied`", "`people`").replace("`lives_too`", "`lives`") == told

    @pytest.mark.parametrize(("table", "definition"), [
        ("kinds", r"""(a TINYINT, d BIGINT NOT NULL COMMENT 'it\'s a \\ "key"
two lines', g DECIMAL(38,18), h STRING DEFAULT 'x\'y', i BINARY, m TIMESTAMP_NTZ, n ARRAY<STRUCT<x: INT, z: MAP<STRING, DECIMAL(5,2)>>>, o VARIANT,
p VARCHAR(10)) COMMENT 'a "table"' TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported', 'my.key' = 'it\'s')"""),
        ("partitioned", "(a INT, `b c` STRING) PARTITIONED BY (a) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"),
        ("checked", "(a INT, b STRING, CONSTRAINT pos CHECK (a > 0))"),
        ("tracked", "(a INT, b STRING) CLUSTER BY (a, b) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'delta.enableRowTracking' = 'true')")])
    def test_show_create_makes_the_same_table(self, ferry, place, table, definition):
        ferry.sql(f"CREATE TABLE {place}.{table} {definition}")
        told = ferry.sql(f"SHOW CREATE TABLE {place}.{table}").rows[0][0]
        ferry.sql(told.replace(f"`{table}`", f"`{table}_again`", 1))
        assert ferry.sql(f"SHOW CREATE TABLE {place}.{table}_again").rows[0][0] == told.replace(f"`{table}`", f"`{table}_again`", 1)
        assert ("VARCHAR(10)" in told) == (table == "kinds")

    def test_show_create_makes_the_same_view(self, ferry, place):
        ferry.sql(f"CREATE VIEW {place}.v1 (x COMMENT 'it\\'s', `y z`) COMMENT 'a \"view\"' AS SELECT 1, 'a' -- one\n WHERE 1 = 1;")
        told = ferry.sql(f"SHOW CREATE TABLE {place}.v1").rows[0][0]
        ferry.sql(told.replace("`v1`", "`v2`", 1))
        assert ferry.sql(f"SHOW CREATE TABLE {place}.v2").rows[0][0] == told.replace("`v1`", "`v2`", 1)
        assert ferry.sql(f"SELECT `y z` FROM {place}.v2").rows == [["a"]]

    @pytest.mark.parametrize("column", ["GENERATED ALWAYS AS IDENTITY", "GENERATED ALWAYS AS (CAST(a AS BIGINT))"])
    def test_generated_columns_are_refused(self, ferry, place, column):
        assert ferry.fails(f"CREATE TABLE {place}.generated (a STRING, b BIGINT {column})")["sql_state"] == "0A000"

    def test_places_and_names_of_this_machine_stay_inside(self, ferry, place):
        detail = ferry.sql(f"DESCRIBE DETAIL {place}.people").dicts[0]
        assert detail["name"] == f"{ferry.catalog}.{place}.people" and detail["location"] == f"managed:/{ferry.catalog}/{place}/people"
        told = dict(r[:2] for r in ferry.sql(f"DESCRIBE SCHEMA {place}").rows)
        assert told["Owner"] == ferry.client_id and "file:" not in told["Location"] and "__" not in told["Location"]
        assert dict(r[:2] for r in ferry.sql(f"DESCRIBE CATALOG {ferry.catalog}").rows)["Catalog Name"] == ferry.catalog

    def test_a_script_of_ddl(self, ferry, place):
        """Each statement as by itself, with its own clauses; the first that fails ends it, and what was made stays."""
        ferry.sql(f"/* two tables */ BEGIN\nCREATE TABLE IF NOT EXISTS {place}.s1 (`id` STRING COMMENT 'it\\'s; END', `n` BIGINT) "
                  f"CLUSTER BY (`id`) COMMENT 'one; two';\nCREATE TABLE IF NOT EXISTS {place}.s2 (`id` STRING) CLUSTER BY (`id`);\nEND")
        detail = ferry.sql(f"DESCRIBE DETAIL {place}.s1").dicts[0]
        assert detail["description"] == "one; two" and "id" in detail["clusteringColumns"]
        assert ferry.sql(f"DESCRIBE TABLE {place}.s1").dicts[0]["comment"] == "it's; END"
        failure = ferry.fails(f"BEGIN CREATE TABLE {place}.s3 (a INT); CREATE TABLE {place}.s1 (a INT); CREATE TABLE {place}.s4 (a INT); END")
        assert failure["sql_state"] == "42P07"
        assert {r[1] for r in ferry.sql(f"SHOW TABLES IN {place}").rows} & {"s1", "s2", "s3", "s4"} == {"s1", "s2", "s3"}

    @pytest.mark.parametrize("statement, code, words", [
        ("BEGIN ATOMIC SELECT 1; END", "0A000", "BEGIN ATOMIC"), ("UNDROP TABLE t", "0A000", "UNDROP"),
        ("SET spark.sql.shuffle.partitions = 7", "42K0I", "CONFIG_NOT_AVAILABLE"), ("CREATE STREAMING TABLE t AS SELECT 1", "0A000", "streaming")])
    def test_refused_in_words(self, ferry, statement, code, words):
        failure = ferry.fails(statement)
        assert failure["sql_state"] == code and words in failure["message"]
