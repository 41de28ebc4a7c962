"""/__workspace/: what only a test or the person at this machine may do. Reachable from this machine alone."""
from dataclasses import asdict, dataclass, fields

from aiohttp import web

from . import faults
from .errors import ApiError, invalid
from .options import LIVE, Options, PrincipalOptions, WarehouseOptions, validate_numbers, validate_warehouse
from .requests import read_json
from .typed import ConfigError, build, check
from .warehouses import Warehouse, find

routes = web.RouteTableDef()
ROOT = "/__workspace"
FILTERS = ("principal", "call", "method", "path", "status", "statement_id", "warehouse_id", "fault")


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
    """?since=SEQ &limit=N, and any of FILTERS; sums and warehouses are of all calls, whatever is listed."""
    world, query = request.app["world"], dict(request.query)
    since, limit = query.pop("since", "0"), query.pop("limit", "100000")
    if not (since.isascii() and since.isdecimal() and limit.isascii() and limit.isdecimal()):
        raise invalid("since and limit must be numbers.")
    if unknown := sorted(set(query) - set(FILTERS)):
        raise invalid(f"The ledger cannot be filtered by '{unknown[0]}'; it can by {', '.join(FILTERS)}.")
    return web.json_response({"calls": world.ledger.since(int(since), int(limit), query), "totals": world.ledger.totals(),
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
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < 1e9:
        raise invalid("advance_seconds must be a number, 0 or more.")
    world.clock.advance(seconds)
    world.sweep()
    return web.json_response({"now": world.clock.now(), "offset": world.clock.offset})


@routes.get(ROOT + "/warehouses")
async def list_warehouses(request):
    return web.json_response({w.id: w.account() for w in request.app["world"].warehouses.values()})


@dataclass
class Change(WarehouseOptions):
    """What may be changed of a warehouse beside its options."""
    fail_next_start: dict | None = None
    create: bool = False


@routes.post(ROOT + "/warehouses/{id}")
async def change_warehouse(request):
    """WarehouseOptions, "fail_next_start": {"summary", "code", "type"} or null; "create": true makes an unknown one."""
    world, body, wid = request.app["world"], await read_json(request), request.match_info["id"]
    known = world.warehouses.get(wid)
    given = {k: v for k, v in body.items() if k not in ("fail_next_start", "create", "acl")}
    try:
        check(Change, body, "A warehouse", hidden=("id",))
        wanted = build(WarehouseOptions, (asdict(known.given) if known else {"id": wid, "name": wid}) | given | {"acl": body.get("acl", {})},
                       "A warehouse")
        validate_warehouse(wanted)
    except ConfigError as error:
        raise invalid(str(error)) from None
    if known is None and body.get("create"):
        world.warehouses[wid] = Warehouse(world, wanted)
    w = find(world, wid)
    for key in set(given) - {"state"}:
        setattr(w.given, key, body[key])
    for name, level in body.get("acl", {}).items():
        if name not in world.principals.known():
            principal(world, name)
        w.set_level(name, level)
    if "default_level" in body:
        w.default_level = None if body["default_level"] == "NONE" else body["default_level"]
    if "fail_next_start" in body:
        w.break_next_start(body["fail_next_start"])
    if "state" in body:
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
    """Changes the named principal, or adds it, for as long as the workspace runs; its grants are given at once."""
    world, body = request.app["world"], await read_json(request)
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise invalid("name is required.")
    try:
        given = build(PrincipalOptions, body, "A principal")
    except ConfigError as error:
        raise invalid(str(error)) from None
    p = world.principals.named(body["name"])
    if p is None:
        p = world.principals.add(given)
    else:
        for key in {f.name for f in fields(PrincipalOptions)} & set(body) - {"name", "client_id", "grants"}:
            setattr(p, key, body[key])
        if "access_token" in body:
            world.principals.revoked.discard(body["access_token"])
    if given.grants:
        try:
            world.give(given.grants, p)
        except ConfigError as error:
            raise invalid(str(error)) from None
    return web.json_response(principal_view(p))


@routes.post(ROOT + "/tokens/revoke")
async def revoke(request):
    """OAuth tokens of all, or of {"principal"}; with {"access_tokens": true} the legacy ones as well. {"token_seconds"} sets the life
    of coming OAuth tokens."""
    world = request.app["world"]
    body = await read_json(request) if request.can_read_body else {}
    if "token_seconds" in body:
        set_options(world, {"token_seconds": body["token_seconds"]})
    who = principal(world, body["principal"]) if body.get("principal") else None
    gone = world.principals.revoke(who)
    if body.get("access_tokens"):
        gone += world.principals.revoke_access_tokens(who)
    return web.json_response({"revoked": gone})


def set_options(world, given: dict):
    if unknown := sorted(set(given) - set(LIVE)):
        raise invalid(f"'{unknown[0]}' cannot be changed while the workspace runs; {', '.join(LIVE)} can.")
    try:
        check(Options, given, "options")
        validate_numbers(build(Options, {k: getattr(world.options, k) for k in LIVE} | given, "options"))
    except ConfigError as error:
        raise invalid(str(error)) from None
    for key, value in given.items():
        setattr(world.options, key, value)


@routes.get(ROOT + "/options")
async def show_options(request):
    return web.json_response({k: getattr(request.app["world"].options, k) for k in LIVE})


@routes.post(ROOT + "/options")
async def change_options(request):
    set_options(request.app["world"], await read_json(request))
    return await show_options(request)
