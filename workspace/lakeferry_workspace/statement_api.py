"""Statement Execution over HTTP: submit, poll, chunks, links, cancel, sessions."""
import asyncio
import time
import uuid

from aiohttp import web

from . import chunks
from .auth import may_use_sql
from .errors import ApiError, invalid
from .statements import Statement
from .warehouses import SQL, find

routes = web.RouteTableDef()


async def read_json(request) -> dict:
    try:
        body = await request.json()
    except ValueError:
        raise ApiError(400, "MALFORMED_REQUEST", "Could not parse request object: the body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "Could not parse request object: expected a JSON object.")
    return body


def view(st: Statement, host: str, pretend_pending: bool = False) -> dict:
    state = "PENDING" if pretend_pending else st.state
    out = {"statement_id": st.id, "status": {"state": state}}
    if state == "FAILED":
        out["status"]["error"] = {"error_code": st.error.error_code, "message": str(st.error)}
        out["status"] |= {"sql_state": st.error.sql_state} if st.error.sql_state else {}
    if state == "SUCCEEDED":
        parts = [c.about for c in st.chunks]
        out["manifest"] = {
            "format": st.format, "schema": {"column_count": len(st.columns)} | ({"columns": st.columns} if st.columns else {}),
            "total_chunk_count": len(parts), "total_row_count": sum(c["row_count"] for c in parts),
            "total_byte_count": sum(c["byte_count"] for c in parts), "truncated": st.truncated}
        out["manifest"] |= {"chunks": parts} if parts else {}
        out["result"] = chunk(st, 0, host) if parts else {}
        if not parts and st.columns and st.disposition == "INLINE":
            out["result"] = {"data_array": []}
    return out


def chunk(st: Statement, n: int, host: str) -> dict:
    here = dict(st.chunks[n].about)
    if n + 1 < len(st.chunks):
        here |= {"next_chunk_index": n + 1, "next_chunk_internal_link":
                 f"{SQL}/statements/{st.id}/result/chunks/{n + 1}?row_offset={st.chunks[n + 1].about['row_offset']}"}
    if st.disposition == "INLINE":
        return here | {"data_array": st.chunks[n].rows}
    key, until = st.world.statements.link(st.chunks[n].data)
    return {"external_links": [here | {"external_link": f"http://{host}/presigned/{key}",
                                       "expiration": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(until))}]}


@routes.post(SQL + "/statements{slash:/?}")
async def submit(request):
    world, who = request.app["world"], request["who"]
    may_use_sql(who)
    body = await read_json(request)
    if not isinstance(body.get("warehouse_id"), str) or not body["warehouse_id"]:
        raise invalid("warehouse_id is required.")
    warehouse = find(world, body["warehouse_id"])
    warehouse.require(who, "CAN_USE")
    if body.get("session_id") is not None:
        if body["session_id"] not in world.sessions:
            raise ApiError(404, "NOT_FOUND", f"Session {body['session_id']} was not found.")
        body = world.sessions[body["session_id"]] | {k: v for k, v in body.items() if v is not None}
    st = world.statements.submit(who, warehouse, body)
    st.client = request.headers.get("User-Agent", "")
    request["statement_id"] = st.id
    wait = chunks.seconds(body.get("wait_timeout"), "10s")
    if not wait:  # 0s never answers with an end state
        return web.json_response(view(st, request.host, pretend_pending=True))
    try:
        await asyncio.wait_for(st.done.wait(), wait)
    except TimeoutError:
        if body.get("on_wait_timeout") == "CANCEL":
            world.statements.cancel(st)
    return web.json_response(view(st, request.host))


def own(request) -> Statement:
    """The statement of this path, for the one who sent it or an administrator."""
    may_use_sql(request["who"])
    st = request.app["world"].statements.all.get(request.match_info["id"])
    if st is None or not (request["who"].admin or st.who is request["who"]):
        raise ApiError(404, "NOT_FOUND", f"The statement {request.match_info['id']} was not found.")
    request["statement_id"] = st.id
    return st


@routes.get(SQL + "/statements/{id}")
async def poll(request):
    return web.json_response(view(own(request), request.host))


@routes.get(SQL + "/statements/{id}/result/chunks/{n}")
async def fetch_chunk(request):
    st, n = own(request), request.match_info["n"]
    if st.state == "CLOSED":
        raise ApiError(404, "NOT_FOUND", f"The result of statement {st.id} is no longer available.")
    if st.state != "SUCCEEDED":
        raise invalid(f"Statement {st.id} is {st.state}: it has no result.")
    if not n.isdecimal() or int(n) >= len(st.chunks):
        raise invalid(f"Chunk {n} does not exist: statement {st.id} has {len(st.chunks)}.")
    return web.json_response(chunk(st, int(n), request.host))


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


@routes.get("/presigned/{key}")
async def presigned(request):
    """An object store: it refuses foreign credentials, and links that are too old."""
    world = request.app["world"]
    data, until = world.statements.links.get(request.match_info["key"], (None, 0))
    if "Authorization" in request.headers:
        return web.Response(status=400, content_type="application/xml", text="<Error><Code>InvalidArgument</Code><Message>Only one auth "
                            "mechanism allowed</Message></Error>")
    if data is None or world.clock.now() > until:
        return web.Response(status=403, content_type="application/xml", text="<Error><Code>AccessDenied</Code><Message>Request has "
                            "expired</Message></Error>")
    return web.Response(body=data, content_type="application/octet-stream")


@routes.post(SQL + "/sessions{slash:/?}")
async def open_session(request):
    world = request.app["world"]
    may_use_sql(request["who"])
    body = await read_json(request)
    find(world, body.get("warehouse_id")).require(request["who"], "CAN_USE")
    session = str(uuid.uuid4())
    world.sessions[session] = {k: v for k, v in body.items() if k in ("catalog", "schema") and v}
    return web.json_response({"session_id": session})


@routes.delete(SQL + "/sessions/{id}")
async def close_session(request):
    request.app["world"].sessions.pop(request.match_info["id"], None)
    return web.json_response({})
