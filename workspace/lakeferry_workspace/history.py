"""Query history: what ran, by whom, with which tags, and how it ended. Kept in the state folder, so that it survives a restart."""
import json
import os
import re
from collections import OrderedDict
from pathlib import Path

from aiohttp import web

from .auth import may_use_sql
from .errors import invalid

routes = web.RouteTableDef()
KEPT, MOST_TEXT, PAGE, STATEMENT_SECONDS = 20_000, 1 << 16, 100, 12 * 3600
STATES = {"PENDING": "QUEUED", "RUNNING": "RUNNING", "SUCCEEDED": "FINISHED", "CLOSED": "FINISHED", "FAILED": "FAILED",
          "CANCELED": "CANCELED"}
STATUSES = ("QUEUED", "STARTED", "COMPILING", "COMPILED", "RUNNING", "CANCELED", "FAILED", "FINISHED")
TYPES = ("ALTER", "ANALYZE", "COPY", "CREATE", "DELETE", "DESCRIBE", "DROP", "EXPLAIN", "GRANT", "INSERT", "MERGE", "OPTIMIZE", "REFRESH",
         "REPLACE", "REVOKE", "SELECT", "SET", "SHOW", "TRUNCATE", "UPDATE", "USE")
CUT_OFF = "The workspace was stopped while the statement ran: whether it took effect is unknown."


class History:
    """Records of statements, oldest first. Those of this run change as their statement does; a line in the file is written when a
    statement comes and when it ends."""

    def __init__(self, clock, file: Path):
        self.clock, self.file, self.records = clock, file, OrderedDict()
        self.load()
        self.earlier_runs = set(self.records)
        self.out = private(file, os.O_APPEND)

    def load(self):
        """The last line about a statement counts. One that had not ended, ended with the process."""
        try:
            lines = self.file.read_text().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                record = json.loads(line)
                self.records.pop(record["id"], None)
                self.records[record["id"]] = record
            except (ValueError, KeyError, TypeError):
                continue  # the end of a file that a crash cut off
        self.records = OrderedDict(sorted(self.records.items(), key=lambda item: item[1]["submitted"])[-KEPT:])
        for record in self.records.values():
            if record["ended"] is None:
                record |= {"state": "FAILED", "ended": record["submitted"], "error": CUT_OFF, "sql_state": None, "code": "ABORTED"}
        part = self.file.with_suffix(".part")
        with private(part, os.O_TRUNC) as out:
            out.writelines(json.dumps(r) + "\n" for r in self.records.values())
        part.replace(self.file)

    def note(self, st):
        """A statement that came, or that has ended."""
        self.records[st.id] = record = record_of(st)
        while len(self.records) > KEPT:
            self.records.popitem(last=False)
        self.out.write(json.dumps(record) + "\n")
        self.out.flush()

    def earlier(self, who, statement_id: str) -> dict | None:
        """The status of a statement of an earlier run, as polling shows it: its result is gone, that it succeeded stays true."""
        record = self.records.get(statement_id) if statement_id in self.earlier_runs else None
        if record is None or not (who.admin or record["user"] == who.user_name):
            return None
        if self.clock.millis() - record["ended"] > STATEMENT_SECONDS * 1000:
            return None
        out = {"state": "CLOSED" if record["state"] == "SUCCEEDED" else record["state"]}
        if record["state"] == "FAILED":
            out["error"] = {"error_code": record["code"], "message": record["error"]}
            out |= {"sql_state": record["sql_state"]} if record["sql_state"] else {}
        return out

    def find(self, who, lag_seconds: float, query, live: dict) -> list[dict]:
        now, wanted = self.clock.millis(), Filter(query)
        out = []
        for record in reversed(self.records.values()):
            if record["id"] in live and record["ended"] is None:
                record["state"] = live[record["id"]].state
            if ((who.admin or record["user"] == who.user_name) and record["submitted"] + int(lag_seconds * 1000) <= now
                    and wanted.takes(record)):
                out.append(record)
        return out


def private(file: Path, how: int):
    """Statements may hold what is nobody else's business."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | how, 0o600), "a" if how == os.O_APPEND else "w")


def record_of(st) -> dict:
    return {"id": st.id, "state": st.state, "text": st.text[:MOST_TEXT], "submitted": st.submitted, "started": st.started, "ended": st.ended,
            "user": st.who.user_name, "user_id": st.who.id, "warehouse": st.warehouse.id, "rows": st.rows, "client": st.client,
            "tags": st.query_tags, "session": st.session.id if st.session else None, "error": str(st.error) if st.error else None,
            "sql_state": st.error.sql_state if st.error else None, "code": st.error.error_code if st.error else None}


class Filter:
    def __init__(self, query):
        self.query = query
        self.ids, self.warehouses = self.listed("statement_ids"), self.listed("warehouse_ids")
        self.statuses, self.users = self.listed("statuses"), self.listed("user_ids")
        if wrong := sorted(self.statuses - set(STATUSES)):
            raise invalid(f"'{wrong[0]}' is not a query status; they are {', '.join(STATUSES)}.")
        self.first, self.last = self.number("start_time_ms"), self.number("end_time_ms")

    def listed(self, name: str) -> set:
        return set(self.query.getall(f"filter_by.{name}", []))

    def number(self, name: str) -> int | None:
        text = self.query.get(f"filter_by.query_start_time_range.{name}")
        if text is not None and not (text.isascii() and text.isdecimal()):
            raise invalid(f"{name} must be a number of milliseconds, not '{text}'.")
        return int(text) if text is not None else None

    def takes(self, record: dict) -> bool:
        return all((not self.ids or record["id"] in self.ids,
                    not self.warehouses or record["warehouse"] in self.warehouses,
                    not self.statuses or STATES[record["state"]] in self.statuses,
                    not self.users or {record["user"], record["user_id"]} & self.users,
                    self.first is None or record["submitted"] >= self.first,
                    self.last is None or record["submitted"] <= self.last))


def statement_type(text: str) -> str:
    words = re.sub(r"/\*.*?\*/|--[^\n]*", " ", text, flags=re.S).replace("(", " ").split()
    word = words[0].upper() if words else ""
    return {"WITH": "SELECT", "DESC": "DESCRIBE"}.get(word, word if word in TYPES else "OTHER")


def item(record: dict, with_metrics: bool) -> dict:
    out = {"query_id": record["id"], "status": STATES[record["state"]], "query_text": record["text"],
           "query_start_time_ms": record["submitted"], "user_id": int(record["user_id"]), "user_name": record["user"],
           "executed_as_user_id": int(record["user_id"]), "executed_as_user_name": record["user"],
           "warehouse_id": record["warehouse"], "endpoint_id": record["warehouse"], "is_final": record["ended"] is not None,
           "rows_produced": record["rows"], "client_application": record["client"], "query_tags": record["tags"],
           "statement_type": statement_type(record["text"]), "lookup_key": record["id"]}
    if record["session"]:
        out["session_id"] = record["session"]
    if record["ended"] is not None:
        total = record["ended"] - record["submitted"]
        out |= {"query_end_time_ms": record["ended"], "execution_end_time_ms": record["ended"], "duration": total}
        if with_metrics:
            run = record["ended"] - record["started"] if record["started"] else 0
            out["metrics"] = {"total_time_ms": total, "execution_time_ms": run, "rows_produced_count": record["rows"]}
    return out | ({"error_message": record["error"]} if record["error"] else {})


@routes.get("/api/2.0/sql/history/queries")
async def queries(request):
    world, who, query = request.app["world"], request["who"], request.query
    may_use_sql(who)
    size, token = query.get("max_results", str(PAGE)), query.get("page_token")
    if not (size.isascii() and size.isdecimal()) or not 1 <= int(size) <= 1000:
        raise invalid(f"max_results must be between 1 and 1000, not '{size}'.")
    found, size = world.history.find(who, world.options.history_lag_seconds, query, world.statements.all), int(size)
    if token:  # the last one of the page before: what came since moves nothing
        at = next((i for i, r in enumerate(found) if r["id"] == token), None)
        if at is None:
            raise invalid("page_token is not one that this API gave for these filters.")
        found = found[at + 1:]
    more = {"next_page_token": found[size - 1]["id"]} if len(found) > size else {}
    with_metrics = query.get("include_metrics", "false").lower() == "true"
    return web.json_response({"res": [item(r, with_metrics) for r in found[:size]], "has_next_page": bool(more)} | more)
