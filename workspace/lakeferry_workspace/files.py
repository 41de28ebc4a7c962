"""Files API: bytes into and out of volumes. An upload is written aside and renamed, so that Spark never reads half a file."""
import asyncio
import os
import secrets
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote_to_bytes

from aiohttp import web

from . import links
from .errors import ApiError, invalid
from .volume_paths import BadPath, VolumePath, parse

routes = web.RouteTableDef()
FILE, DIRECTORY, PIECE = "/api/2.0/fs/files", "/api/2.0/fs/directories", 1 << 18


def error(status: int, code: str, message: str, reason: str | None = None) -> ApiError:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "filesystem.databricks.com"},
               {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": secrets.token_hex(8)}] if reason else None
    return ApiError(status, code, message, details)


def locate(request, privilege: str, text: str | None = None) -> tuple[VolumePath, Path]:
    """The volume of the request's path (or of `text`) exists and the caller may use it so; or the refusal."""
    world = request.app["world"]
    try:
        if text is None:
            unquote_to_bytes(request.rel_url.raw_path).decode()  # the web server would let odd bytes pass as they are
        path = parse("/Volumes/" + request.match_info["path"] if text is None else text)
    except UnicodeDecodeError:
        raise invalid(f"The path '{request.rel_url.raw_path}' is not valid UTF-8.") from None
    except BadPath as bad:
        raise invalid(str(bad)) from None
    if not world.objects.exists("Volume", path.volume):
        raise error(404, "NOT_FOUND", f"Volume '{'.'.join(path.volume)}' does not exist.", "FILES_API_RESOURCE_NOT_FOUND")
    if lack := world.grants.missing(request["who"], privilege, "Volume", path.volume):
        raise ApiError(403, "PERMISSION_DENIED", f"User does not have {lack[0]} on {lack[1]} '{'.'.join(lack[2])}'.")
    return path, path.local(world.objects.volumes_root)


def missing_file(path: VolumePath) -> ApiError:
    return error(404, "NOT_FOUND", f"The file being accessed is not found: {path.text}", "FILES_API_FILE_NOT_FOUND")


def missing_directory(path: VolumePath) -> ApiError:
    return error(404, "NOT_FOUND", f"The directory being accessed is not found: {path.text}", "FILES_API_DIRECTORY_IS_NOT_FOUND")


def taken() -> ApiError:
    return error(409, "ALREADY_EXISTS", "The file being created already exists.", "FILES_API_FILE_ALREADY_EXISTS")


def under_a_file() -> ApiError:
    return error(409, "ALREADY_EXISTS", "A parent of the given path points to an existing file.", "FILES_API_PATH_IS_A_FILE")


def ready_for(request, path: VolumePath, local: Path) -> bool:
    """A file may be written there; whether it may replace one (it may, unless the call says no)."""
    overwrite = request.query.get("overwrite", "true").lower()
    if overwrite not in ("true", "false"):
        raise invalid(f"overwrite must be true or false, not '{overwrite}'.")
    if not path.rest or request.path.endswith("/") or local.is_dir():
        raise error(409, "ALREADY_EXISTS", "The given path points to an existing directory. This API does not support operations on "
                    "directories.", "FILES_API_PATH_IS_A_DIRECTORY")
    if any(parent.is_file() for parent in local.parents):
        raise under_a_file()
    if overwrite == "false" and local.exists():
        raise taken()
    return overwrite == "true"


def place(world, path: str, whole: Path, overwrite: bool):
    """Lets a file that has arrived appear under its name, at one go."""
    where = parse(path)
    if not world.objects.exists("Volume", where.volume):  # dropped while the bytes came
        raise error(404, "NOT_FOUND", f"Volume '{'.'.join(where.volume)}' does not exist.", "FILES_API_RESOURCE_NOT_FOUND")
    local = where.local(world.objects.volumes_root)
    try:
        local.parent.mkdir(parents=True, exist_ok=True)
        if overwrite:
            whole.replace(local)
        else:
            os.link(whole, local)  # fails where somebody else was faster
    except NotADirectoryError:
        raise under_a_file() from None
    except (FileExistsError, IsADirectoryError):
        raise taken() from None


@routes.put(FILE + "/Volumes/{path:.+}")
async def upload(request):
    world = request.app["world"]
    path, local = locate(request, "WRITE VOLUME")
    overwrite = ready_for(request, path, local)
    part = world.scratch / f"upload-{secrets.token_hex(8)}"
    try:
        request["bytes_in"] = await receive(request, part, world.options.max_file_bytes)
        place(world, path.text, part, overwrite)
    finally:
        part.unlink(missing_ok=True)
    return web.Response(status=204)


async def receive(request, part: Path, limit: int) -> int:
    size, loop = 0, asyncio.get_running_loop()
    with part.open("wb") as out:
        async for data in request.content.iter_chunked(PIECE):
            size += len(data)
            if size > limit:
                raise error(413, "INVALID_PARAMETER_VALUE", f"The file is larger than the limit of {limit} bytes.", "FILES_API_FILE_TOO_LARGE")
            await loop.run_in_executor(None, out.write, data)
    return size


@routes.route("HEAD", FILE + "/Volumes/{path:.+}")
@routes.get(FILE + "/Volumes/{path:.+}", allow_head=False)
async def download(request):
    path, local = locate(request, "READ VOLUME")
    if not local.is_file():
        raise missing_file(path)
    with local.open("rb") as file:
        about = os.fstat(file.fileno())
        asked = request.if_unmodified_since  # None too where the header is no date, as RFC 9110 wants it
        if asked and int(about.st_mtime) > asked.timestamp():
            raise error(412, "FAILED_PRECONDITION", "The file was modified since the time in If-Unmodified-Since.",
                        "FILES_API_FILE_MODIFIED")
        return await links.send_file(request, file, about.st_size, {"Last-Modified": formatdate(about.st_mtime, usegmt=True)})


@routes.delete(FILE + "/Volumes/{path:.+}")
async def delete_file(request):
    path, local = locate(request, "WRITE VOLUME")
    if not local.is_file():
        raise missing_file(path)
    local.unlink()
    return web.Response(status=204)


@routes.put(DIRECTORY + "/Volumes/{path:.+}")
async def make_directory(request):
    _, local = locate(request, "WRITE VOLUME")
    if local.is_file() or any(parent.is_file() for parent in local.parents):
        raise error(409, "ALREADY_EXISTS", "The given path points to an existing file. This API does not support operations on files.",
                    "FILES_API_PATH_IS_A_FILE")
    local.mkdir(parents=True, exist_ok=True)
    return web.Response(status=204)


@routes.route("HEAD", DIRECTORY + "/Volumes/{path:.+}")
async def head_directory(request):
    path, local = locate(request, "READ VOLUME")
    if not local.is_dir():
        raise missing_directory(path)
    return web.Response(status=200)


@routes.get(DIRECTORY + "/Volumes/{path:.+}", allow_head=False)
async def list_directory(request):
    path, local = locate(request, "READ VOLUME")
    if not local.is_dir():
        raise missing_directory(path)
    size, token = request.query.get("page_size", "1000"), request.query.get("page_token", "")
    if not (size.isascii() and size.isdecimal()):
        raise invalid(f"page_size must be a number, not '{size}'.")
    size = min(int(size) or 1000, 1000)
    names = sorted(n for n in os.listdir(local) if n > token)
    found = [entry(path.child(n), local / n) for n in names[:size]]
    more = {"next_page_token": names[size - 1]} if len(names) > size else {}
    return web.json_response({"contents": [e for e in found if e]} | more)


def entry(path: VolumePath, local: Path) -> dict | None:
    try:
        about = local.stat()
    except FileNotFoundError:  # removed while we listed
        return None
    out = {"path": path.text, "name": local.name, "is_directory": local.is_dir()}
    return out if out["is_directory"] else out | {"file_size": about.st_size, "last_modified": int(about.st_mtime * 1000)}


@routes.delete(DIRECTORY + "/Volumes/{path:.+}")
async def delete_directory(request):
    path, local = locate(request, "WRITE VOLUME")
    if not local.is_dir():
        raise missing_directory(path)
    if not path.rest:
        raise invalid(f"The root of volume '{'.'.join(path.volume)}' cannot be deleted: drop the volume.")
    try:
        local.rmdir()
    except OSError:
        raise error(400, "INVALID_PARAMETER_VALUE", "The directory is not empty.", "FILES_API_DIRECTORY_IS_NOT_EMPTY") from None
    return web.Response(status=204)


@routes.route("*", FILE + "{path:.*}")
@routes.route("*", DIRECTORY + "{path:.*}")
async def elsewhere(request):
    """Paths that no other handler took: not in a volume, or a method that files do not have."""
    first, _, rest = request.match_info["path"].lstrip("/").partition("/")
    if first == "Volumes" and rest:
        raise web.HTTPMethodNotAllowed(request.method, [])
    raise invalid(f"Invalid path: unsupported first path component: {first}" if first != "Volumes" else
                  "Invalid path: it must begin with /Volumes/<catalog>/<schema>/<volume>.")
