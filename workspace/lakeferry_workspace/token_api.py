"""Legacy access tokens over HTTP: a principal makes, lists and revokes its own; they expire on the workspace clock."""

from aiohttp import web

from .errors import ApiError, invalid
from .requests import read_json

routes = web.RouteTableDef()
TOKEN = "/api/2.0/token"


def shown(info: dict) -> dict:
    return {k: info[k] for k in ("token_id", "creation_time", "expiry_time", "comment")}


@routes.post(TOKEN + "/create")
async def create(request):
    body = await read_json(request)
    seconds, comment = body.get("lifetime_seconds"), body.get("comment") or ""
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1):
        raise invalid("lifetime_seconds must be a positive whole number.")
    if not isinstance(comment, str):
        raise invalid("comment must be a string.")
    token, info = request.app["world"].principals.make_access_token(request["who"], seconds, comment)
    return web.json_response({"token_value": token, "token_info": shown(info)})


@routes.get(TOKEN + "/list")
async def listing(request):
    mine = [
        i for i in request.app["world"].principals.access_tokens().values() if i["owner"] == request["who"].user_name
    ]
    return web.json_response({"token_infos": [shown(i) for i in mine]})


@routes.post(TOKEN + "/delete")
async def delete(request):
    principals, wanted = request.app["world"].principals, (await read_json(request)).get("token_id")
    found = [
        t
        for t, i in principals.access_tokens().items()
        if i["token_id"] == wanted and i["owner"] == request["who"].user_name
    ]
    if not found:
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Token with ID {wanted} does not exist!")
    principals.revoke_access_token(found[0])
    return web.json_response({})
