"""Who may do what with a SQL warehouse: the permissions API, read and changed while the workspace runs."""

from aiohttp import web

from .errors import ApiError, invalid
from .options import LEVELS
from .requests import read_json
from .warehouses import find

routes = web.RouteTableDef()
GRANTABLE = tuple(level for level in LEVELS if level != "IS_OWNER")
NAMES = ("service_principal_name", "user_name", "group_name")
TEXTS = {
    "CAN_VIEW": "Can view the SQL warehouse",
    "CAN_USE": "Can use the SQL warehouse",
    "CAN_MONITOR": "Can use the SQL warehouse and see its queries",
    "CAN_MANAGE": "Can manage the SQL warehouse",
}


def managed(request):
    """The warehouse, for one who may manage it."""
    w = find(request.app["world"], request.match_info["id"])
    if w.level(request["who"]) not in ("CAN_MANAGE", "IS_OWNER"):
        raise ApiError(
            403, "PERMISSION_DENIED", f"{request['who'].user_name} does not have Manage permissions on {w.id}."
        )
    return w


def view(world, w) -> dict:
    people = [p for p in world.principals.by_id.values() if w.level(p)]
    acl = [
        {
            "service_principal_name": p.user_name,
            "display_name": p.name,
            "all_permissions": [{"permission_level": w.level(p), "inherited": p.admin}],
        }
        for p in people
    ]
    known = {p.user_name for p in world.principals.by_id.values()}
    acl += [
        {"group_name": name, "all_permissions": [{"permission_level": level, "inherited": False}]}
        for name, level in w.acl.items()
        if level and name not in known
    ]
    return {"object_id": f"/sql/warehouses/{w.id}", "object_type": "warehouses", "access_control_list": acl}


def entries(world, body: dict) -> list[tuple[str, str]]:
    """(name, level) of the access control list in a request."""
    given = body.get("access_control_list") or []
    if not isinstance(given, list) or not all(isinstance(e, dict) for e in given):
        raise invalid("access_control_list must be a list of objects.")
    found = []
    for entry in given:
        names = [entry[key] for key in NAMES if entry.get(key)]
        if len(names) != 1 or not isinstance(names[0], str):
            raise invalid(f"Each entry of access_control_list names one principal: {', '.join(NAMES)}.")
        if entry.get("permission_level") not in GRANTABLE:
            raise invalid(
                f"'{entry.get('permission_level')}' is not a permission level of warehouses; "
                f"they are {', '.join(GRANTABLE)}."
            )
        if names[0] not in world.principals.known() and not world.principals.named(names[0]):
            raise ApiError(404, "PRINCIPAL_DOES_NOT_EXIST", f"Could not find principal with name {names[0]}")
        found.append((names[0], entry["permission_level"]))
    return found


@routes.get("/api/2.0/permissions/{kind:warehouses|sql/warehouses}/{id}")
async def permissions(request):
    w = managed(request)
    return web.json_response(view(request.app["world"], w))


@routes.get("/api/2.0/permissions/{kind:warehouses|sql/warehouses}/{id}/permissionLevels")
async def levels(request):
    managed(request)
    return web.json_response(
        {"permission_levels": [{"permission_level": x, "description": TEXTS[x]} for x in GRANTABLE]}
    )


@routes.put("/api/2.0/permissions/{kind:warehouses|sql/warehouses}/{id}")
async def replace(request):
    """The list as it is to be: who is not in it has no access."""
    world, w = request.app["world"], managed(request)
    wanted = entries(world, await read_json(request))
    w.acl, w.default_level = {}, None
    for name, level in wanted:
        w.set_level(name, level)
    return web.json_response(view(world, w))


@routes.patch("/api/2.0/permissions/{kind:warehouses|sql/warehouses}/{id}")
async def change(request):
    world, w = request.app["world"], managed(request)
    for name, level in entries(world, await read_json(request)):
        w.set_level(name, level)
    return web.json_response(view(world, w))
