"""Faults on demand: the next matching calls, statements or starts go wrong in a chosen way, and every fault counts what it did."""
import asyncio
import itertools
import json
import re
from dataclasses import asdict, dataclass, field

from aiohttp import web

from . import calls
from .errors import SqlError, invalid
from .typed import ConfigError, build, check

CALLS = ("status", "drop", "slow", "drip", "revoke", "expire_link")  # the call goes wrong
STATEMENTS = ("fail", "closed", "gone", "hang")  # the statement goes wrong
STARTS = ("fail_start", "slow_start")  # the warehouse's start goes wrong
KINDS = CALLS + STATEMENTS + STARTS
HIDDEN = ("id", "hits", "seen")
_numbers = itertools.count(1)


@dataclass
class Fault:
    kind: str = "status"
    call: str | None = None  # kind of call, one of calls.KINDS
    method: str = ".*"  # regular expression on the HTTP method
    path: str = ""  # regular expression, searched in the path
    sql: str | None = None  # regular expression, searched in the statement's text (submits and statements)
    principal: str | None = None  # display name or application id
    warehouse: str | None = None  # id: statements and starts of this one only
    times: int = 1  # -1: until it is removed
    skip: int = 0  # matching calls that pass first
    after: bool = False  # the effect takes place, then the answer goes wrong
    status: int = 503
    code: str | int = "TEMPORARILY_UNAVAILABLE"
    message: str = "The service is temporarily unavailable."
    type: str = "CLOUD_FAILURE"  # fail_start: type of the failure reason, whose code is `code`
    sql_state: str | None = None
    retry_after: str | int | float | None = None
    body: str | None = None  # raw, in place of the JSON error
    content_type: str = "text/plain"
    headers: dict = field(default_factory=dict)
    seconds: float = 1.0  # slow, slow_start: delay; drip: in all; hang: how long it runs
    bytes: int | None = None  # drip: at once (1); drop with after: how much of the answer gets out (nothing)
    id: int = field(default_factory=lambda: next(_numbers))
    hits: int = 0
    seen: int = 0

    def error(self) -> SqlError:
        return SqlError(self.message, self.sql_state)

    def concerns(self, who) -> bool:
        return self.principal is None or (who is not None and self.principal in (who.name, who.user_name))

    def at(self, warehouse) -> bool:
        return self.warehouse is None or self.warehouse == warehouse.id

    def take(self) -> bool:
        """Counts a match; true when it is to take effect."""
        self.seen += 1
        if self.seen <= self.skip or self.times == self.hits:
            return False
        self.hits += 1
        return True


def read(body) -> Fault:
    try:
        check(Fault, body, "A fault", HIDDEN)
        fault = build(Fault, body, "A fault")
    except ConfigError as error:
        raise invalid(str(error)) from None
    if fault.kind not in KINDS:
        raise invalid(f"kind must be one of {', '.join(KINDS)}, not '{fault.kind}'.")
    if fault.call is not None and fault.call not in calls.KINDS:
        raise invalid(f"call must be one of {', '.join(calls.KINDS)}, not '{fault.call}'.")
    for name, pattern in (("method", fault.method), ("path", fault.path), ("sql", fault.sql or "")):
        try:
            re.compile(pattern)
        except re.error as error:
            raise invalid(f"{name}: '{pattern}' is not a regular expression: {error}") from None
    if not 100 <= fault.status <= 599 or fault.times < -1 or fault.skip < 0 or fault.seconds < 0 or (fault.bytes or 0) < 0:
        raise invalid("status must be between 100 and 599, times -1 or more; skip, seconds and bytes 0 or more.")
    if fault.after and fault.kind not in ("status", "drop", "fail"):
        raise invalid(f"after has no meaning for the kind {fault.kind}: it has for status, drop and fail.")
    return fault


class Faults:
    def __init__(self):
        self.all: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.all.append(fault)
        return fault

    def listed(self) -> list[dict]:
        return [asdict(f) for f in self.all]

    def call(self, request, text: str | None, who) -> Fault | None:
        kind = calls.kind_of(request.method, request.path)
        for f in self.all:
            if (f.kind in CALLS and (kind == "link" or f.kind != "expire_link") and f.call in (None, kind)
                    and re.fullmatch(f.method, request.method, re.I) and re.search(f.path, request.path) and f.concerns(who)
                    and (f.sql is None or (text is not None and re.search(f.sql, text, re.I | re.S))) and f.take()):
                return f
        return None

    def statement(self, st) -> Fault | None:
        for f in self.all:
            if (f.kind in STATEMENTS and f.concerns(st.who) and f.at(st.warehouse)
                    and re.search(f.sql or "", st.text, re.I | re.S) and f.take()):
                return f
        return None

    def start(self, warehouse) -> list[Fault]:
        """A start may be slow and then fail."""
        return [f for f in self.all if f.kind in STARTS and f.at(warehouse) and f.take()]


async def before(world, request, fault: Fault):
    """What happens ahead of the handler; a response here means that the handler is never reached."""
    request["fault"] = fault
    if fault.kind == "slow":
        await world.clock.sleep_until(world.clock.now() + fault.seconds)
    elif fault.kind == "revoke":
        world.principals.revoke(world.principals.named(fault.principal) if fault.principal else None)
        world.principals.revoke_access_token(request.get("token", ""))
    elif fault.kind == "expire_link":
        world.links.expire(request.path)
    elif fault.kind == "status" and not fault.after:
        return refusal(fault)
    elif fault.kind == "drop" and not fault.after:
        request.transport.abort()
        return web.Response(status=500)
    return None


async def afterwards(request, fault: Fault, reply):
    """What happens to an answer whose effect has taken place. One that was streamed met `send` on its way."""
    if fault.kind == "status" and fault.after:
        return refusal(fault)
    if reply.prepared:
        if fault.kind == "drop" and fault.after and request.transport:
            request.transport.abort()
    elif fault.kind == "drip" or (fault.kind == "drop" and fault.after and fault.bytes):
        return await spoil(request, fault, reply)
    elif fault.kind == "drop" and fault.after:
        request.transport.abort()
    return reply


def refusal(fault: Fault):
    headers = dict(fault.headers) | ({"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {})
    if fault.body is not None:
        return web.Response(status=fault.status, text=fault.body, content_type=fault.content_type, headers=headers)
    return web.json_response({"error_code": fault.code, "message": fault.message}, status=fault.status, headers=headers)


async def spoil(request, fault: Fault, reply):
    """A whole answer, sent in drops or cut after some bytes."""
    data = reply.body if isinstance(getattr(reply, "body", None), bytes) else b""
    slow = web.StreamResponse(status=reply.status, headers={k: v for k, v in reply.headers.items() if k.lower() != "content-length"})
    slow.content_length = len(data)
    await slow.prepare(request)
    await send(request, slow, data, Progress(len(data)))
    await slow.write_eof()
    return slow


class Progress:
    """How far an answer of `total` bytes has come."""

    def __init__(self, total: int):
        self.total, self.sent = total, 0


async def send(request, reply, data: bytes, progress: Progress):
    """Writes a piece of an answer as the call's fault wants it: at once, in drops, or up to where the connection is cut."""
    fault = request.get("fault")
    if fault and fault.kind == "drop" and fault.after and fault.bytes is not None:
        left = max(0, fault.bytes - progress.sent)
        await reply.write(data[:left])
        if left < len(data):
            await asyncio.sleep(0.05)  # so that what was written leaves before the connection does
            request.transport and request.transport.abort()
            raise ConnectionResetError("cut by a fault")
        progress.sent += len(data)
    elif fault and fault.kind == "drip":
        size = fault.bytes or 1
        for at in range(0, len(data), size):
            await reply.write(data[at:at + size])
            await asyncio.sleep(fault.seconds * min(size, len(data) - at) / max(progress.total, 1))
    else:
        await reply.write(data)


def text_of(request_body: bytes) -> str | None:
    try:
        text = json.loads(request_body).get("statement")
        return text if isinstance(text, str) else None
    except (ValueError, AttributeError, RecursionError):
        return None
