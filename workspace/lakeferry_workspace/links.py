"""Presigned links, served as an object store would: no credentials but the link's own, for a limited time."""

import asyncio
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from . import faults

routes = web.RouteTableDef()
ROOT, PIECE, REMEMBERED = "/presigned/", 1 << 18, 3600


@dataclass
class Link:
    """What one link gives: bytes, a file, or the right to do something (`act`, called with the request)."""

    method: str
    until: float
    data: bytes | None = None
    file: Path | None = None
    act: object = None


class Links:
    def __init__(self, world):
        self.world, self.all = world, {}

    def make(self, request, method: str = "GET", **what) -> tuple[str, float]:
        """(address, end of its life in seconds of the workspace's clock); `request` is whatever knows its host."""
        key = secrets.token_hex(16)
        until = self.world.clock.now() + self.world.options.link_seconds
        self.all[key] = Link(method, until, **what)
        return f"http://{request.host}{ROOT}{key}", until

    def expire(self, path: str):
        """Ends the link of this path before its time."""
        if link := self.all.get(path.removeprefix(ROOT)):
            link.until = self.world.clock.now() - 1

    def sweep(self):
        """An old link is remembered for a while, to say what it was; what it led to is let go."""
        now = self.world.clock.now()
        for link in self.all.values():
            if link.until < now:
                link.data = None
        self.all = {k: v for k, v in self.all.items() if v.until + REMEMBERED > now}


def refusal(status: int, code: str, message: str) -> web.Response:
    return web.Response(
        status=status,
        content_type="application/xml",
        text=f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>',
    )


@routes.route("*", ROOT + "{key}")
async def use(request):
    world = request.app["world"]
    link = world.links.all.get(request.match_info["key"])
    if "Authorization" in request.headers:
        return refusal(400, "InvalidArgument", "Only one auth mechanism allowed")
    if link is None:
        return refusal(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    if world.clock.now() > link.until:
        return refusal(403, "AccessDenied", "Request has expired")
    if request.method != link.method and not (request.method == "HEAD" and link.method == "GET"):
        if not (link.act and request.method == "DELETE" and link.method == "PUT"):
            return refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if link.act:
        return await link.act(request)
    if link.data is not None:
        return await bytes_of(request, link.data)
    try:
        with link.file.open("rb") as file:
            about = os.fstat(file.fileno())
            return await send_file(request, file, about.st_size, {})
    except FileNotFoundError:
        return refusal(404, "NoSuchKey", "The specified key does not exist.")


def span(request, size: int) -> tuple[int, int] | None:
    """(begin, end) of what a Range header asks for; None where nothing is there.

    Without one, or with one that means nothing, it is the whole."""
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size
    if wanted.start is None and wanted.stop is None:
        return 0, size
    start, stop, _ = wanted.indices(size)
    return (start, stop) if start < stop else None


def ranged(request, size: int, headers: dict) -> tuple[int, dict, int, int]:
    """Status, headers, begin and end of an answer with these bytes."""
    asked = span(request, size)
    if asked is None:
        return 416, headers | {"Content-Range": f"bytes */{size}"}, 0, 0
    start, stop = asked
    headers = headers | {
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(stop - start),
    }
    if (start, stop) == (0, size):
        return 200, headers, start, stop
    return 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}, start, stop


async def bytes_of(request, data: bytes) -> web.Response:
    status, headers, start, stop = ranged(request, len(data), {})
    headers.pop("Content-Length", None)
    return web.Response(status=status, headers=headers, body=data[start:stop])


async def send_file(request, file, size: int, headers: dict):
    """Streams an open file, or the range of it that is asked for."""
    status, headers, start, stop = ranged(request, size, headers)
    if status == 416:
        return web.Response(status=status, headers=headers)
    reply = web.StreamResponse(status=status, headers=headers)
    await reply.prepare(request)
    if request.method == "GET":
        progress = faults.Progress(stop - start)
        file.seek(start)
        while start < stop:
            data = await asyncio.get_running_loop().run_in_executor(None, file.read, min(PIECE, stop - start))
            if not data:
                break  # the file shrank meanwhile: the client sees a short body
            start += len(data)
            await faults.send(request, reply, data, progress)
    await reply.write_eof()
    return reply
