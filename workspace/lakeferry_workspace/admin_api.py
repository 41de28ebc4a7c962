"""/__workspace/: what only a test or the person at this machine may do. Reachable from this machine alone."""
from dataclasses import fields

from aiohttp import web

from . import faults
from .errors import ApiError, invalid
from .options import PrincipalOptions, build, ConfigError
from .statement_api import read_json
from .warehouses import LEVELS, Warehouse, find

routes = web.RouteTableDef()
ROOT = "/__workspace"
STATES = ("STOPPED", "STARTING", "RUNNING", "STOPPING", "DELETING", "DELETED")


@routes.post(ROOT + "/faults")
async def add_fault(request):
    fault = request.app["world"].faults.add(faults.read(await read_json(request)))
    return web.json_response({"id": fault.id})


@routes.get(ROOT + "/faults")
async def list_faults(request):
    return web.json_response({"faults": request.app["world"].faults.listed()})


@routes.delete(ROOT + "/faults")
@routes.delete(ROOT + "/faults/{id}")
async def delete_faults(request):
    world, wanted = request.app["world"], request.match_info.get("id")
    kept = [f for f in world.faults.all if wanted is not None and str(f.id) != wanted]
    removed, world.faults.all = len(world.faults.all) - len(kept), kept
    return web.json_response({"removed": removed})


@routes.get(ROOT + "/ledger")
async def ledger(request):
    world = request.app["world"]
    since, limit = request.query.get("since", "0"), request.query.get("limit", "100000")
    if not since.isdecimal() or not limit.isdecimal():
        raise invalid("since and limit must be numbers.")
    return web.json_response({"calls": world.ledger.since(int(since), int(limit)),
                              "warehouses": {w.id: w.account() for w in world.warehouses.values()}})


@routes.delete(ROOT + "/ledger")
async def clear_ledger(request):
    request.app["world"].ledger.clear()
    return web.json_response({})


@routes.get(ROOT + "/clock")
async def clock(request):
    c = request.app["world"].clock
    return web.json_response({"now": c.now(), "offset": c.offset})


@routes.post(ROOT + "/clock")
async def move_clock(request):
    world, body = request.app["world"], await read_json(request)
    seconds = body.get("advance_seconds")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
        raise invalid("advance_seconds must be a number, 0 or more.")
    world.clock.advance(seconds)
    world.sweep()
    return web.json_response({"now": world.clock.now(), "offset": world.clock.offset})


@routes.get(ROOT + "/warehouses")
async def warehouses(request):
    world = request.app["world"]
    return web.json_response({"warehouses": {w.id: w.account() | {"acl": w.acl, "default_level": w.default_level}
                                             for w in world.warehouses.values()}})


@routes.post(ROOT + "/warehouses/{id}")
async def change_warehouse(request):
    """{"state", "fail_next_start": {"summary", "code", "type"}, "cold_start", "auto_stop_minutes", "max_clusters",
    "acl": {principal: level or null}, "default_level"}; an unknown id makes a new warehouse where "create" is true."""
    world, body, wid = request.app["world"], await read_json(request), request.match_info["id"]
    known = {"state", "fail_next_start", "cold_start", "auto_stop_minutes", "max_clusters", "acl", "default_level", "create", "name"}
    if unknown := sorted(set(body) - known):
        raise invalid(f"A warehouse has no '{unknown[0]}'; it has {', '.join(sorted(known))}.")
    if body.get("create") and wid not in world.warehouses:
        from .options import WarehouseOptions
        world.warehouses[wid] = Warehouse(world, WarehouseOptions(id=wid, name=body.get("name", wid)))
    w = find(world, wid)
    for key in ("cold_start", "auto_stop_minutes", "max_clusters", "name"):
        if key in body:
            setattr(w.given, key, body[key])
    levels = [*body.get("acl", {}).values(), body.get("default_level")]
    if wrong := [x for x in levels if x is not None and x not in LEVELS]:
        raise invalid(f"'{wrong[0]}' is not a permission level; they are {', '.join(LEVELS)}.")
    for name, level in body.get("acl", {}).items():
        who = principal(world, name)
        w.acl[who.user_name] = level
    if "default_level" in body:
        w.default_level = body["default_level"]
    if "fail_next_start" in body:
        w.fail_next = {"summary": "Cluster terminated: cloud provider launch failure."} | (body["fail_next_start"] or {}) \
            if body["fail_next_start"] is not None else None
    if "state" in body:
        if body["state"] not in STATES:
            raise invalid(f"'{body['state']}' is not a state; they are {', '.join(STATES)}.")
        w.become(body["state"])
        if body["state"] not in ("RUNNING", "STARTING"):
            world.statements.abandon(w)
    return web.json_response(w.account())


@routes.delete(ROOT + "/warehouses/{id}")
async def remove_warehouse(request):
    world = request.app["world"]
    w = find(world, request.match_info["id"])
    w.become("DELETED")
    world.statements.abandon(w)
    del world.warehouses[w.id]
    return web.json_response({})


def principal(world, name):
    found = world.principals.named(name)
    if found is None:
        raise ApiError(404, "PRINCIPAL_DOES_NOT_EXIST", f"Could not find principal with name {name}")
    return found


def principal_view(p) -> dict:
    return {"name": p.name, "client_id": p.user_name, "client_secret": p.client_secret, "access_token": p.access_token, "admin": p.admin,
            "entitlements": p.entitlements, "groups": p.groups}


@routes.get(ROOT + "/principals")
async def principals(request):
    return web.json_response({"principals": [principal_view(p) for p in request.app["world"].principals.by_id.values()]})


@routes.post(ROOT + "/principals")
async def change_principal(request):
    """Changes the named principal, or adds it."""
    world, body = request.app["world"], await read_json(request)
    if not isinstance(body.get("name"), str):
        raise invalid("name is required.")
    p = world.principals.named(body["name"])
    try:
        if p is None:
            p = world.principals.add(build(PrincipalOptions, body, "principal"))
        else:
            build(PrincipalOptions, body, "principal")
            for key in {f.name for f in fields(PrincipalOptions)} & set(body) - {"name", "client_id", "grants"}:
                setattr(p, key, body[key])
    except ConfigError as error:
        raise invalid(str(error)) from None
    return web.json_response(principal_view(p))


@routes.post(ROOT + "/tokens/revoke")
async def revoke(request):
    """All tokens, or those of {"principal"}; or shortens the life of coming ones with {"token_seconds"}."""
    world = request.app["world"]
    body = await read_json(request) if request.can_read_body else {}
    if "token_seconds" in body:
        world.principals.seconds = body["token_seconds"]
    who = principal(world, body["principal"]) if body.get("principal") else None
    return web.json_response({"revoked": world.principals.revoke(who)})


@routes.post(ROOT + "/options")
async def change_options(request):
    """{"history_lag_seconds", "metastore", "max_file_bytes", "cold_start", "link_seconds"}"""
    world, body = request.app["world"], await read_json(request)
    for key, value in body.items():
        if key == "link_seconds":
            world.link_seconds = value
        elif key in ("history_lag_seconds", "metastore", "max_file_bytes", "cold_start"):
            setattr(world.options, key, value)
        else:
            raise invalid(f"'{key}' cannot be changed while the workspace runs.")
    return web.json_response({})
