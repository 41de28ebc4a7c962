"""Faults on demand: the next matching calls or statements go wrong in a chosen way, and every fault counts what it did."""
import asyncio
import itertools
import json
import re
from dataclasses import asdict, dataclass, field, fields

from aiohttp import web

from .errors import SqlError, invalid

CALLS = ("status", "drop", "slow", "drip", "revoke")  # the call goes wrong
STATEMENTS = ("fail", "closed", "gone", "hang")  # the statement goes wrong
_numbers = itertools.count(1)


@dataclass
class Fault:
    kind: str = "status"
    method: str = ".*"  # regular expression on the HTTP method
    path: str = ""  # regular expression, searched in the path
    sql: str | None = None  # regular expression, searched in the statement's text (submits and statements)
    principal: str | None = None  # display name or application id
    times: int = 1  # -1: until it is removed
    skip: int = 0  # matching calls that pass first
    after: bool = False  # the effect takes place, then the answer goes wrong
    status: int = 503
    code: str = "TEMPORARILY_UNAVAILABLE"
    message: str = "The service is temporarily unavailable."
    sql_state: str | None = None
    retry_after: str | int | None = None
    body: str | None = None  # raw, in place of the JSON error
    content_type: str = "text/plain"
    headers: dict = field(default_factory=dict)
    seconds: float = 1.0  # slow: delay; drip: in all; hang: how long it runs
    bytes: int = 1  # drip: at once; drop with after: how much of the answer gets out
    id: int = field(default_factory=lambda: next(_numbers))
    hits: int = 0
    seen: int = 0

    def error(self) -> SqlError:
        return SqlError(self.message, self.sql_state)

    def concerns(self, who) -> bool:
        return self.principal is None or (who is not None and self.principal in (who.name, who.user_name))

    def take(self) -> bool:
        """Counts a match; true when it is to take effect."""
        self.seen += 1
        if self.seen <= self.skip or self.times == self.hits:
            return False
        self.hits += 1
        return True


def read(body) -> Fault:
    if not isinstance(body, dict):
        raise invalid("A fault is a JSON object.")
    known = {f.name for f in fields(Fault)} - {"id", "hits", "seen"}
    if unknown := sorted(set(body) - known):
        raise invalid(f"A fault has no '{unknown[0]}'; it has {', '.join(sorted(known))}.")
    fault = Fault(**body)
    if fault.kind not in CALLS + STATEMENTS:
        raise invalid(f"kind must be one of {', '.join(CALLS + STATEMENTS)}.")
    for pattern in (fault.method, fault.path, fault.sql or ""):
        try:
            re.compile(pattern)
        except re.error as error:
            raise invalid(f"'{pattern}' is not a regular expression: {error}") from None
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
        for f in self.all:
            if (f.kind in CALLS and re.fullmatch(f.method, request.method, re.I) and re.search(f.path, request.path) and f.concerns(who)
                    and (f.sql is None or (text is not None and re.search(f.sql, text, re.I | re.S))) and f.take()):
                return f
        return None

    def statement(self, st) -> Fault | None:
        for f in self.all:
            if f.kind in STATEMENTS and f.concerns(st.who) and re.search(f.sql or "", st.text, re.I | re.S) and f.take():
                return f
        return None


async def before(world, request, fault: Fault):
    """What happens ahead of the handler; a response here means that the handler is never reached."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "revoke":
        world.principals.revoke(world.principals.named(fault.principal) if fault.principal else None)
    elif fault.kind == "status" and not fault.after:
        return refusal(fault)
    elif fault.kind == "drop" and not fault.after:
        request.transport.abort()
        return web.Response(status=500)
    return None


async def afterwards(request, fault: Fault, reply):
    """What happens to an answer whose effect has taken place."""
    if fault.kind == "status" and fault.after:
        return refusal(fault)
    if fault.kind == "drop" and fault.after:
        request.transport.abort()
    elif fault.kind == "drip":
        return await drip(request, fault, reply)
    return reply


def refusal(fault: Fault):
    headers = dict(fault.headers) | ({"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {})
    if fault.body is not None:
        return web.Response(status=fault.status, text=fault.body, content_type=fault.content_type, headers=headers)
    return web.json_response({"error_code": fault.code, "message": fault.message}, status=fault.status, headers=headers)


async def drip(request, fault: Fault, reply):
    data = reply.body if isinstance(getattr(reply, "body", None), bytes) else b""
    slow = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type, "Content-Length": str(len(data))})
    await slow.prepare(request)
    pieces = [data[i:i + fault.bytes] for i in range(0, len(data), fault.bytes)]
    for piece in pieces:
        await slow.write(piece)
        await asyncio.sleep(fault.seconds / len(pieces))
    await slow.write_eof()
    return slow


def text_of(request_body: bytes) -> str | None:
    try:
        text = json.loads(request_body).get("statement")
        return text if isinstance(text, str) else None
    except (ValueError, AttributeError):
        return None
