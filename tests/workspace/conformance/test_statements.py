"""The life of a statement: waiting, polling, parameters, results, chunks, links, cancelling, expiry, history."""
import base64
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from caller import SQL, text, until


class TestWaiting:
    def test_zero_seconds_never_answers_with_an_end(self, workspace):
        reply = workspace.lakeferry.submit("SELECT 1")
        assert reply["status"] == {"state": "PENDING"} and set(reply) == {"statement_id", "status"}
        assert workspace.lakeferry.wait(reply["statement_id"])["status"] == {"state": "SUCCEEDED"}

    def test_waiting_answers_with_the_result(self, workspace):
        reply = workspace.lakeferry.post(SQL + "/statements/", {"statement": "SELECT 1 AS a", "warehouse_id": "w1"})  # 10 s by default
        assert reply["status"]["state"] == "SUCCEEDED" and reply["result"]["data_array"] == [["1"]]

    @pytest.mark.parametrize("wait", ["4s", "51s", "1m", "", "10", 10, "-5s"])
    def test_other_waits_are_refused(self, workspace, wait):
        assert workspace.lakeferry.submit("SELECT 1", 400, wait_timeout=wait)["error_code"] == "INVALID_PARAMETER_VALUE"

    def waiting(self, workspace, comment, **body) -> dict:
        """A statement that hangs, submitted with a wait of 50 s; the answer when the workspace's clock has passed them."""
        workspace.fault(kind="hang", sql=comment, seconds=3600)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(workspace.lakeferry.submit, f"SELECT 1 /* {comment} */", wait_timeout="50s", **body)
            until(lambda: any(s["status"] == "RUNNING" for s in workspace.admin.get("/api/2.0/sql/history/queries")["res"]
                              if comment in s["query_text"]))
            assert not answer.done()
            workspace.advance(51)
            return answer.result()

    def test_the_wait_runs_out(self, workspace):
        reply = self.waiting(workspace, "long one", on_wait_timeout="CONTINUE")
        assert reply["status"] == {"state": "RUNNING"}
        workspace.advance(3600)
        assert workspace.lakeferry.wait(reply["statement_id"])["status"]["state"] == "SUCCEEDED"

    def test_the_wait_ends_the_statement(self, workspace):
        assert self.waiting(workspace, "short of patience", on_wait_timeout="CANCEL")["status"] == {"state": "CANCELED"}

    def test_what_to_do_after_no_wait_means_nothing(self, workspace):
        sid = workspace.lakeferry.submit("SELECT 1", wait_timeout="0s", on_wait_timeout="CANCEL")["statement_id"]
        assert workspace.lakeferry.wait(sid)["status"]["state"] == "SUCCEEDED"


class TestShapes:
    def test_a_select(self, ferry):
        reply = ferry.run("SELECT 1L AS a, CAST(NULL AS STRING) AS b, CAST(1.5 AS DECIMAL(7,2)) AS c")
        manifest = reply["manifest"]
        assert manifest["format"] == "JSON_ARRAY" and manifest["truncated"] is False
        assert manifest["schema"]["columns"] == [
            {"name": "a", "position": 0, "type_name": "LONG", "type_text": "BIGINT"},
            {"name": "b", "position": 1, "type_name": "STRING", "type_text": "STRING"},
            {"name": "c", "position": 2, "type_name": "DECIMAL", "type_text": "DECIMAL(7,2)", "type_precision": 7, "type_scale": 2}]
        assert manifest["total_chunk_count"] == 1 and manifest["total_row_count"] == 1
        assert manifest["chunks"][0]["row_count"] == 1 and manifest["chunks"][0]["byte_count"] == manifest["total_byte_count"] > 0
        assert reply["result"]["data_array"] == [["1", None, "1.50"]]

    def test_ddl(self, ferry, schema):
        reply = ferry.run(f"CREATE TABLE {schema}.t (a INT)")
        assert reply["manifest"]["schema"] == {"column_count": 0} and reply["result"] == {}
        assert reply["manifest"]["total_chunk_count"] == 0 and reply["manifest"]["total_row_count"] == 0

    def test_counts_of_dml(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a INT, b STRING)")
        insert = ferry.sql(f"INSERT INTO {schema}.t VALUES (1, 'x'), (2, 'y'), (3, 'z')")
        assert insert.columns == ["num_affected_rows", "num_inserted_rows"] and insert.rows == [["3", "3"]]
        update = ferry.sql(f"UPDATE {schema}.t SET b = 'w' WHERE a > 1")
        assert update.columns == ["num_affected_rows"] and update.rows == [["2"]]
        assert ferry.sql(f"DELETE FROM {schema}.t WHERE a = 1").dicts == [{"num_affected_rows": "1"}]
        assert ferry.sql(f"INSERT INTO {schema}.t SELECT * FROM {schema}.t WHERE a = 99").rows == [["0", "0"]]

    def test_cells(self, ferry):
        row = ferry.sql("SELECT true, '', CAST('2021-01-01T10:00:00.123456Z' AS TIMESTAMP), DATE'2021-02-03', X'0102', array(1, 2), map('k', 'v'), "
                        "named_struct('a', 1, 'b', NULL), CAST('NaN' AS DOUBLE), parse_json('{\"a\": [1]}'), CAST(5 AS TINYINT), "
                        "TIMESTAMP_NTZ'2021-01-01 10:00:00'")
        assert row.rows == [["true", "", "2021-01-01T10:00:00.123Z", "2021-02-03", "AQI=", "[1,2]", '{"k":"v"}', '{"a":1}', "NaN",
                             '{"a":[1]}', "5", "2021-01-01T10:00:00.000"]]
        assert [c["type_name"] for c in row.reply["manifest"]["schema"]["columns"]] == [
            "BOOLEAN", "STRING", "TIMESTAMP", "DATE", "BINARY", "ARRAY", "MAP", "STRUCT", "DOUBLE", "VARIANT", "BYTE", "TIMESTAMP_NTZ"]

    def test_nested_types_in_words(self, ferry):
        columns = ferry.run("SELECT array(1) AS a, map('k', 'v') AS m, named_struct('street', 'x') AS s, NULL AS n, "
                            "INTERVAL '1' DAY AS i")["manifest"]["schema"]["columns"]
        assert [c["type_text"] for c in columns] == ["ARRAY<INT>", "MAP<STRING, STRING>", "STRUCT<street: STRING>", "VOID", "INTERVAL DAY"]
        assert [c["type_name"] for c in columns] == ["ARRAY", "MAP", "STRUCT", "NULL", "INTERVAL"]


class TestParameters:
    def test_types(self, ferry):
        given = [text("a", "9007199254740993", "BIGINT"), text("b", "1.10", "DECIMAL(10,2)"), text("c", "2021-01-01T00:00:00Z", "TIMESTAMP"),
                 text("d", None), text("e", None, "INT"), text("f", "it's :a"), text("g", "true", "BOOLEAN")]
        reply = ferry.sql("SELECT :a, :b, :c, :d, :e, :f, ':a', :g -- :zz", given)
        assert reply.rows == [["9007199254740993", "1.10", "2021-01-01T00:00:00.000Z", None, None, "it's :a", ":a", "true"]]
        assert [c["type_text"] for c in reply.reply["manifest"]["schema"]["columns"]][:5] == [
            "BIGINT", "DECIMAL(10,2)", "TIMESTAMP", "STRING", "INT"]

    def test_a_value_that_does_not_fit_its_type(self, ferry):
        assert ferry.fails("SELECT :a", [text("a", "many", "INT")])["sql_state"] == "22018"

    def test_one_that_is_missing(self, ferry):
        failure = ferry.fails("SELECT :nope")
        assert "UNBOUND_SQL_PARAMETER" in failure["message"] and failure["sql_state"] == "42P02"

    def test_names_by_identifier(self, ferry, schema):
        ferry.sql("CREATE TABLE IDENTIFIER(:t) (a INT)", [text("t", f"{schema}.odd")])
        assert ferry.sql("SELECT count(*) FROM IDENTIFIER(:t)", [text("t", f"{ferry.catalog}.{schema}.odd")]).rows == [["0"]]
        for name in ("IDENTIFIER(:c || '.' || :s || '.odd')", "IDENTIFIER(concat(:c, '.', :s, '.', 'odd'))", "IDENTIFIER(:s || '.odd')"):
            assert ferry.sql(f"SELECT count(*) FROM {name}", [text("c", ferry.catalog), text("s", schema)]).rows == [["0"]], name
        assert ferry.fails("SELECT * FROM IDENTIFIER(:s || '.odd')", [text("s", None)])["sql_state"] == "42601"
        assert ferry.fails("SELECT * FROM IDENTIFIER(lower(:s))", [text("s", schema)])["sql_state"] == "0A000"

    @pytest.mark.parametrize("given", [[{"value": "1"}], [{"name": "a", "value": 1}], [text("a", 1), text("a", 2)], {"a": 1},
                                       [text("a", "1", "ARRAY<INT>")], [text("a", "1", "INT) OR 1=1 --")]])
    def test_malformed_ones(self, ferry, given):
        assert ferry.submit("SELECT :a", 400, parameters=given)["error_code"] == "INVALID_PARAMETER_VALUE"


class TestLargeResults:
    def test_inline_results_come_in_chunks(self, ferry):
        reply = ferry.run("SELECT id, repeat('x', 10) FROM range(25000)")
        assert reply["manifest"]["total_chunk_count"] == 3 and reply["result"]["next_chunk_index"] == 1
        assert [c["row_count"] for c in reply["manifest"]["chunks"]] == [10000, 10000, 5000]
        rows = ferry.sql("SELECT id, repeat('x', 10) FROM range(25000)").rows
        assert [r[0] for r in rows] == [str(i) for i in range(25000)]
        sid = reply["statement_id"]
        last = ferry.get(f"{SQL}/statements/{sid}/result/chunks/2")
        assert last["row_offset"] == 20000 and "next_chunk_internal_link" not in last
        for n in ("3", "x"):
            assert ferry.get(f"{SQL}/statements/{sid}/result/chunks/{n}", 400)["error_code"] == "INVALID_PARAMETER_VALUE"

    def test_inline_has_a_limit(self, ferry):
        failure = ferry.fails("SELECT repeat('x', 1000) FROM range(30000)")
        assert "EXTERNAL_LINKS" in failure["message"] and "26214400" in failure["message"]

    def test_row_and_byte_limits_truncate(self, ferry):
        reply = ferry.run("SELECT id FROM range(100)", row_limit=7)
        assert reply["manifest"]["truncated"] is True and len(reply["result"]["data_array"]) == 7
        assert ferry.run("SELECT id FROM range(7)", row_limit=7)["manifest"]["truncated"] is False
        assert ferry.run("SELECT repeat('x', 100) FROM range(100)", byte_limit=550)["manifest"]["total_row_count"] == 5

    @pytest.mark.parametrize("form", ["JSON_ARRAY", "CSV", "ARROW_STREAM"])
    def test_external_links(self, ferry, form):
        reply = ferry.run("SELECT id, 'a,b' AS s FROM range(12000)", disposition="EXTERNAL_LINKS", format=form)
        link = reply["result"]["external_links"][0]
        assert link["chunk_index"] == 0 and link["row_count"] == 10000 and link["next_chunk_index"] == 1 and "data_array" not in reply["result"]
        data = requests.get(link["external_link"])
        assert data.status_code == 200 and len(data.content) == link["byte_count"]
        if form == "JSON_ARRAY":
            assert json.loads(data.content)[9999] == ["9999", "a,b"]
        elif form == "CSV":
            assert data.text.splitlines()[:2] == ["id,s", '0,"a,b"']
            second = ferry.get(link["next_chunk_internal_link"])["external_links"][0]["external_link"]
            assert requests.get(second).text.splitlines()[0] == '10000,"a,b"'  # the names stand in the first chunk only
        else:
            import pyarrow as pa
            assert pa.ipc.open_stream(data.content).read_all().column(0)[9999].as_py() == 9999
        # An object store refuses a foreign credential, and a link that is too old.
        refused = requests.get(link["external_link"], headers={"Authorization": "Bearer x"})
        assert refused.status_code == 400 and "Only one auth mechanism allowed" in refused.text
        part = requests.get(link["external_link"], headers={"Range": "bytes=3-6"})
        assert part.status_code == 206 and part.content == data.content[3:7]
        assert requests.put(link["external_link"], data=b"x").status_code == 405

    def test_nulls_in_csv(self, ferry):
        reply = ferry.run("SELECT NULL AS n, '' AS e, 'it is \"q\"' AS q, 'a\\nb' AS l", disposition="EXTERNAL_LINKS", format="CSV")
        assert requests.get(reply["result"]["external_links"][0]["external_link"]).text == 'n,e,q,l\nnull,,"it is ""q""","a\nb"\n'

    def test_compressed_links(self, ferry):
        import lz4.frame
        plain, small = (ferry.run("SELECT id FROM range(100)", disposition="EXTERNAL_LINKS", result_compression=how) for how in ("NONE", "LZ4_FRAME"))
        assert small["manifest"]["result_compression"] == "LZ4_FRAME" and "result_compression" not in plain["manifest"]
        data = [requests.get(r["result"]["external_links"][0]["external_link"]).content for r in (plain, small)]
        assert lz4.frame.decompress(data[1]) == data[0]

    def test_what_fits_comes_along(self, ferry):
        """The disposition that drivers ask for: an Arrow stream in the answer, links where it is more than a chunk."""
        import pyarrow as pa
        ask = {"disposition": "INLINE_OR_EXTERNAL_LINKS", "format": "ARROW_STREAM"}
        one = ferry.run("SELECT id FROM range(3)", **ask)["result"]
        assert pa.ipc.open_stream(base64.b64decode(one["attachment"])).read_all().column(0).to_pylist() == [0, 1, 2]
        assert len(ferry.run("SELECT id FROM range(20001)", **ask)["result"]["external_links"]) == 1

    def test_arrow_has_limits_and_counts_too(self, ferry, schema):
        import pyarrow as pa
        ask = {"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM"}

        def table(statement, **more):
            reply = ferry.run(statement, **ask, **more)
            link = reply["result"]["external_links"][0]["external_link"]
            return reply["manifest"], pa.ipc.open_stream(io.BytesIO(requests.get(link).content)).read_all()

        manifest, rows = table("SELECT id FROM range(1000)", byte_limit=800)
        assert manifest["truncated"] is True and rows.num_rows == manifest["total_row_count"] == 100
        manifest, rows = table("SELECT id FROM range(1000)", row_limit=7)
        assert manifest["truncated"] is True and rows.num_rows == 7
        ferry.sql(f"CREATE TABLE {schema}.t (a INT)")
        assert table(f"INSERT INTO {schema}.t VALUES (1), (2)")[1].to_pylist() == [{"num_affected_rows": 2, "num_inserted_rows": 2}]
        assert table(f"SHOW TABLES IN {schema}")[1].to_pylist() == [{"database": schema, "tableName": "t", "isTemporary": False}]

    def test_chunks_as_small_as_one_likes(self, workspace, ferry):
        workspace.admin.post("/__workspace/options", {"chunk_rows": 2})
        try:
            result = ferry.sql("SELECT id FROM range(5)")
        finally:
            workspace.admin.post("/__workspace/options", {"chunk_rows": 10_000})
        assert result.reply["manifest"]["total_chunk_count"] == 3 and result.rows == [[str(i)] for i in range(5)]

    def test_links_expire_and_can_be_had_again(self, workspace, ferry):
        reply = ferry.run("SELECT 1", disposition="EXTERNAL_LINKS")
        workspace.advance(901)
        assert requests.get(reply["result"]["external_links"][0]["external_link"]).status_code == 403
        again = ferry.get(f"{SQL}/statements/{reply['statement_id']}/result/chunks/0")["external_links"][0]
        assert requests.get(again["external_link"]).json() == [["1"]]

    def test_an_empty_result_with_links(self, ferry):
        reply = ferry.run("SELECT 1 WHERE false", disposition="EXTERNAL_LINKS")
        assert reply["manifest"]["total_chunk_count"] == 0 and reply["result"] == {}


class TestCancel:
    def test_a_running_statement(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (a BIGINT)")
        sid = ferry.submit(f"INSERT INTO {schema}.t SELECT sum(hash(a.id, b.id)) FROM range(1000000) a, range(1000000) b GROUP BY a.id")["statement_id"]
        while ferry.get(f"{SQL}/statements/{sid}")["status"]["state"] == "PENDING":
            time.sleep(0.02)
        assert ferry.post(f"{SQL}/statements/{sid}/cancel") == {}
        assert ferry.wait(sid)["status"] == {"state": "CANCELED"}
        assert ferry.sql(f"SELECT count(*) FROM {schema}.t").rows == [["0"]]

    def test_too_late_changes_nothing(self, ferry):
        done = ferry.run("SELECT 1")["statement_id"]
        ferry.post(f"{SQL}/statements/{done}/cancel")
        assert ferry.get(f"{SQL}/statements/{done}")["status"]["state"] == "SUCCEEDED"


class TestExpiry:
    def test_results_after_an_hour_statements_after_twelve(self, workspace, ferry):
        done = ferry.run("SELECT 1")["statement_id"]
        workspace.advance(3601)
        assert ferry.get(f"{SQL}/statements/{done}")["status"] == {"state": "CLOSED"}
        assert ferry.get(f"{SQL}/statements/{done}/result/chunks/0", 404)["error_code"] == "NOT_FOUND"
        workspace.advance(12 * 3600)
        assert ferry.get(f"{SQL}/statements/{done}", 404)["error_code"] == "NOT_FOUND"

    def test_closing(self, ferry):
        done = ferry.run("SELECT 1")["statement_id"]
        assert ferry.call("DELETE", f"{SQL}/statements/{done}").json() == {}
        assert ferry.get(f"{SQL}/statements/{done}")["status"]["state"] == "CLOSED"

    def test_unknown_and_foreign_statements_are_the_same(self, workspace, ferry):
        mine = ferry.run("SELECT 1")["statement_id"]
        for caller, sid in ((workspace.other, mine), (ferry, "01f00000-0000-0000-0000-000000000000")):
            assert caller.get(f"{SQL}/statements/{sid}", 404)["error_code"] == "NOT_FOUND"


class TestSessions:
    def test_defaults_of_a_session(self, ferry):
        made = ferry.post(SQL + "/sessions", {"warehouse_id": "w1", "catalog": ferry.catalog, "schema": "default"})
        reply = ferry.submit("SELECT current_catalog(), current_schema()", session_id=made["session_id"], wait_timeout="30s", catalog=None)
        assert reply["result"]["data_array"] == [[ferry.catalog, "default"]]
        assert ferry.call("DELETE", f"{SQL}/sessions/{made['session_id']}?warehouse_id=w1").json() == {}
        assert ferry.submit("SELECT 1", 404, session_id=made["session_id"])["error_code"] == "NOT_FOUND"

    def test_use_holds_within_its_session(self, ferry, schema):
        made = ferry.post(SQL + "/sessions", {"warehouse_id": "w1", "catalog": "main"})["session_id"]

        def where(**body):
            reply = ferry.submit("SELECT current_catalog(), current_schema()", wait_timeout="30s", catalog=None, **body)
            return reply["result"]["data_array"][0]

        assert where(session_id=made) == ["main", "default"]
        for statement, then in ((f"USE CATALOG {ferry.catalog}", [ferry.catalog, "default"]), (f"use schema `{schema}`;", [ferry.catalog, schema]),
                                ("USE main.default", ["main", "default"])):
            assert ferry.run(statement, session_id=made, catalog=None)["status"]["state"] == "SUCCEEDED", statement
            assert where(session_id=made) == then, statement
        for statement in ("USE SCHEMA none_such", "USE CATALOG none_such", "USE CATALOG", "SET CATALOG a b"):
            assert ferry.run(statement, session_id=made, catalog=None)["status"]["state"] == "FAILED", statement
        assert where(session_id=made) == ["main", "default"]  # it failed
        assert where() == ["main", "default"]

    def test_sessions_of_others_and_malformed_ones(self, workspace, ferry):
        made = ferry.post(SQL + "/sessions", {"warehouse_id": "w1"})["session_id"]
        workspace.other.submit("SELECT 1", 404, session_id=made)
        assert workspace.other.call("DELETE", f"{SQL}/sessions/{made}").status_code == 404
        ferry.post(SQL + "/sessions", {"warehouse_id": "none"}, 404)
        ferry.post(SQL + "/sessions", {"warehouse_id": ["w1"]}, 404)
        ferry.post(SQL + "/sessions", {"warehouse_id": "w1", "catalog": 5}, 400)
        workspace.unentitled.post(SQL + "/sessions", {"warehouse_id": "w1"}, 403)
        assert ferry.get(SQL + "/warehouses/w1")["num_active_sessions"] >= 1

    def test_requests_are_stateless(self, ferry):
        before = ferry.sql("SELECT current_schema()").rows
        ferry.sql("CREATE SCHEMA stateless")
        ferry.sql("USE SCHEMA stateless")
        assert ferry.sql("SELECT current_schema()").rows == before != [["stateless"]]


class TestHistory:
    def history(self, caller, **query):
        return caller.get("/api/2.0/sql/history/queries", params={f"filter_by.{k}" if k not in ("max_results", "page_token", "include_metrics") else k: v
                                                                  for k, v in query.items()})

    def test_found_by_warehouse_time_and_tags(self, workspace, ferry):
        tags = [{"key": "lakeferry.load", "value": "7"}, {"key": "space"}]
        sid = ferry.run("/* lakeferry load=7 */ SELECT 7", query_tags=tags)["statement_id"]
        found = self.history(ferry, statement_ids=sid)["res"]
        assert len(found) == 1
        item = found[0]
        assert item["query_id"] == sid and item["query_text"] == "/* lakeferry load=7 */ SELECT 7" and item["query_tags"] == tags
        assert item["statement_type"] == "SELECT" and item["user_name"] == ferry.client_id and item["client_application"]
        assert "metrics" not in item and self.history(ferry, statement_ids=sid, include_metrics="true")["res"][0]["metrics"]["total_time_ms"] >= 0
        me = ferry.get("/api/2.0/preview/scim/v2/Me")["id"]
        assert item["user_id"] == int(me) and self.history(ferry, statement_ids=sid, user_ids=me)["res"] == [item]
        assert self.history(ferry, statement_ids=sid, user_ids="1")["res"] == []
        assert item["status"] == "FINISHED" and item["is_final"] is True and item["rows_produced"] == 1 and item["warehouse_id"] == "w1"
        start = item["query_start_time_ms"]
        times = {"query_start_time_range.start_time_ms": start, "query_start_time_range.end_time_ms": start}
        assert sid in [i["query_id"] for i in self.history(ferry, warehouse_ids="w1", **times)["res"]]
        assert sid not in [i["query_id"] for i in self.history(ferry, warehouse_ids="w2", **times)["res"]]
        assert sid not in [i["query_id"] for i in self.history(ferry, **{"query_start_time_range.start_time_ms": start + 1})["res"]]

    def test_states_errors_and_pages(self, workspace, ferry):
        bad = ferry.run("SELECT nothing_like_it")["statement_id"]
        item = self.history(ferry, statement_ids=bad, statuses="FAILED")["res"][0]
        assert item["status"] == "FAILED" and "UNRESOLVED_COLUMN" in item["error_message"]
        ferry.run("SELECT 1")
        first = self.history(ferry, max_results=1)
        assert len(first["res"]) == 1 and first["has_next_page"] is True
        ferry.run("SELECT 'this came between the pages'")
        second = self.history(ferry, max_results=1, page_token=first["next_page_token"])
        assert second["res"][0]["query_id"] == bad

    @pytest.mark.parametrize("query", [{"max_results": 0}, {"max_results": 1001}, {"max_results": "many"}, {"page_token": "7"}, {"statuses": "DONE"},
                                       {"query_start_time_range.start_time_ms": "yesterday"}])
    def test_questions_that_make_no_sense(self, ferry, query):
        name, value = next(iter(query.items()))
        name = name if name in ("max_results", "page_token") else f"filter_by.{name}"
        assert ferry.get("/api/2.0/sql/history/queries", 400, params={name: value})["error_code"] == "INVALID_PARAMETER_VALUE"

    def test_what_runs_is_seen_too(self, workspace, ferry):
        workspace.fault(kind="hang", sql="seen while it runs", seconds=3600)
        sid = ferry.submit("SELECT 1 /* seen while it runs */")["statement_id"]
        until(lambda: self.history(ferry, statement_ids=sid, statuses="RUNNING")["res"])
        assert self.history(ferry, statement_ids=sid)["res"][0]["is_final"] is False
        ferry.post(f"{SQL}/statements/{sid}/cancel")
        ferry.wait(sid)
        assert self.history(ferry, statement_ids=sid)["res"][0]["status"] == "CANCELED"

    def test_one_sees_ones_own(self, workspace, ferry):
        sid = ferry.run("SELECT 1")["statement_id"]
        assert self.history(workspace.other, statement_ids=sid)["res"] == []
        assert len(self.history(workspace.admin, statement_ids=sid)["res"]) == 1

    def test_it_can_lag(self, workspace, ferry):
        workspace.admin.post("/__workspace/options", {"history_lag_seconds": 60})
        try:
            sid = ferry.run("SELECT 1")["statement_id"]
            assert self.history(ferry, statement_ids=sid)["res"] == []
            workspace.advance(61)
            assert len(self.history(ferry, statement_ids=sid)["res"]) == 1
        finally:
            workspace.admin.post("/__workspace/options", {"history_lag_seconds": 0})
