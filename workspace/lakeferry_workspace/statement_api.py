"""Statement Execution over HTTP: submit, poll, chunks, cancel."""
import base64
import re
import time

from aiohttp import web

from . import chunks, ingestion, sessions
from .auth import may_use_sql
from .errors import ApiError, invalid
from .requests import read_json
from .statements import Statement
from .warehouses import SQL, find, first_of

routes = web.RouteTableDef()


def view(st: Statement, request, pretend_pending: bool = False) -> dict:
    state = "PENDING" if pretend_pending else st.state
    out = {"statement_id": st.id, "status": {"state": state}}
    if state == "FAILED":
        out["status"]["error"] = {"error_code": st.error.error_code, "message": str(st.error)}
        out["status"] |= {"sql_state": st.error.sql_state} if st.error.sql_state else {}
    if state == "SUCCEEDED":
        parts = [c.about for c in st.chunks]
        out["manifest"] = {
            "format": st.shape.form, "schema": {"column_count": len(st.columns)} | ({"columns": st.columns} if st.columns else {}),
            "total_chunk_count": len(parts), "total_row_count": sum(c["row_count"] for c in parts),
            "total_byte_count": sum(c["byte_count"] for c in parts), "truncated": st.truncated}
        out["manifest"] |= {"is_volume_operation": True} if ingestion.is_volume_operation(st.text) else {}
        out["manifest"] |= ({"chunks": parts} if parts else {}) | ({"result_compression": "LZ4_FRAME"} if st.shape.compressed else {})
        out["result"] = chunk(st, 0, request) if parts else {}
        if not parts and st.columns and st.shape.disposition == "INLINE":
            out["result"] = {"data_array": []}
    return out


def chunk(st: Statement, n: int, request) -> dict:
    here = dict(st.chunks[n].about)
    if n + 1 < len(st.chunks):
        here |= {"next_chunk_index": n + 1, "next_chunk_internal_link":
                 f"{SQL}/statements/{st.id}/result/chunks/{n + 1}?row_offset={st.chunks[n + 1].about['row_offset']}"}
    if st.shape.disposition == "INLINE":
        return here | {"data_array": st.chunks[n].rows}
    if st.shape.disposition == "INLINE_OR_EXTERNAL_LINKS" and len(st.chunks) == 1:
        return here | {"attachment": base64.b64encode(st.chunks[n].data).decode()}
    url, until = st.world.links.make(request, data=st.chunks[n].data)
    expiration = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(until))
    return {"external_links": [here | {"external_link": url, "expiration": expiration}]}


@routes.post(SQL + "/statements{slash:/?}")
async def submit(request):
    world, who = request.app["world"], request["who"]
    may_use_sql(who)
    body = await read_json(request)
    if not isinstance(body.get("warehouse_id"), str) or not body["warehouse_id"]:
        raise invalid("warehouse_id is required.")
    warehouse = find(world, body["warehouse_id"])
    request["warehouse_id"] = warehouse.id
    warehouse.require(who, "CAN_USE")
    session = None
    if body.get("session_id") is not None:
        session = sessions.find(world, who, body["session_id"])
        body = {"catalog": session.catalog, "schema": session.schema} | {k: v for k, v in body.items() if v is not None}
    st = world.statements.submit(who, warehouse, body, session)
    st.client = request.headers.get("User-Agent", "")
    request["statement_id"] = st.id
    wait = chunks.seconds(body.get("wait_timeout"), "10s")
    if not wait:  # 0s never answers with an end state
        return web.json_response(view(st, request, pretend_pending=True))
    await first_of(st.done.wait(), world.clock.sleep_until(world.clock.now() + wait))
    if not st.done.is_set() and body.get("on_wait_timeout") == "CANCEL":
        world.statements.cancel(st)
        await st.done.wait()  # the answer says CANCELED only where that is so
    return web.json_response(view(st, request))


def own(request) -> Statement:
    """The statement of this path, for the one who sent it or an administrator."""
    may_use_sql(request["who"])
    st = request.app["world"].statements.all.get(request.match_info["id"])
    if st is None or not (request["who"].admin or st.who is request["who"]):
        raise ApiError(404, "NOT_FOUND", f"The statement {request.match_info['id']} was not found.")
    request["statement_id"], request["warehouse_id"] = st.id, st.warehouse.id
    return st


@routes.get(SQL + "/statements/{id}")
async def poll(request):
    world, sid = request.app["world"], request.match_info["id"]
    if sid not in world.statements.all and (earlier := world.history.earlier(request["who"], sid)):
        may_use_sql(request["who"])
        return web.json_response({"statement_id": sid, "status": earlier})
    return web.json_response(view(own(request), request))


@routes.get(SQL + "/statements/{id}/result/chunks/{n}")
async def fetch_chunk(request):
    st, n = own(request), request.match_info["n"]
    if st.state == "CLOSED":
        raise ApiError(404, "NOT_FOUND", f"The result of statement {st.id} is no longer available.")
    if st.state != "SUCCEEDED":
        raise invalid(f"Statement {st.id} is {st.state}: it has no result.")
    if not re.fullmatch(r"[0-9]{1,9}", n) or int(n) >= len(st.chunks):
        raise invalid(f"Chunk {n} does not exist: statement {st.id} has {len(st.chunks)}.")
    return web.json_response(chunk(st, int(n), request))


@routes.post(SQL + "/statements/{id}/cancel")
async def cancel(request):
    request.app["world"].statements.cancel(own(request))
    return web.json_response({})


@routes.delete(SQL + "/statements/{id}")
async def close(request):
    st = own(request)
    request.app["world"].statements.cancel(st)
    st.close()
    return web.json_response({})
