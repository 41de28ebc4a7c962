"""Sessions, which official drivers open before their statements: default names, which USE changes; settings; temporary views and
variables, which live in a session of Spark's."""

import asyncio
import re
import uuid

from aiohttp import web

from . import settings
from .auth import may_use_sql
from .errors import ApiError, SqlError, invalid
from .requests import read_json
from .warehouses import SQL
from .warehouses import find as find_warehouse

routes = web.RouteTableDef()
NAME = r"(?:`((?:[^`]|``)+)`|(\w+))"
USE = re.compile(
    rf"\s*(?:USE|SET(?=\s+CATALOG))\s+(?:(CATALOG|SCHEMA|DATABASE)\s+)?{NAME}(?:\s*\.\s*{NAME})?\s*;?\s*", re.I
)


class Session:
    def __init__(self, who, warehouse, catalog: str | None, schema: str | None):
        self.id, self.who, self.warehouse = str(uuid.uuid4()), who, warehouse
        self.catalog, self.schema = catalog, schema
        self.settings: dict[str, str] = {}
        self.spark = None  # Spark's session, once there is something that only it can keep
        self.temporary: dict[str, list] = {}  # views by name, with the privileges that reading them takes
        self.turn = asyncio.Lock()  # its statements run one after the other: they share what they change

    def conf(self) -> dict[str, str]:
        return settings.in_spark(self.settings, all_of_them=self.spark is not None)

    def keep(self, engine):
        """From now on its statements run in one session of Spark's."""
        self.spark = self.spark or engine.session(self.id, self.who.user_name, self)

    def follow(self, statement: str):
        """A USE that succeeded holds for what comes after it."""
        if m := USE.fullmatch(statement):
            first, second = (m[2] or "").replace("``", "`") or m[3], (m[4] or "").replace("``", "`") or m[5]
            if (m[1] or "").upper() == "CATALOG":
                self.catalog, self.schema = first, None
            elif second:
                self.catalog, self.schema = first, second
            else:
                self.schema = first


def find(world, who, session_id) -> Session:
    found = world.sessions.get(session_id) if isinstance(session_id, str) else None
    if found is None or found.who is not who:
        raise ApiError(404, "NOT_FOUND", f"Session {session_id} was not found.")
    return found


@routes.post(SQL + "/sessions{slash:/?}")
async def open_session(request):
    world, who = request.app["world"], request["who"]
    may_use_sql(who)
    body = await read_json(request)
    warehouse = find_warehouse(world, body.get("warehouse_id"))
    warehouse.require(who, "CAN_USE")
    for key in ("catalog", "schema"):
        if body.get(key) is not None and not isinstance(body[key], str):
            raise invalid(f"{key} must be a string.")
    confs = body.get("session_confs") or {}
    if not isinstance(confs, dict) or not all(isinstance(v, str | int | float) for v in confs.values()):
        raise invalid("session_confs must be an object of strings.")
    session = Session(who, warehouse, body.get("catalog") or None, body.get("schema") or None)
    try:
        session.settings = settings.given(world, confs)
    except SqlError as error:
        raise invalid(str(error)) from None
    world.sessions[session.id] = session
    return web.json_response({"session_id": session.id})


@routes.delete(SQL + "/sessions/{id}")
async def close_session(request):
    world = request.app["world"]
    may_use_sql(request["who"])
    del world.sessions[find(world, request["who"], request.match_info["id"]).id]
    return web.json_response({})
