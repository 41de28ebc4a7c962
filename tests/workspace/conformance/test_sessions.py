"""What a client's session keeps: settings, temporary views, variables. And parameters by position, as drivers bind them."""
import pytest
from caller import SQL


class Client:
    """Statements in one session, as a driver sends them."""

    def __init__(self, caller, **opened):
        self.caller = caller
        self.id = caller.post(SQL + "/sessions", {"warehouse_id": "w1", "catalog": caller.catalog} | opened)["session_id"]

    def sql(self, text: str, parameters=None):
        return self.caller.sql(text, parameters, session_id=self.id, catalog=None)

    def fails(self, text: str):
        return self.caller.fails(text, session_id=self.id, catalog=None)


@pytest.fixture
def client(ferry):
    return Client(ferry)


class TestSettings:
    def test_hold_for_the_session(self, client, ferry):
        assert client.sql("SET ansi_mode").rows == [["ansi_mode", "true"]]
        assert "CAST_INVALID_INPUT" in client.fails("SELECT CAST('x' AS INT)")["message"]
        assert client.sql("SET ANSI_MODE = false").rows == [["ansi_mode", "false"]]
        assert client.sql("SELECT CAST('x' AS INT)").rows == [[None]]
        assert "CAST_INVALID_INPUT" in ferry.fails("SELECT CAST('x' AS INT)")["message"]  # nobody else's
        client.sql("RESET ansi_mode;")
        assert "CAST_INVALID_INPUT" in client.fails("SELECT CAST('x' AS INT)")["message"]

    def test_time_zone(self, client):
        noon = "SELECT TIMESTAMP '2024-07-01T12:00:00Z', current_timezone()"
        assert client.sql(noon).rows == [["2024-07-01T12:00:00.000Z", "UTC"]]
        client.sql("SET TIME ZONE 'America/New_York'")
        assert client.sql(noon).rows == [["2024-07-01T08:00:00.000-04:00", "America/New_York"]]
        assert client.sql("SET timezone").rows == [["timezone", "America/New_York"]]
        client.sql("SET timezone = '+02:00'")
        assert client.sql(noon).rows[0][0] == "2024-07-01T14:00:00.000+02:00"
        client.sql("SET TIME ZONE INTERVAL '5:30' HOUR TO MINUTE")
        assert client.sql(noon).rows[0][0] == "2024-07-01T17:30:00.000+05:30"
        client.sql("SET TIME ZONE LOCAL")
        assert client.sql(noon).rows[0][1] == "UTC"
        assert client.fails("SET TIME ZONE 'Nowhere/None'")["sql_state"] == "22022"
        client.sql("RESET")
        assert client.sql("SELECT current_timezone()").rows == [["UTC"]]

    def test_all_of_them(self, client):
        client.sql("SET statement_timeout = 60")
        held = dict(client.sql("SET").rows)
        assert held["statement_timeout"] == "60" and held["timezone"] == "UTC" and held["use_cached_result"] == "true"

    @pytest.mark.parametrize(("text", "sql_state"), [
        ("SET spark.sql.shuffle.partitions = 7", "42K0I"), ("SET colour = red", "42K0I"), ("RESET colour", "42K0I"),
        ("SET ansi_mode = perhaps", "22022"), ("SET statement_timeout = soon", "22022"), ("SET 5 = 6", "42601")])
    def test_refused(self, client, text, sql_state):
        assert client.fails(text)["sql_state"] == sql_state

    def test_outside_a_session_they_hold_for_nothing(self, ferry):
        assert ferry.sql("SET ansi_mode = false").rows == [["ansi_mode", "false"]]
        assert "CAST_INVALID_INPUT" in ferry.fails("SELECT CAST('x' AS INT)")["message"]

    def test_opened_with(self, ferry):
        client = Client(ferry, session_confs={"TIMEZONE": "Europe/Berlin", "ansi_mode": "false", "query_tags": "a:b"})
        assert client.sql("SELECT current_timezone(), CAST('x' AS INT)").rows == [["Europe/Berlin", None]]
        for confs in ({"colour": "red"}, {"timezone": "Nowhere"}, {"ansi_mode": "perhaps"}, ["timezone"], {"timezone": {}}):
            ferry.post(SQL + "/sessions", {"warehouse_id": "w1", "session_confs": confs}, 400)

    def test_the_timeout_of_statements(self, client, workspace):
        client.sql("SET STATEMENT_TIMEOUT = 30")
        workspace.fault(kind="hang", sql="takes its time", seconds=3600)
        running = client.caller.submit("SELECT 1 /* takes its time */", session_id=client.id)["statement_id"]
        while client.caller.get(f"{SQL}/statements/{running}")["status"]["state"] == "PENDING":
            pass
        workspace.advance(31)
        ended = client.caller.wait(running)["status"]
        assert (ended["state"], ended["sql_state"]) == ("FAILED", "57KD0") and "timeout (30s)" in ended["error"]["message"]
        assert client.sql("SELECT 1").rows == [["1"]]


class TestTemporaryViews:
    def test_live_as_long_as_the_session(self, client, ferry, schema):
        client.sql(f"USE SCHEMA {schema}")
        client.sql("CREATE TABLE t AS SELECT id FROM range(5)")
        client.sql("CREATE TEMPORARY VIEW few AS SELECT id FROM t WHERE id < 3")
        assert client.sql("SELECT count(*) FROM few").rows == [["3"]]
        client.sql("INSERT INTO t VALUES (0)")
        assert client.sql("SELECT count(*) FROM few AS f JOIN t ON f.id = t.id").rows == [["6"]]
        client.sql("CREATE OR REPLACE TEMP VIEW few AS SELECT id FROM t WHERE id = 0")
        assert client.sql("SELECT count(*) FROM few").rows == [["2"]]
        assert ferry.fails(f"SELECT * FROM {schema}.few")["sql_state"] == "42P01"
        assert Client(ferry).fails("SELECT * FROM few")["sql_state"] == "42P01"
        client.sql("DROP VIEW few")
        assert client.fails("SELECT * FROM few")["sql_state"] == "42P01"

    def test_count_what_a_statement_writes(self, client, schema):
        """Commits of a session's statements are told apart, though they share a session of Spark's."""
        client.sql(f"USE SCHEMA {schema}")
        client.sql("CREATE TEMP VIEW three AS SELECT id FROM range(3)")
        client.sql("CREATE TABLE t (id BIGINT)")
        assert client.sql("INSERT INTO t SELECT * FROM three").counts == (3, 3)
        assert client.sql("INSERT INTO t SELECT * FROM three WHERE id > 0").counts == (2, 2)
        assert client.sql("MERGE INTO t USING three AS s ON t.id = s.id AND s.id = 0 WHEN MATCHED THEN DELETE").counts == (1, 0, 1, 0)

    def test_privileges_are_asked_for_whenever_it_is_read(self, client, workspace, admin, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.secret AS SELECT 1 AS a")
        other = Client(workspace.other.with_catalog(ferry.catalog))
        grant = f"ON SCHEMA {ferry.catalog}.{schema} {{}} `{workspace.other.client_id}`"
        admin.sql(f"GRANT USE CATALOG ON CATALOG {ferry.catalog} TO `{workspace.other.client_id}`")
        admin.sql("GRANT USE SCHEMA, SELECT " + grant.format("TO"))
        other.sql(f"CREATE TEMP VIEW mine AS SELECT * FROM {schema}.secret")
        assert other.sql("SELECT * FROM mine").rows == [["1"]]
        admin.sql("REVOKE SELECT " + grant.format("FROM"))
        assert other.fails("SELECT * FROM mine")["sql_state"] == "42501"
        assert other.fails(f"CREATE TEMP VIEW more AS SELECT * FROM {schema}.secret")["sql_state"] == "42501"

    def test_refused(self, client, ferry, schema):
        assert "outside a session" in ferry.fails("CREATE TEMP VIEW v AS SELECT 1")["message"]
        assert client.fails("CREATE GLOBAL TEMP VIEW v AS SELECT 1")["sql_state"] == "0A000"
        assert client.fails("CREATE TEMP VIEW v")["sql_state"] == "42601"
        client.sql("CREATE TEMP VIEW v AS SELECT 1 AS a")
        assert client.fails("CREATE TEMP VIEW v AS SELECT 1 AS a")["sql_state"] == "42P07"
        assert "TEMP" in client.fails(f"CREATE VIEW {schema}.w AS SELECT * FROM v")["message"]


def test_variables(client, ferry):
    client.sql("DECLARE VARIABLE seen INT DEFAULT 5")
    client.sql("SET VAR seen = seen + 1")
    assert client.sql("SELECT seen").rows == [["6"]]
    assert ferry.fails("SELECT seen")["sql_state"] == "42703"


def test_statements_of_a_session_take_turns(client, workspace):
    workspace.fault(kind="hang", sql="first of the session", seconds=20)
    first = client.caller.submit("SELECT 1 /* first of the session */", session_id=client.id)["statement_id"]
    second = client.caller.submit("SELECT 2", session_id=client.id)["statement_id"]
    third = client.caller.submit("SELECT 3", session_id=client.id)["statement_id"]
    client.caller.post(f"{SQL}/statements/{third}/cancel")
    assert client.caller.get(f"{SQL}/statements/{second}")["status"]["state"] == "PENDING"
    workspace.advance(21)
    assert client.caller.wait(first)["status"]["state"] == client.caller.wait(second)["status"]["state"] == "SUCCEEDED"
    assert client.caller.wait(third)["status"]["state"] == "CANCELED"


def at(ordinal: int, value, kind: str = "STRING") -> dict:
    return {"ordinal": ordinal, "value": value, "type": kind}


class TestParametersByPosition:
    def test_values_and_types(self, ferry, schema):
        ferry.sql(f"CREATE TABLE {schema}.t (id INT, a STRING, d DECIMAL(7,2))")
        assert ferry.sql(f"INSERT INTO {schema}.t VALUES (?, ?, ?)", [at(1, "6", "INT"), at(2, None), at(3, "1.5", "DECIMAL(5,2)")]).counts == (1, 1)
        assert ferry.sql(f"SELECT id, a, d, '?' AS q FROM {schema}.t -- ?\nWHERE id = ?", [at(1, "6", "INT")]).rows == [["6", None, "1.50", "?"]]
        assert ferry.sql(f"SELECT count(*) FROM IDENTIFIER(?) WHERE d > ?", [at(2, "1", "INT"), at(1, f"{schema}.t")]).rows == [["1"]]

    def test_too_few(self, ferry):
        for parameters in ([at(1, "a")], [at(2, "b")], []):
            said = ferry.fails("SELECT ?, ?", parameters)
            assert said["sql_state"] == "42P02" and "UNBOUND_SQL_PARAMETER" in said["message"]

    def test_messages_show_the_text_as_it_came(self, ferry):
        said = ferry.fails("SELECT ? FORM x y", [at(1, "1", "INT")])
        assert "SELECT ? FORM" in said["message"] and "__ws" not in said["message"]

    @pytest.mark.parametrize(("parameters", "says"), [
        ([{"ordinal": 0, "value": "1"}], "1 or more"), ([{"ordinal": "1", "value": "1"}], "needs a name"), ([at(1, "1"), at(1, "2")], "Duplicate"),
        ([{"ordinal": 1, "name": "a", "value": "1"}], "needs a name"), ([at(1, "1"), {"name": "a", "value": "1"}], "not by both"),
        ([at(1, "1", "ARRAY<INT>")], "unsupported type"), ([{"ordinal": 1, "value": 5}], "must be a string")])
    def test_refused_requests(self, ferry, parameters, says):
        assert says in ferry.submit("SELECT ?", 400, parameters=parameters)["message"]
