"""Large files in parts: what Databricks' SDK does from 50 MiB on. Parts go to presigned links, as to a cloud's store.

Two ways, as on the clouds: `multipart` (AWS, Azure: parts in any order, then a list of them) and `resumable` (GCP: one
link, parts in order). The third, `refused`, is one that gives no links: the SDK then sends the file in one piece."""

import asyncio
import hashlib
import re
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from .errors import ApiError, invalid
from .files import FILE, error, locate, place, ready_for, receive
from .links import refusal
from .requests import read_json

routes = web.RouteTableDef()
FS, MOST_PARTS = "/api/2.0/fs", 10_000


@dataclass
class Upload:
    token: str
    path: str
    who: object
    folder: Path
    overwrite: bool
    style: str
    parts: dict[int, tuple[str, int]] = field(default_factory=dict)  # number: (etag, bytes)
    size: int = 0  # resumable: bytes that have come


async def start(request):
    """POST …?action=initiate-upload: the same rules as for a whole file, before the first byte is sent."""
    world = request.app["world"]
    path, local = locate(request, "WRITE VOLUME")
    overwrite = ready_for(request, path, local)
    folder = world.scratch / f"upload-{secrets.token_hex(8)}"
    folder.mkdir()
    style = "resumable" if world.options.uploads == "resumable" else "multipart"
    upload = Upload(secrets.token_urlsafe(24), path.text, request["who"], folder, overwrite, style)
    world.uploads[upload.token] = upload
    return web.json_response({f"{style}_upload": {"session_token": upload.token}})


def find(request, token, path) -> Upload:
    upload = request.app["world"].uploads.get(token) if isinstance(token, str) else None
    if (
        upload is None
        or upload.who is not request["who"]
        or (path is not None and upload.path.lower() != str(path).lower())
    ):
        raise error(
            404,
            "NOT_FOUND",
            "The upload session is not found: it has ended, or belongs to another file.",
            "FILES_API_UPLOAD_SESSION_NOT_FOUND",
        )
    return upload


@routes.post(FILE + "/Volumes/{path:.+}")
async def act(request):
    action = request.query.get("action")
    if action == "initiate-upload":
        return await start(request)
    if action == "complete-upload":
        return await complete(request)
    raise invalid(f"action must be initiate-upload or complete-upload, not '{action}'.")


def links_allowed(request):
    if request.app["world"].options.uploads == "refused":
        raise error(403, "PERMISSION_DENIED", "Presigned URLs API is not enabled", "FILES_API_API_IS_NOT_ENABLED")


async def asked(request) -> tuple[dict, Upload]:
    links_allowed(request)
    body = await read_json(request)
    return body, find(request, body.get("session_token"), body.get("path"))


@routes.post(FS + "/create-upload-part-urls")
async def part_links(request):
    body, upload = await asked(request)
    first, count = body.get("start_part_number", 1), body.get("count", 1)
    if (
        not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in (first, count))
        or first + count - 1 > MOST_PARTS
    ):
        raise invalid(f"start_part_number and count must be positive numbers, and parts at most {MOST_PARTS}.")
    links = request.app["world"].links
    return web.json_response(
        {
            "upload_part_urls": [
                {
                    "part_number": n,
                    "url": links.make(request, "PUT", act=part_receiver(upload, n))[0],
                    "headers": [{"name": "x-amz-server-side-encryption", "value": "AES256"}],
                }
                for n in range(first, first + count)
            ]
        }
    )


@routes.post(FS + "/create-resumable-upload-url")
async def resumable_link(request):
    _, upload = await asked(request)
    url, _ = request.app["world"].links.make(request, "PUT", act=resumer(upload))
    return web.json_response({"resumable_upload_url": {"url": url, "headers": []}})


@routes.post(FS + "/create-abort-upload-url")
async def abort_link(request):
    _, upload = await asked(request)
    url, _ = request.app["world"].links.make(request, "DELETE", act=forgetter(upload))
    return web.json_response({"abort_upload_url": {"url": url, "headers": []}})


@routes.post(FS + "/create-download-url")
async def download_link(request):
    """For whole and parallel downloads by link; the query names the file."""
    links_allowed(request)
    path, local = locate(request, "READ VOLUME", request.query.get("path", ""))
    if not local.is_file():
        raise error(404, "NOT_FOUND", f"The file being accessed is not found: {path.text}", "FILES_API_FILE_NOT_FOUND")
    url, _ = request.app["world"].links.make(request, file=local)
    return web.json_response({"url": url, "headers": []})


def forget(world, upload: Upload):
    world.uploads.pop(upload.token, None)
    shutil.rmtree(upload.folder, ignore_errors=True)


def forgetter(upload: Upload):
    async def run(request):
        forget(request.app["world"], upload)
        return web.Response(status=200)

    return run


def gone(world, upload: Upload):
    return (
        None if upload.token in world.uploads else refusal(404, "NoSuchUpload", "The specified upload does not exist.")
    )


def part_receiver(upload: Upload, number: int):
    async def run(request):
        world = request.app["world"]
        if missing := gone(world, upload):
            return missing
        part = upload.folder / f"{number}-{secrets.token_hex(4)}"
        size = request["bytes_in"] = await receive(request, part, world.options.max_file_bytes)
        etag = hashlib.md5(secrets.token_bytes(16)).hexdigest()
        if missing := gone(world, upload):
            return missing
        part.replace(upload.folder / str(number))
        upload.parts[number] = (f'"{etag}"', size)
        return web.Response(status=200, headers={"ETag": f'"{etag}"'})

    return run


def resumer(upload: Upload):
    async def run(request):
        """Google's protocol: `Content-Range: bytes 0-99/*` … `bytes 100-149/150`; `bytes */*` asks how far."""
        world = request.app["world"]
        if missing := gone(world, upload):
            return missing
        if request.method == "DELETE":
            forget(world, upload)
            return web.Response(status=499)
        m = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", request.headers.get("Content-Range", ""))
        if not m:
            return refusal(400, "InvalidArgument", "Invalid Content-Range.")
        if m[1] is not None:
            if int(m[1]) != upload.size:
                return refusal(400, "InvalidArgument", f"The next byte is {upload.size}.")
            part = upload.folder / "part"
            request["bytes_in"] = await receive(request, part, world.options.max_file_bytes)
            if request["bytes_in"] != int(m[2]) - int(m[1]) + 1:
                return refusal(400, "InvalidArgument", "Content-Range and the length of the body differ.")
            await asyncio.get_running_loop().run_in_executor(None, join, upload.folder / "whole", [part])
            upload.size += request["bytes_in"]
        if m[3] == "*" or upload.size < int(m[3]):
            return web.Response(status=308, headers={"Range": f"bytes=0-{upload.size - 1}"} if upload.size else {})
        try:
            await finish(request, upload, upload.folder / "whole")
        except ApiError as refused:
            return refusal(412 if refused.status == 409 else refused.status, "PreconditionFailed", refused.message)
        return web.Response(status=200)

    return run


def join(whole: Path, parts: list[Path]):
    with whole.open("ab") as out:
        for part in parts:
            with part.open("rb") as data:
                shutil.copyfileobj(data, out, 1 << 20)
            part.unlink()


async def complete(request):
    world = request.app["world"]
    path, _ = locate(request, "WRITE VOLUME")
    upload = find(request, request.query.get("session_token"), path.text)
    listed = (await read_json(request)).get("parts")
    if not isinstance(listed, list) or not listed or not all(isinstance(p, dict) for p in listed):
        raise invalid("parts must be a list of part_number and etag.")
    numbers = [p.get("part_number") for p in listed]
    if numbers != sorted(set(n for n in numbers if isinstance(n, int))):
        raise invalid("parts must be listed once each, in the order of their numbers.")
    for p in listed:
        if upload.parts.get(p["part_number"], ("", 0))[0] != p.get("etag"):
            raise invalid(f"Part {p['part_number']} was not uploaded, or its etag differs.")
    whole = upload.folder / "whole"
    await asyncio.get_running_loop().run_in_executor(None, join, whole, [upload.folder / str(n) for n in numbers])
    await finish(request, upload, whole)
    return web.json_response({})


async def finish(request, upload: Upload, whole: Path):
    """The file appears at one go, or the reason why not is told; the session is over either way."""
    try:
        place(request.app["world"], upload.path, whole, upload.overwrite)
    finally:
        forget(request.app["world"], upload)
