"""PUT, GET and REMOVE of files in volumes, the drivers' own statements: their answer is a presigned link, which the driver follows
(Databricks SQL Connector for Python, "Manage files in Unity Catalog volumes")."""
import json
import re
import secrets

from aiohttp import web

from . import links
from .dialect import is_string, literal, tokenize
from .errors import ApiError, SqlError, parse_error
from .files import place, receive
from .results import columns
from .sources import not_found, volume_path

COLUMNS = ("operation", "presignedUrl", "headers", "localFile")
STREAM = "__input_stream__"  # what a driver sends of its own accord, not out of a file


def handles(words: list[str], text: str) -> bool:
    return is_volume_operation(text)


def is_volume_operation(text: str) -> bool:
    """Whether the manifest tells the driver to follow the link."""
    return re.match(rf"\s*(PUT\s+('|{STREAM})|(GET|REMOVE)\s+')", text, re.I) is not None


def run(world, call):
    t = tokenize(call.text.rstrip().rstrip(";"))
    operation = call.text.split(None, 1)[0].upper()
    texts = [literal(call.text, x) for x in t if is_string(x)]
    rest = [x.text.upper() for x in t if not is_string(x)]
    overwrite = rest[-1:] == ["OVERWRITE"]
    if operation == "REMOVE":
        local, remote, wrong = None, texts[0], len(texts) != 1 or len(rest) > 1
    elif operation == "GET":
        remote, local, wrong = texts[0], texts[-1], len(texts) != 2 or rest[1:] != ["TO"]
    else:
        local = texts[0] if len(texts) == 2 else STREAM
        remote = texts[-1] if texts else ""
        wrong = [x for x in rest[1:] if x != STREAM.upper()] not in (["INTO"], ["INTO", "OVERWRITE"])
    if wrong:
        raise parse_error(f"'{operation}': write PUT 'file' INTO 'path' [OVERWRITE], GET 'path' TO 'file' or REMOVE 'path'", call.text, 0)
    url = LINKS[operation](world, call.who, remote, overwrite)
    return columns(COLUMNS), [[operation, url, json.dumps({}), local]]


def put(world, who, remote: str, overwrite: bool) -> str:
    path = writable(world, who, remote)
    if not overwrite and path.local(world.objects.volumes_root).exists():
        raise SqlError(f"[FILE_ALREADY_EXISTS] The file {path.text} exists; write OVERWRITE to replace it. SQLSTATE: 42K04", "42K04")

    async def act(request):
        part = world.scratch / f"upload-{secrets.token_hex(8)}"
        try:
            request["bytes_in"] = await receive(request, part, world.options.max_file_bytes)
            place(world, path.text, part, overwrite)
        except ApiError as error:
            return links.refusal(error.status, error.code, str(error))
        finally:
            part.unlink(missing_ok=True)
        return web.Response(status=200)

    return world.links.make(world, "PUT", act=act)[0]


def get(world, who, remote: str, _) -> str:
    path = volume_path(world, who, remote)
    local = path.local(world.objects.volumes_root)
    if not local.is_file():
        raise not_found(path.text)
    return world.links.make(world, "GET", file=local)[0]


def remove(world, who, remote: str, _) -> str:
    path = writable(world, who, remote)
    local = path.local(world.objects.volumes_root)
    if not local.exists():
        raise not_found(path.text)

    async def act(_):
        try:
            if local.is_dir():
                local.rmdir()
            else:
                local.unlink(missing_ok=True)
        except OSError as error:
            return links.refusal(409, "Conflict", f"{path.text}: {error.strerror}")
        return web.Response(status=204)

    return world.links.make(world, "DELETE", act=act)[0]


def writable(world, who, remote: str):
    path = volume_path(world, who, remote, "WRITE VOLUME")
    if not path.rest:
        raise SqlError(f"[INVALID_PARAMETER_VALUE] '{remote}' names a volume and no file in it. SQLSTATE: 22023", "22023")
    return path


LINKS = {"PUT": put, "GET": get, "REMOVE": remove}
