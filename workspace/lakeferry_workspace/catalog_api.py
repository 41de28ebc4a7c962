"""Unity Catalog's REST face: metastore, catalogs, schemas, tables, volumes, grants."""
import json

from aiohttp import web

from .errors import ApiError, invalid
from .grants import PRIVILEGES
from .objects import VIRTUAL
from .requests import read_json
from .results import logged_type
from .volume_paths import valid_name

routes = web.RouteTableDef()
UC = "/api/2.1/unity-catalog"
METASTORE = "4c6f6361-6c00-4000-8000-000000000001"
SIZES = {"Catalog": 1, "Schema": 2, "Table": 3, "Volume": 3}


def name_of(text: str, kind: str) -> tuple:
    parts = tuple(p.lower() for p in text.split("."))
    if len(parts) != SIZES[kind] or not all(valid_name(p) for p in parts):
        raise invalid(f"'{text}' is not a valid name of a {kind.lower()}: {SIZES[kind]} part(s) are needed.")
    return parts


def find(request, kind: str, name: tuple, privilege: str | None = None):
    """Exists and may be seen; or 404 and 403 in Unity Catalog's words. hive_metastore is not in it."""
    world = request.app["world"]
    for k, n in ((k, name[:SIZES[k]]) for k in ("Catalog", "Schema", kind) if SIZES[k] <= len(name)):
        if not world.objects.is_unity(name[0]) or not world.objects.exists(k, n):
            code = "NOT_FOUND" if k == "Volume" else f"{k.upper()}_DOES_NOT_EXIST"
            raise ApiError(404, code, f"{k} '{'.'.join(n)}' does not exist.")
    if privilege and (lack := world.grants.missing(request["who"], privilege, kind, name)):
        raise ApiError(403, "PERMISSION_DENIED", f"User does not have {lack[0]} on {lack[1]} '{'.'.join(lack[2])}'.")


def about(world, kind: str, name: tuple) -> dict:
    known = world.objects.about(kind, name)
    out = {"name": name[-1], "owner": known.get("owner"), "created_at": known.get("created_at"), "created_by": known.get("created_by"),
           "updated_at": known.get("created_at"), "metastore_id": METASTORE, "comment": known.get("comment")}
    if len(name) > 1:
        out |= {"full_name": ".".join(name), "catalog_name": name[0]}
    if len(name) > 2:
        out["schema_name"] = name[1]
    return {k: v for k, v in out.items() if v is not None}


def catalog_view(world, name: tuple) -> dict:
    return about(world, "Catalog", name) | {"catalog_type": "MANAGED_CATALOG", "full_name": name[0], "securable_type": "CATALOG"}


def schema_view(world, name: tuple) -> dict:
    return about(world, "Schema", name) | {"catalog_type": "MANAGED_CATALOG"}


def view_view(world, name: tuple, with_columns: bool) -> dict:
    """A view, as the tables API shows it."""
    known = world.objects.about("Table", name)
    out = about(world, "Table", name) | {"table_type": "VIEW", "view_definition": known["view"]["definition"],
                                         "properties": {k: v for k, v in known["view"]["properties"].items() if not k.startswith("view.")},
                                         "table_id": known.get("id", ""), "updated_at": known.get("altered_at") or known.get("created_at")}
    return out | ({"columns": [column_view(i, f) for i, f in enumerate(world.objects.columns(name))]} if with_columns else {})


def table_view(world, name: tuple, with_columns: bool = True) -> dict:
    if world.objects.view(name):
        return view_view(world, name, with_columns)
    log = world.objects.log(name).refresh()
    out = about(world, "Table", name) | {"table_type": "MANAGED", "data_source_format": "DELTA", "properties": log.properties(),
                                         "table_id": world.objects.about("Table", name).get("id", "")}
    if log.altered:
        out["updated_at"] = log.altered
    if log.comment():
        out["comment"] = log.comment()
    if log.clustering:
        out["properties"]["clusteringColumns"] = json.dumps([[c] for c in log.clustering])
    if with_columns:
        out["columns"] = [column_view(i, f) for i, f in enumerate(log.columns())]
    return out


def column_view(position: int, field: dict) -> dict:
    text, type_name, _ = logged_type(field["type"])
    out = {"name": field["name"], "type_text": text, "type_name": type_name, "position": position, "nullable": field["nullable"],
           "type_json": json.dumps(field)}
    if type_name == "DECIMAL":
        precision, scale = text.removeprefix("decimal(").removesuffix(")").split(",")
        out |= {"type_precision": int(precision), "type_scale": int(scale)}
    comment = field.get("metadata", {}).get("comment")
    return out | ({"comment": comment} if comment is not None else {})


def volume_view(world, name: tuple) -> dict:
    return about(world, "Volume", name) | {"volume_type": "MANAGED", "volume_id": world.objects.about("Volume", name).get("id", ""),
                                           "storage_location": "dbfs:/Volumes/" + "/".join(name)}


def page(request, key: str, items: list) -> web.Response:
    size, token = request.query.get("max_results", "0"), request.query.get("page_token", "0")
    if not (size + token).isascii() or not size.isdecimal() or not token.isdecimal():
        raise invalid("max_results and page_token must be numbers that this API gave.")
    start, size = int(token), int(size) or 1000
    more = {"next_page_token": str(start + size)} if start + size < len(items) else {}
    return web.json_response({key: items[start:start + size]} | more)


@routes.get(UC + "/current-metastore-assignment")
async def assignment(request):
    world = request.app["world"]
    if not world.options.metastore:
        raise ApiError(404, "FEATURE_DISABLED", "Unity Catalog is not enabled for this workspace: no metastore is assigned.")
    return web.json_response({"metastore_id": METASTORE, "workspace_id": int(world.workspace_id),
                              "default_catalog_name": world.options.default_catalog})


@routes.get(UC + "/metastore_summary")
async def summary(request):
    await assignment(request)
    world = request.app["world"]
    created = world.objects.about("Catalog", (world.options.default_catalog,)).get("created_at", 0)
    return web.json_response({"metastore_id": METASTORE, "global_metastore_id": f"local:local:{METASTORE}", "name": "local", "cloud": "local",
                              "region": "local", "owner": world.admin.user_name, "created_by": world.admin.user_name,
                              "created_at": created, "updated_at": created, "privilege_model_version": "1.0",
                              "delta_sharing_scope": "INTERNAL"})


@routes.get(UC + "/catalogs")
async def catalogs(request):
    world = request.app["world"]
    return page(request, "catalogs", [catalog_view(world, (c,)) for c in world.objects.catalogs()
                                      if world.objects.is_unity(c) and world.grants.sees(request["who"], "Catalog", (c,))])


@routes.get(UC + "/catalogs/{name}")
async def catalog(request):
    name = name_of(request.match_info["name"], "Catalog")
    find(request, "Catalog", name, "USE CATALOG")
    return web.json_response(catalog_view(request.app["world"], name))


@routes.get(UC + "/schemas")
async def schemas(request):
    world, name = request.app["world"], name_of(request.query.get("catalog_name", ""), "Catalog")
    find(request, "Catalog", name, "USE CATALOG")
    return page(request, "schemas", [schema_view(world, (*name, s)) for s in [*world.objects.schemas(name[0]), VIRTUAL]
                                     if s == VIRTUAL or world.grants.sees(request["who"], "Schema", (*name, s))])


@routes.get(UC + "/schemas/{name}")
async def schema(request):
    name = name_of(request.match_info["name"], "Schema")
    find(request, "Schema", name, "USE SCHEMA")
    return web.json_response(schema_view(request.app["world"], name))


def schema_of_query(request) -> tuple:
    return name_of(f"{request.query.get('catalog_name', '')}.{request.query.get('schema_name', '')}", "Schema")


@routes.get(UC + "/tables")
async def tables(request):
    world, name = request.app["world"], schema_of_query(request)
    find(request, "Schema", name, "USE SCHEMA")
    bare = request.query.get("omit_columns", "false") == "true"
    return page(request, "tables", [table_view(world, (*name, t), not bare) for t in world.objects.relations(*name)
                                    if world.grants.sees(request["who"], "Table", (*name, t))])


@routes.get(UC + "/tables/{name}")
async def table(request):
    name = name_of(request.match_info["name"], "Table")
    find(request, "Table", name, "SELECT")
    return web.json_response(table_view(request.app["world"], name))


@routes.get(UC + "/tables/{name}/exists")
async def table_exists(request):
    name = name_of(request.match_info["name"], "Table")
    find(request, "Schema", name[:2], "USE SCHEMA")
    return web.json_response({"table_exists": request.app["world"].objects.exists("Table", name)})


@routes.get(UC + "/volumes")
async def volumes(request):
    world, name = request.app["world"], schema_of_query(request)
    find(request, "Schema", name, "USE SCHEMA")
    return page(request, "volumes", [volume_view(world, (*name, v)) for v in world.objects.volumes(*name)
                                     if world.grants.sees(request["who"], "Volume", (*name, v))])


@routes.post(UC + "/volumes")
async def create_volume(request):
    world, body = request.app["world"], await read_json(request)
    name = name_of(".".join(str(body.get(k, "")) for k in ("catalog_name", "schema_name", "name")), "Volume")
    find(request, "Schema", name[:2], "CREATE VOLUME")
    if body.get("volume_type", "MANAGED") != "MANAGED" or body.get("storage_location"):
        raise invalid("The local workspace has managed volumes only: leave storage_location out.")
    if world.objects.exists("Volume", name):
        raise ApiError(409, "ALREADY_EXISTS", f"Volume '{'.'.join(name)}' already exists")
    world.objects.add_volume(name, request["who"].user_name, body.get("comment"))
    return web.json_response(volume_view(world, name))


@routes.get(UC + "/volumes/{name}")
async def volume(request):
    name = name_of(request.match_info["name"], "Volume")
    find(request, "Volume", name, "READ VOLUME")
    return web.json_response(volume_view(request.app["world"], name))


@routes.delete(UC + "/volumes/{name}")
async def delete_volume(request):
    name = name_of(request.match_info["name"], "Volume")
    find(request, "Volume", name, "MANAGE")
    request.app["world"].objects.drop_volume(name)
    return web.json_response({})


def securable(request) -> tuple[str, tuple]:
    kind = request.match_info["kind"].capitalize()
    if kind not in SIZES:
        raise invalid(f"'{request.match_info['kind']}' is not a kind of securable that this workspace has.")
    name = name_of(request.match_info["name"], kind)
    find(request, kind, name)
    return kind, name


@routes.get(UC + "/{which:permissions|effective-permissions}/{kind}/{name}")
async def permissions(request):
    """Everyone sees his own grants; who may manage the object sees all."""
    world, who = request.app["world"], request["who"]
    kind, name = securable(request)
    principal = request.query.get("principal") or None
    if principal is None and not world.grants.holds(who, "MANAGE", kind, name):
        principal = who.user_name
    if principal and principal not in who.identities and not world.grants.holds(who, "MANAGE", kind, name):
        raise ApiError(403, "PERMISSION_DENIED", f"User does not have MANAGE on {kind} '{'.'.join(name)}'.")
    if request.match_info["which"] == "effective-permissions":
        return page(request, "privilege_assignments", world.grants.effective(kind, name, principal))
    return page(request, "privilege_assignments", [
        {"principal": p, "privileges": [x.replace(" ", "_") for x in held]}
        for p, held in sorted(world.grants.direct(kind, name).items()) if principal in (None, p)])


def changes(world, kind: str, given) -> list[tuple[str, list, list]]:
    """(principal, add, remove) of each: all of them make sense, or none is made."""
    read = []
    for change in given if isinstance(given, list) else [None]:
        lists = [change.get(k) or [] for k in ("add", "remove")] if isinstance(change, dict) else [None]
        if not all(isinstance(x, list) and all(isinstance(p, str) for p in x) for x in lists):
            raise invalid("changes must be a list of objects with a principal and lists of privileges to add and to remove.")
        add, remove = ([p.replace("_", " ") for p in x] for x in lists)
        if wrong := sorted({*add, *remove} - PRIVILEGES[kind]):
            raise invalid(f"Privilege {wrong[0].replace(' ', '_')} is not applicable to this entity.")
        if not isinstance(change.get("principal"), str) or change["principal"] not in world.principals.known():
            raise ApiError(404, "PRINCIPAL_DOES_NOT_EXIST", f"Could not find principal with name {change.get('principal')}")
        read.append((change["principal"], add, remove))
    return read


@routes.patch(UC + "/permissions/{kind}/{name}")
async def change_permissions(request):
    world, body = request.app["world"], await read_json(request)
    kind, name = securable(request)
    find(request, kind, name, "MANAGE")
    for principal, add, remove in changes(world, kind, body.get("changes") or []):
        world.grants.change(kind, name, principal, add, remove)
    return web.json_response({"privilege_assignments": [
        {"principal": p, "privileges": [x.replace(" ", "_") for x in held]} for p, held in sorted(world.grants.direct(kind, name).items())]})
