"""The statements by which Lakeferry lands rows, each sent twice and in the wrong order."""
import gzip
import json

import pytest
from caller import text

ROWS = [{"id": f"m{i}", "received_at": "2026-01-02T03:04:05.678901Z", "n": str(9007199254740993 + i), "x": "1.5", "note": None if i % 2 else ""}
        for i in range(1000)]


def ndjson(rows) -> bytes:
    return gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode())


@pytest.fixture
def place(ferry, schema):
    """(schema, folder of a volume in it)"""
    ferry.sql(f"CREATE VOLUME IF NOT EXISTS {schema}.stage")
    return schema, f"/Volumes/{ferry.catalog}/{schema}/stage"


def tracks(ferry, schema, table="tracks") -> str:
    name = f"`{ferry.catalog}`.`{schema}`.`{table}`"
    ferry.sql(f"CREATE TABLE IF NOT EXISTS {name} (`id` STRING COMMENT 'message', `received_at` TIMESTAMP, `n` BIGINT, `x` DOUBLE, "
              "`note` STRING) CLUSTER BY (`received_at`) COMMENT 'events' TBLPROPERTIES ('lakeferry.version' = '1')")
    return name


def copy(table, folder, file, options="'mode' = 'FAILFAST', 'primitivesAsString' = 'true'") -> str:
    return (f"/* lakeferry space=acme run=1 load=1 */\nCOPY INTO {table}\nFROM (SELECT `id`::STRING AS `id`, `received_at`::TIMESTAMP AS "
            f"`received_at`, `n`::BIGINT AS `n`, `x`::DOUBLE AS `x`, `note`::STRING AS `note` FROM '{folder}/1/')\nFILEFORMAT = JSON "
            f"FILES = ('{file}')\nFORMAT_OPTIONS ({options})")


class TestCopyInto:
    def test_each_file_is_loaded_once(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        assert ferry.put(f"{folder}/1/tracks-0001.json.gz", ndjson(ROWS)).status_code == 204
        first = ferry.sql(copy(table, folder, "tracks-0001.json.gz"))
        assert first.columns == ["num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"]
        assert first.counts == (1000, 1000, 0)
        assert ferry.sql(copy(table, folder, "tracks-0001.json.gz")).counts == (0, 0, 0)
        # A file that changed under its name is not read again either.
        ferry.put(f"{folder}/1/tracks-0001.json.gz", ndjson(ROWS[:3]))
        assert ferry.sql(copy(table, folder, "tracks-0001.json.gz")).counts == (0, 0, 0)
        assert ferry.sql(f"SELECT count(*) FROM {table}").rows == [["1000"]]

    def test_values_arrive_exactly(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        ferry.put(f"{folder}/1/a.json.gz", ndjson(ROWS[:2]))
        ferry.sql(copy(table, folder, "a.json.gz"))
        assert ferry.sql(f"SELECT n, unix_micros(received_at), received_at, x, note FROM {table} ORDER BY id").rows == [
            ["9007199254740993", "1767323045678901", "2026-01-02T03:04:05.678Z", "1.5", ""],
            ["9007199254740994", "1767323045678901", "2026-01-02T03:04:05.678Z", "1.5", None]]

    def test_force_loads_again_and_a_replaced_table_has_forgotten(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        ferry.put(f"{folder}/1/a.json.gz", ndjson(ROWS[:2]))
        assert ferry.sql(copy(table, folder, "a.json.gz")).counts == (2, 2, 0)
        assert ferry.sql(copy(table, folder, "a.json.gz") + " COPY_OPTIONS ('force' = 'true')").counts == (2, 2, 0)
        ferry.sql(f"DROP TABLE {table}")
        tracks(ferry, schema)
        assert ferry.sql(copy(table, folder, "a.json.gz")).counts == (2, 2, 0)

    def test_names_with_every_kind_of_escape(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        name = "it's ${odd}\u00e9 & 100%.json.gz"
        ferry.put(f"{folder}/1/it's%20%24%7Bodd%7D%C3%A9%20&%20100%25.json.gz", ndjson(ROWS[:2]))
        escaped = name.replace("'", "\\'").replace("$", "\\u0024")
        assert ferry.sql(copy(table, folder, escaped)).counts == (2, 2, 0)
        assert ferry.sql(copy(table, folder, escaped)).counts == (0, 0, 0)

    def test_a_whole_folder_skips_hidden_files(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        for name in ("a.json.gz", "b.json.gz", "_hidden.json.gz", ".also.json.gz"):
            ferry.put(f"{folder}/1/{name}", ndjson(ROWS[:2]))
        whole = copy(table, folder, "x").replace("FILES = ('x')\n", "")
        assert ferry.sql(whole).counts == (4, 4, 0)
        ferry.put(f"{folder}/1/c.json.gz", ndjson(ROWS[:2]))
        assert ferry.sql(whole).counts == (2, 2, 0)
        assert ferry.sql(whole.replace("FORMAT_OPTIONS", "PATTERN = 'zz*' FORMAT_OPTIONS")).counts == (0, 0, 0)

    def test_two_at_once_into_one_table_load_both_once(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        for name in "ab":
            ferry.put(f"{folder}/1/{name}.json.gz", ndjson(ROWS[:5]))
        ids = [ferry.submit(copy(table, folder, f"{name}.json.gz"))["statement_id"] for name in "abab"]
        assert sorted(int(ferry.wait(i)["result"]["data_array"][0][0]) for i in ids) == [0, 0, 5, 5]
        assert ferry.sql(f"SELECT count(*) FROM {table}").rows == [["10"]]

    def test_a_bad_line_fails_and_nothing_is_loaded(self, ferry, place):
        schema, folder = place
        table = tracks(ferry, schema)
        ferry.put(f"{folder}/1/bad.json.gz", gzip.compress(b'{"id":"a","received_at":null,"n":null,"x":null,"note":null}\n{"id": \n'))
        ferry.fails(copy(table, folder, "bad.json.gz"))
        ferry.put(f"{folder}/1/cast.json.gz", ndjson([ROWS[0] | {"n": "many"}]))
        failure = ferry.fails(copy(table, folder, "cast.json.gz"))
        assert failure["sql_state"] == "22018" and "CAST_INVALID_INPUT" in failure["message"]
        assert ferry.sql(f"SELECT count(*) FROM {table}").rows == [["0"]]

    def test_a_file_that_is_missing(self, ferry, place):
        schema, folder = place
        failure = ferry.fails(copy(tracks(ferry, schema), folder, "none.json.gz"))
        assert failure["sql_state"] == "42K03" and f"dbfs:{folder}/1/none.json.gz" in failure["message"]

    def test_a_table_that_is_missing(self, ferry, place):
        schema, folder = place
        ferry.put(f"{folder}/1/a.json.gz", ndjson(ROWS[:1]))
        failure = ferry.fails(copy(f"{schema}.nowhere", folder, "a.json.gz"))
        assert failure["sql_state"] == "42P01"

    @pytest.mark.parametrize("wrong", ["FROM 'x'", "FROM (SELECT 1) FILEFORMAT = JSON", "FILEFORMAT = JSON", "FROM '/Volumes/a/b/c/' FILEFORMAT"])
    def test_statements_that_are_not_whole(self, ferry, wrong):
        assert ferry.fails(f"COPY INTO nowhere {wrong}")["sql_state"] == "42601"

    def test_more_names_than_allowed(self, ferry, place):
        schema, folder = place
        names = "', '".join(f"{i}.json" for i in range(1001))
        assert ferry.fails(copy(tracks(ferry, schema), folder, names))["sql_state"] == "54000"


INLINE = "SELECT inline(from_json(:rows, 'array<struct<id STRING, received_at TIMESTAMP, n BIGINT, x DOUBLE, note STRING>>'))"


class TestInlineRows:
    def test_insert_only_merge_twice(self, ferry, schema):
        table = tracks(ferry, schema)
        statement = (f"MERGE INTO {table} AS t USING ({INLINE}) AS s ON t.id = s.id AND t.received_at >= CAST(:since AS TIMESTAMP) "
                     "WHEN NOT MATCHED THEN INSERT (id, received_at, n, x, note) VALUES (s.id, s.received_at, s.n, s.x, s.note)")
        given = [text("rows", json.dumps([{"id": "a", "received_at": "2026-01-02T03:04:05.678901Z", "n": 9007199254740993, "x": 1e300, "note": ""}])),
                 text("since", "2026-01-01T00:00:00Z")]
        first = ferry.sql(statement, given)
        assert first.columns == ["num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"]
        assert first.counts == (1, 0, 0, 1)
        assert ferry.sql(statement, given).counts == (0, 0, 0, 0)
        assert ferry.sql(f"SELECT n, x, note FROM {table}").rows == [["9007199254740993", "1.0E300", ""]]

    def test_a_quarter_of_a_million_characters_in_a_parameter(self, ferry, schema):
        table = tracks(ferry, schema)
        rows = [{"id": f"m{i}", "note": "x" * 500} for i in range(500)]
        assert ferry.sql(f"INSERT INTO {table} BY NAME {INLINE}", [text("rows", json.dumps(rows))]).counts == (500, 500)

    def test_malformed_input_shows_in_the_counts_only(self, ferry, schema):
        table = tracks(ferry, schema)
        assert ferry.sql(f"INSERT INTO {table} BY NAME {INLINE}", [text("rows", "[{")]).counts in ((0, 0), (1, 1))


COLUMNS = "canonical_segment_id STRING, name STRING, value STRING, seq BIGINT, _op STRING"
FENCED = """/* lakeferry space=acme run={run} load={load} */
MERGE INTO {table} AS t USING (
  SELECT r.* FROM {source} AS r
  WHERE (SELECT coalesce(max(load_seq), 0) FROM {fences} WHERE table_name = 'user_traits') < CAST(:load AS BIGINT)
) AS s
ON t.canonical_segment_id = s.canonical_segment_id AND t.name = s.name AND t.canonical_segment_id BETWEEN :lo AND :hi
WHEN MATCHED AND s._op = 'delete' AND t.seq < s.seq THEN DELETE
WHEN MATCHED AND s._op <> 'delete' AND t.seq < s.seq THEN UPDATE SET value = s.value, seq = s.seq
WHEN NOT MATCHED AND s._op <> 'delete' THEN INSERT (canonical_segment_id, name, value, seq)
  VALUES (s.canonical_segment_id, s.name, s.value, s.seq)"""


class Fenced:
    """user_traits with its fence, loaded from a parameter or from a staged file."""

    def __init__(self, ferry, schema, folder=None):
        self.ferry, self.folder = ferry, folder
        self.table, self.fences = f"`{ferry.catalog}`.`{schema}`.`user_traits`", f"`{ferry.catalog}`.`{schema}`.`_lakeferry_loads`"
        ferry.sql(f"CREATE TABLE {self.table} (canonical_segment_id STRING, name STRING, value STRING, seq BIGINT) "
                  "CLUSTER BY (canonical_segment_id, name)")
        ferry.sql(f"CREATE TABLE IF NOT EXISTS {self.fences} (table_name STRING, load_seq BIGINT)")

    def load(self, load: int, rows: list) -> tuple:
        given = [text("load", load), text("lo", "a"), text("hi", "z")]
        if self.folder:
            path = f"{self.folder}/user_traits-{load:04d}.json.gz"
            self.ferry.put(path, ndjson(rows))
            source = f"read_files('{path}', format => 'json', mode => 'FAILFAST', schema => '{COLUMNS}', schemaEvolutionMode => 'none')"
        else:
            source = f"(SELECT inline(from_json(:rows, 'array<struct<{COLUMNS}>>')))"
            given.append(text("rows", json.dumps(rows)))
        return self.ferry.sql(FENCED.format(table=self.table, fences=self.fences, source=source, run=1, load=load), given).counts

    def raise_fence(self, load: int) -> tuple:
        return self.ferry.sql(
            f"MERGE INTO {self.fences} AS t USING (SELECT 'user_traits' AS table_name, CAST(:load AS BIGINT) AS load_seq) AS s "
            "ON t.table_name = s.table_name WHEN MATCHED AND t.load_seq < s.load_seq THEN UPDATE SET load_seq = s.load_seq "
            "WHEN NOT MATCHED THEN INSERT (table_name, load_seq) VALUES (s.table_name, s.load_seq)", [text("load", load, "BIGINT")]).counts

    def rows(self):
        return self.ferry.sql(f"SELECT canonical_segment_id, name, value, seq FROM {self.table} ORDER BY ALL").rows


def trait(who, name, value, seq, op="upsert"):
    return {"canonical_segment_id": who, "name": name, "value": value, "seq": seq, "_op": op}


@pytest.mark.parametrize("way", ["parameter", "file"])
class TestFencedMerge:
    @pytest.fixture
    def fenced(self, ferry, place, way):
        return Fenced(ferry, place[0], place[1] if way == "file" else None)

    def test_twice_and_a_zombie(self, fenced):
        first = [trait("ann", "plan", "free", 1), trait("bob", "plan", "pro", 2)]
        assert fenced.load(1, first) == (2, 0, 0, 2)
        assert fenced.load(1, first) == (0, 0, 0, 0)
        assert fenced.raise_fence(1) == (1, 0, 0, 1)
        assert fenced.load(2, [trait("ann", "plan", None, 3, "delete"), trait("bob", "plan", "team", 4)]) == (2, 1, 1, 0)
        assert fenced.raise_fence(2) == (1, 1, 0, 0)
        # The first load arrives once more, after its successor: without the fence it would bring ann back.
        assert fenced.load(1, first) == (0, 0, 0, 0)
        assert fenced.raise_fence(1) == (0, 0, 0, 0)
        assert fenced.rows() == [["bob", "plan", "team", "4"]]

    def test_an_older_row_changes_nothing(self, fenced):
        fenced.load(1, [trait("ann", "plan", "pro", 9)])
        assert fenced.load(2, [trait("ann", "plan", "free", 5)]) == (0, 0, 0, 0)
        assert fenced.load(3, [trait("ann", "plan", "free", 5, "delete")]) == (0, 0, 0, 0)
        assert fenced.rows() == [["ann", "plan", "pro", "9"]]

    def test_two_source_rows_for_one_key(self, fenced):
        fenced.load(1, [trait("ann", "plan", "pro", 1)])
        with pytest.raises(AssertionError, match="DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE") as caught:
            fenced.load(2, [trait("ann", "plan", "a", 2), trait("ann", "plan", "b", 3)])
        assert caught.value.status["sql_state"] == "21506"


def test_all_fences_in_one_statement(ferry, schema):
    fenced = Fenced(ferry, schema)
    statement = (f"MERGE INTO {fenced.fences} AS t USING (SELECT * FROM VALUES ('tracks', CAST(3 AS BIGINT)), ('user_traits', CAST(4 AS BIGINT)) "
                 "AS v(table_name, load_seq)) AS s ON t.table_name = s.table_name WHEN MATCHED AND t.load_seq < s.load_seq THEN UPDATE SET load_seq = s.load_seq "
                 "WHEN NOT MATCHED THEN INSERT (table_name, load_seq) VALUES (s.table_name, s.load_seq)")
    assert ferry.sql(statement).counts == (2, 0, 0, 2)
    assert ferry.sql(statement).counts == (0, 0, 0, 0)


def test_a_conflict_is_told_by_its_sqlstate(ferry, schema):
    """Six MERGEs into one small table at once: some win, the others lose with 2D521 and change nothing."""
    fenced = Fenced(ferry, schema)
    fenced.load(1, [trait(w, "n", "0", 1) for w in ("a", "b", "c", "d", "e", "f")])
    ids = [ferry.submit(f"MERGE INTO {fenced.table} AS t USING (SELECT '{w}' AS id) AS s ON t.canonical_segment_id = s.id "
                        "WHEN MATCHED THEN UPDATE SET value = '1', seq = t.seq + 1")["statement_id"] for w in "abcdef"]
    ends = [ferry.wait(i) for i in ids]
    won = [e for e in ends if e["status"]["state"] == "SUCCEEDED"]
    lost = [e for e in ends if e["status"]["state"] == "FAILED"]
    assert won and len(won) + len(lost) == 6
    assert all(e["status"]["sql_state"] == "2D521" for e in lost)
    assert [r[3] for r in fenced.rows()].count("2") == len(won)


def test_a_parser_of_the_databricks_dialect_agrees(ferry):
    """A second opinion: what runs here is Databricks SQL for somebody else too. (read_files' arrows and CLUSTER BY included.)"""
    sqlglot = pytest.importorskip("sqlglot")
    table = "`c`.`s`.`tracks`"
    statements = [copy(table, "/Volumes/c/s/stage", "a.json.gz"), "CREATE SCHEMA IF NOT EXISTS `c`.`s` COMMENT 'x'",
                  f"CREATE TABLE IF NOT EXISTS {table} (`id` STRING COMMENT 'm', `n` BIGINT) CLUSTER BY (`id`) COMMENT 'events'",
                  f"ALTER TABLE {table} ADD COLUMNS (`a` STRING COMMENT 'x', `b` BIGINT)"]
    for source in ("(SELECT inline(from_json(:rows, 'array<struct<a STRING>>')))",
                   "read_files('/Volumes/x', format => 'json', schema => 'a STRING', schemaEvolutionMode => 'none')"):
        statements.append(FENCED.format(table="`c`.`s`.`t`", fences="`c`.`s`.`f`", source=source, run=1, load=2))
    for statement in statements:
        parsed = sqlglot.parse(statement, read="databricks")
        assert len(parsed) == 1 and not isinstance(parsed[0], sqlglot.exp.Command), statement


COPY_FAULTS = {
    "FILEFORMAT = JSON FORMAT_OPTIONS ('nope' = '1')": ("42000", "nope"),
    "FILEFORMAT = CSV FORMAT_OPTIONS ('primitivesAsString' = 'true')": ("42000", "primitivesAsString"),
    "FILEFORMAT = JSON COPY_OPTIONS ('overwrite' = 'true')": ("42000", "overwrite"),
    "FILEFORMAT = JSON COPY_OPTIONS ('force' = 'perhaps')": ("22023", "force"),
    "FILEFORMAT = JSON FORMAT_OPTIONS ('rescuedDataColumn' = '_r')": ("0A000", "rescuedDataColumn"),
    "FILEFORMAT = DELTA": ("0A000", "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED"),
    "FILEFORMAT = JSON FILES = ('a') PATTERN = 'b'": ("42601", "PATTERN"),
    "FILEFORMAT = JSON FILEFORMAT = CSV": ("42601", "FILEFORMAT"),
    "VALIDATE ALL": ("0A000", "VALIDATE"),
}


def test_clauses_of_copy_into_that_are_wrong(ferry, place):
    schema, folder = place
    for clauses, (state, word) in COPY_FAULTS.items():
        failure = ferry.fails(f"COPY INTO {schema}.nowhere FROM '{folder}/' {clauses}")
        assert failure["sql_state"] == state and word in failure["message"], clauses


def test_patterns_of_copy_into(ferry, place):
    schema, folder = place
    table = tracks(ferry, schema)
    for name in ("a-1.json", "a-2.json", "b-1.json", "in/a-3.json"):
        ferry.put(f"{folder}/1/{name}", "".join(json.dumps(r) + "\n" for r in ROWS[:1]).encode())
    whole = copy(table, folder, "x").replace("FILES = ('x')", "PATTERN = '{}'")
    for pattern, files in (("{c,d}*.json", 0), ("[!a]-?.json", 1), ("{a,b}-1.json", 1), ("in/*", 1), ("*.json", 1)):
        assert ferry.sql(whole.replace("{}", pattern)).counts[0] == files, pattern
