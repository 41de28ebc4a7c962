"""Parquet files with typed columns, as Lakeferry stages them: COPY INTO and read_files, and what either says of files that are not as they
should be."""
import datetime as dt

import pyarrow as pa
import pytest
from pyarrow import parquet

T0 = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
COLUMNS = {"id": "STRING", "n": "BIGINT", "x": "DOUBLE", "b": "BOOLEAN", "ts": "TIMESTAMP", "_rescued_data": "STRING"}
GOOD = pa.table({"id": ["it's \u00e9", ""], "n": pa.array([-9223372036854775808, None], pa.int64()), "x": pa.array([0.1, None], pa.float64()),
                 "b": pa.array([True, None], pa.bool_()), "ts": pa.array([T0, None], pa.timestamp("us", "UTC")),
                 "_rescued_data": pa.array(['{"q":1}', None], pa.string())})
READ = [["", None, None, None, None, None], ["it's \u00e9", "-9223372036854775808", "0.1", "true", "1767323045678901", '{"q":1}']]
SCHEMA = ", ".join(f"`{c}` {t}" for c, t in COLUMNS.items())
SHOWN = "SELECT id, n, x, b, unix_micros(ts), _rescued_data"


def bytes_of(table: pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue().to_pybytes()


def changed(column: str, values: list, kind: pa.DataType) -> bytes:
    return bytes_of(GOOD.set_column(GOOD.schema.get_field_index(column), column, pa.array(values, kind)))


WHOLE = bytes_of(GOOD)
FOOTER, MISMATCH = "FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER", "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH"
# name: (content, error class of COPY INTO, SQLSTATE, a word of it; the same of read_files, where it has no schema of its own to find out)
BROKEN = {
    "cut": (WHOLE[:len(WHOLE) // 2], FOOTER, "FAILED_READ_FILE"),
    "cut_late": (WHOLE[:-4], FOOTER, "FAILED_READ_FILE"),
    "json": (b'{"id": "a"}\n' * 50, FOOTER, "FAILED_READ_FILE"),
    "damaged": (WHOLE[:20] + bytes(40) + WHOLE[60:], "FAILED_READ_FILE", "FAILED_READ_FILE"),
}


@pytest.fixture
def place(ferry, schema):
    """(table, folder of a volume)"""
    ferry.sql(f"CREATE VOLUME IF NOT EXISTS {schema}.stage")
    table = f"`{ferry.catalog}`.`{schema}`.`tracks`"
    ferry.sql(f"CREATE TABLE {table} ({SCHEMA}) CLUSTER BY (ts)")
    return table, f"/Volumes/{ferry.catalog}/{schema}/stage"


def put(ferry, folder: str, name: str, data: bytes):
    assert ferry.put(f"{folder}/{name}", data).status_code == 204


def copy(table: str, folder: str, *names: str, more: str = "") -> str:
    listed = ", ".join(f"CAST(`{c}` AS {t}) AS `{c}`" for c, t in COLUMNS.items())
    files = ", ".join(f"'{n}'" for n in names)
    return f"COPY INTO {table} FROM (SELECT {listed} FROM '{folder}') FILEFORMAT = PARQUET FILES = ({files}){more}"


def files(folder: str, name: str, schema: str = SCHEMA) -> str:
    return f"read_files('{folder}/{name}', format => 'parquet', schema => '{schema}', schemaEvolutionMode => 'none')"


class TestCopyInto:
    def test_values_arrive_exactly(self, ferry, place):
        table, folder = place
        put(ferry, folder, "a.parquet", WHOLE)
        assert ferry.sql(copy(table, folder, "a.parquet")).counts == (2, 2, 0)
        assert ferry.sql(f"{SHOWN} FROM {table} ORDER BY id").rows == READ

    def test_several_files_each_once(self, ferry, place):
        table, folder = place
        for name in ("a", "b", "empty"):
            put(ferry, folder, f"{name}.parquet", bytes_of(GOOD.slice(0, 0)) if name == "empty" else WHOLE)
        assert ferry.sql(copy(table, folder, "a.parquet")).counts == (2, 2, 0)
        assert ferry.sql(copy(table, folder, "a.parquet", "b.parquet", "empty.parquet")).counts == (2, 2, 0)
        put(ferry, folder, "a.parquet", bytes_of(GOOD.slice(0, 1)))  # a name that was seen is not looked into again
        assert ferry.sql(copy(table, folder, "a.parquet", "b.parquet")).counts == (0, 0, 0)
        assert ferry.sql(copy(table, folder, "a.parquet", more=" COPY_OPTIONS ('force' = 'true')")).counts == (1, 1, 0)

    @pytest.mark.parametrize("name", BROKEN)
    def test_a_broken_file_loads_nothing_and_is_not_remembered(self, ferry, place, name):
        table, folder = place
        put(ferry, folder, "good.parquet", WHOLE)
        put(ferry, folder, "bad.parquet", BROKEN[name][0])
        for named in (["bad.parquet"], ["good.parquet", "bad.parquet"]):
            failure = ferry.fails(copy(table, folder, *named))
            assert failure["sql_state"] == "KD001" and BROKEN[name][1] in failure["message"], failure
            assert f"dbfs:{folder}/bad.parquet" in failure["message"]
        assert ferry.sql(f"SELECT count(*) FROM {table}").rows == [["0"]]
        put(ferry, folder, "bad.parquet", WHOLE)
        assert ferry.sql(copy(table, folder, "good.parquet", "bad.parquet")).counts == (4, 4, 0)

    def test_a_missing_column(self, ferry, place):
        table, folder = place
        put(ferry, folder, "a.parquet", bytes_of(GOOD.drop_columns(["n"])))
        failure = ferry.fails(copy(table, folder, "a.parquet"))
        assert failure["sql_state"] == "42703" and "[UNRESOLVED_COLUMN.WITH_SUGGESTION]" in failure["message"] and "`n`" in failure["message"]

    def test_a_column_that_one_of_several_files_lacks_is_null(self, ferry, place):
        table, folder = place
        put(ferry, folder, "a.parquet", WHOLE)
        put(ferry, folder, "b.parquet", bytes_of(GOOD.drop_columns(["n"])))
        assert ferry.sql(copy(table, folder, "a.parquet", "b.parquet", more=" FORMAT_OPTIONS ('mergeSchema' = 'true')")).counts == (4, 4, 0)
        assert ferry.sql(f"SELECT count(n), count(*) FROM {table}").rows == [["1", "4"]]

    def test_types_that_are_cast_and_types_that_cannot_be(self, ferry, place):
        table, folder = place
        put(ferry, folder, "narrow.parquet", changed("n", [1, 2], pa.int32()))
        put(ferry, folder, "text.parquet", changed("n", ["3", " 4 "], pa.string()))
        assert ferry.sql(copy(table, folder, "narrow.parquet")).counts == (2, 2, 0)
        assert ferry.sql(copy(table, folder, "text.parquet")).counts == (2, 2, 0)
        assert ferry.sql(f"SELECT n FROM {table} ORDER BY n").rows == [["1"], ["2"], ["3"], ["4"]]
        put(ferry, folder, "many.parquet", changed("n", ["3", "many"], pa.string()))
        failure = ferry.fails(copy(table, folder, "many.parquet"))
        assert failure["sql_state"] == "22018" and "[CAST_INVALID_INPUT]" in failure["message"] and "'many'" in failure["message"]
        put(ferry, folder, "bytes.parquet", changed("x", [b"a", b"b"], pa.binary()))
        failure = ferry.fails(copy(table, folder, "bytes.parquet"))
        assert failure["sql_state"] == "42K09" and "[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION]" in failure["message"], failure
        assert ferry.sql(f"SELECT count(*) FROM {table} WHERE n > 2").rows == [["2"]]

    def test_files_of_different_types_in_one_statement(self, ferry, place):
        table, folder = place
        put(ferry, folder, "a.parquet", WHOLE)
        put(ferry, folder, "b.parquet", changed("n", ["3", "4"], pa.string()))
        failure = ferry.fails(copy(table, folder, "a.parquet", "b.parquet"))
        assert failure["sql_state"] == "KD001" and "Parquet column [n]" in failure["message"] and MISMATCH in failure["message"]
        assert ferry.sql(f"SELECT count(*) FROM {table}").rows == [["0"]]

    @pytest.mark.parametrize("rows", [10, 4000])
    def test_small_and_large_ones_alike(self, ferry, place, rows):
        """Spark interprets the plan for a few rows and compiles it for many."""
        table, folder = place
        put(ferry, folder, "a.parquet", bytes_of(pa.table({
            "id": [f"{i:064}" for i in range(rows)], "n": pa.array(range(rows), pa.int64()), "x": [i / 3 for i in range(rows)],
            "b": [i % 2 == 0 for i in range(rows)],
            "ts": pa.array([T0 + dt.timedelta(microseconds=i) for i in range(rows)], pa.timestamp("us", "UTC")),
            "_rescued_data": [f'{{"q":"{i * 7919 * 104729}"}}' for i in range(rows)]})))
        assert ferry.sql(copy(table, folder, "a.parquet")).counts == (rows, rows, 0)
        assert ferry.sql(f"SELECT count(DISTINCT id), sum(n), count_if(b), max(unix_micros(ts)), count(_rescued_data) FROM {table}").rows == [
            [str(rows), str(rows * (rows - 1) // 2), str(rows // 2), str(1767323045678901 + rows - 1), str(rows)]]


class TestReadFiles:
    def test_a_merge_from_several_files(self, ferry, place):
        table, folder = place
        for part in (1, 2):
            rows = GOOD.slice(0, 1).set_column(0, "id", pa.array([f"p{part}"])).append_column("_op", pa.array(["u"]))
            put(ferry, folder, f"load-1-{part}.parquet", bytes_of(rows))
        put(ferry, folder, "load-2-1.parquet", WHOLE)
        source = files(folder, "load-1-*.parquet", f"_op STRING, {SCHEMA}")
        statement = (f"MERGE INTO {table} AS t USING (SELECT * FROM {source}) AS s ON t.id = s.id "
                     "WHEN MATCHED AND s._op = 'd' THEN DELETE WHEN MATCHED AND t.n < s.n THEN UPDATE SET n = s.n "
                     "WHEN NOT MATCHED AND s._op = 'u' THEN "
                     "INSERT (id, n, x, b, ts, _rescued_data) VALUES (s.id, s.n, s.x, s.b, s.ts, s._rescued_data)")
        assert ferry.sql(statement).counts == (2, 0, 0, 2)
        assert ferry.sql(statement).counts == (0, 0, 0, 0)
        assert ferry.sql(f"{SHOWN} FROM {table} ORDER BY id").rows == [[f"p{part}", *READ[1][1:]] for part in (1, 2)]

    def test_the_schema_decides(self, ferry, place):
        _, folder = place
        put(ferry, folder, "a.parquet", WHOLE)
        assert ferry.sql(f"{SHOWN} FROM {files(folder, 'a.parquet')} ORDER BY id").rows == READ
        some = files(folder, "a.parquet", "absent BIGINT, _rescued_data STRING, ID STRING")
        assert ferry.sql(f"SELECT * FROM {some} ORDER BY 3").rows == [[None, None, ""], [None, '{"q":1}', "it's \u00e9"]]
        put(ferry, folder, "narrow.parquet", changed("n", [1, 2], pa.int32()))
        assert ferry.sql(f"SELECT n FROM {files(folder, 'narrow.parquet', 'n BIGINT')} ORDER BY n").rows == [["1"], ["2"]]

    @pytest.mark.parametrize(("wanted", "code", "word"), [
        ("n STRING", "KD001", MISMATCH), ("n INT", "KD001", MISMATCH), ("id BIGINT", "KD001", MISMATCH), ("ts BIGINT", None, None),
        ("id STRING,, n BIGINT", "42601", "PARSE_SYNTAX_ERROR"), ("id TEXT", "0A000", "UNSUPPORTED_DATATYPE"),
        ("id STRING, ID STRING", "42711", "COLUMN_ALREADY_EXISTS")])
    def test_a_schema_that_does_not_fit(self, ferry, place, wanted, code, word):
        _, folder = place
        put(ferry, folder, "a.parquet", WHOLE)
        statement = f"SELECT * FROM {files(folder, 'a.parquet', wanted)}"
        if code is None:  # micros since 1970 are what the file holds
            assert ferry.sql(statement + " ORDER BY ts").rows == [[None], ["1767323045678901"]]
            return
        failure = ferry.fails(statement)
        assert failure["sql_state"] == code and word in failure["message"], failure

    @pytest.mark.parametrize("name", BROKEN)
    def test_a_broken_file(self, ferry, place, name):
        table, folder = place
        put(ferry, folder, "load-1-1.parquet", WHOLE)
        put(ferry, folder, "load-1-2.parquet", BROKEN[name][0])
        failure = ferry.fails(f"INSERT INTO {table} SELECT * FROM {files(folder, 'load-1-*.parquet')}")
        assert failure["sql_state"] == "KD001" and BROKEN[name][2] in failure["message"] and f"dbfs:{folder}/load-1-2.parquet" in failure["message"]
        assert ferry.sql(f"SELECT count(*) FROM {table}").rows == [["0"]]

    def test_nothing_there(self, ferry, place):
        _, folder = place
        for name in ("none.parquet", "none-*.parquet"):
            failure = ferry.fails(f"SELECT * FROM {files(folder, name)}")
            assert failure["sql_state"] == "42K03" and "[PATH_NOT_FOUND]" in failure["message"] and f"dbfs:{folder}/{name}" in failure["message"]
