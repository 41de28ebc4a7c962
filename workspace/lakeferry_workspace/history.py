"""Query history: what ran, by whom, with which tags. Kept for as long as the workspace runs."""
from collections import deque

from aiohttp import web

from .auth import may_use_sql
from .errors import invalid

routes = web.RouteTableDef()
KEPT, PAGE = 20_000, 100
STATES = {"PENDING": "QUEUED", "RUNNING": "RUNNING", "SUCCEEDED": "FINISHED", "CLOSED": "FINISHED", "FAILED": "FAILED",
          "CANCELED": "CANCELED"}


class History:
    def __init__(self):
        self.items = deque(maxlen=KEPT)

    def add(self, statement):
        self.items.append(statement)

    def find(self, world, who, query) -> list[dict]:
        lag = world.options.history_lag_seconds * 1000
        now, newest_first = world.clock.millis(), reversed(self.items)
        return [item(st) for st in newest_first
                if (who.admin or st.who is who) and st.submitted + lag <= now and matches(st, query)]


def matches(st, query) -> bool:
    def listed(name):
        return set(query.getall(f"filter_by.{name}", []))

    def number(name):
        text = query.get(f"filter_by.query_start_time_range.{name}")
        if text is not None and not text.lstrip("-").isdecimal():
            raise invalid(f"{name} must be a number of milliseconds, not '{text}'.")
        return int(text) if text is not None else None

    first, last = number("start_time_ms"), number("end_time_ms")
    return all((
        not (ids := listed("statement_ids")) or st.id in ids,
        not (ids := listed("warehouse_ids")) or st.warehouse.id in ids,
        not (ids := listed("statuses")) or STATES[st.state] in ids,
        not (ids := listed("user_ids")) or st.who.user_name in ids,
        first is None or st.submitted >= first, last is None or st.submitted <= last))


def item(st) -> dict:
    out = {"query_id": st.id, "status": STATES[st.state], "query_text": st.text, "query_start_time_ms": st.submitted,
           "user_name": st.who.user_name, "executed_as_user_name": st.who.user_name, "warehouse_id": st.warehouse.id,
           "endpoint_id": st.warehouse.id, "is_final": st.ended is not None, "rows_produced": st.rows,
           "client_application": st.client, "query_tags": st.query_tags, "statement_type": "OTHER"}
    if st.ended is not None:
        out |= {"query_end_time_ms": st.ended, "execution_end_time_ms": st.ended, "duration": st.ended - st.submitted}
    return out | ({"error_message": str(st.error)} if st.error else {})


@routes.get("/api/2.0/sql/history/queries")
async def queries(request):
    world, who = request.app["world"], request["who"]
    may_use_sql(who)
    size, token = request.query.get("max_results", str(PAGE)), request.query.get("page_token", "0")
    if not size.isdecimal() or not 1 <= int(size) <= 1000:
        raise invalid("max_results must be between 1 and 1000.")
    if not token.isdecimal():
        raise invalid("page_token is not one that this API gave.")
    found, start, size = world.history.find(world, who, request.query), int(token), int(size)
    more = start + size < len(found)
    return web.json_response({"res": found[start:start + size], "has_next_page": more} | ({"next_page_token": str(start + size)} if more else {}))
