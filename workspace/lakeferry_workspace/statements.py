"""Statements: the state machine from PENDING to CLOSED, waiting, cancelling, expiry."""
import asyncio
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from . import chunks
from .errors import ApiError, SqlError, invalid
from .parameters import numbered, read_parameters
from .runner import Call, run

FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "CLOSED")
RESULT_SECONDS, STATEMENT_SECONDS = 3600, 12 * 3600
MOST_TEXT = 16 << 20
CHOICES = {"on_wait_timeout": ("CONTINUE", "CANCEL"), "format": ("JSON_ARRAY", "ARROW_STREAM", "CSV"),
           "disposition": ("INLINE", "EXTERNAL_LINKS", "INLINE_OR_EXTERNAL_LINKS"),  # the last is drivers' own, undocumented
           "result_compression": ("NONE", "LZ4_FRAME")}


class Statement:
    def __init__(self, world, who, warehouse, body: dict, session=None):
        self.id = "01f" + uuid.uuid4().hex[:5] + str(uuid.uuid4())[8:]
        self.world, self.who, self.warehouse, self.text = world, who, warehouse, body["statement"]
        self.parameters = read_parameters(body.get("parameters"))
        self.session, self.row_limit = session, body.get("row_limit")
        self.shape = shape_of(body, world.options.chunk_rows)
        self.catalog = (body.get("catalog") or world.options.default_catalog).lower()
        self.schema = (body.get("schema") or "default").lower()
        self.query_tags = body.get("query_tags") or []
        self.state, self.done, self.cancel_asked, self.pressed = "PENDING", asyncio.Event(), False, asyncio.Event()
        self.lock = threading.Lock()  # between the worker that begins and the call that cancels
        self.submitted, self.started, self.ended = world.clock.millis(), None, None
        self.error: SqlError | None = None
        self.late: SqlError | None = None  # what it fails with when its time is over
        self.columns, self.chunks, self.truncated, self.rows = [], [], False, 0
        self.client, self.remembered = "", None

    def begin(self) -> bool:
        with self.lock:
            if self.state not in FINAL:
                self.state, self.started = "RUNNING", self.started or self.world.clock.millis()
            return self.state == "RUNNING"

    def end(self, state: str, error: SqlError | None = None):
        if self.state not in FINAL:
            if state == "CANCELED" and self.late:
                state, error = "FAILED", self.late
            self.state, self.error, self.ended = state, error, self.world.clock.millis()
            self.world.history.note(self)
            self.done.set()

    def close(self):
        """The result is gone; that it succeeded stays true."""
        self.chunks = []
        if self.state == "SUCCEEDED":
            self.state = "CLOSED"

    def work(self):
        """In a worker thread: run, cut, encode."""
        text = numbered(self.text, self.parameters)
        call = Call(self.id, text, self.catalog, self.schema, self.who, self.parameters, self.row_limit, self.shape.form == "ARROW_STREAM",
                    self.session, cancelled=lambda: self.cancel_asked)
        columns, rows, cut = run(self.world, call)
        return columns, *chunks.cut(columns, rows, cut, self.shape)


class Statements:
    def __init__(self, world, workers: int):
        self.world, self.all = world, {}
        self.pool = ThreadPoolExecutor(workers, "statement")
        self.cancels = ThreadPoolExecutor(1, "cancel")  # a full pool must not hold up a cancel

    def submit(self, who, warehouse, body: dict, session=None) -> Statement:
        check(body)
        if warehouse.full():
            raise ApiError(429, "RESOURCE_EXHAUSTED", f"The queue of warehouse {warehouse.id} is full.", headers={"Retry-After": "5"})
        st = Statement(self.world, who, warehouse, body, session)
        self.all[st.id] = st
        self.world.history.note(st)
        self.world.background(self.execute(st))
        return st

    async def execute(self, st: Statement):
        fault = self.world.faults.statement(st)
        try:
            async with st.session.turn if st.session else nullcontext(), st.warehouse.slot(st.done):
                if st.state == "PENDING":
                    limit = asyncio.ensure_future(self.limit(st))
                    try:
                        await self.work(st, fault)
                    finally:
                        limit.cancel()
        except SqlError as error:
            st.end("FAILED", error)
        except Exception as error:  # noqa: BLE001 every failure belongs to the statement; the workspace stays up
            self.world.log(f"statement {st.id}: {error!r}")
            st.end("CANCELED" if st.cancel_asked else "FAILED", SqlError(f"[INTERNAL_ERROR] {error} SQLSTATE: XX000", "XX000", "INTERNAL_ERROR"))
        finally:
            if fault and fault.kind == "gone":
                self.all.pop(st.id, None)

    async def work(self, st: Statement, fault):
        """CANCELED is said only when the worker has ended, and SUCCEEDED if it got through all the same."""
        if fault and fault.kind == "fail" and not fault.after:
            raise fault.error()
        if fault and fault.kind == "hang" and st.begin() and await self.hang(st, fault.seconds):
            return st.end("CANCELED")
        try:
            columns, parts, truncated = await asyncio.get_running_loop().run_in_executor(
                self.pool, lambda: st.work() if st.begin() else ([], [], False))
        except SqlError as error:
            return st.end("CANCELED") if st.cancel_asked else st.end("FAILED", error)
        if st.state in FINAL:
            return
        if fault and fault.kind == "fail":
            raise fault.error()
        st.columns, st.chunks, st.truncated = columns, parts, truncated
        st.rows = sum(c.about["row_count"] for c in parts)
        if st.session:
            st.session.follow(st.text)
        st.end("SUCCEEDED")
        if fault and fault.kind == "closed":
            st.close()

    async def limit(self, st: Statement):
        """STATEMENT_TIMEOUT of the client's session."""
        seconds = int(st.session.settings.get("statement_timeout", 0)) if st.session else 0
        if seconds:
            await self.world.clock.sleep_until(self.world.clock.now() + seconds)
            st.late = None if st.cancel_asked else SqlError(
                f"[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Query execution was cancelled due to exceeding the timeout ({seconds}s). "
                "You can increase the limit in seconds by setting `STATEMENT_TIMEOUT`. SQLSTATE: 57KD0", "57KD0")
            self.cancel(st)

    async def hang(self, st: Statement, seconds: float) -> bool:
        """Runs without end until the clock has moved on or it is cancelled; true where it was."""
        waits = [asyncio.ensure_future(self.world.clock.sleep_until(self.world.clock.now() + seconds)), asyncio.ensure_future(st.pressed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for w in waits:
                w.cancel()
        return st.cancel_asked

    def cancel(self, st: Statement):
        with st.lock:
            if st.state == "PENDING":
                st.cancel_asked = True
                st.end("CANCELED")
                return
        if st.state == "RUNNING" and not st.cancel_asked:
            st.cancel_asked = True
            st.pressed.set()
            self.world.background(self.press(st))

    async def press(self, st: Statement):
        """A cancel reaches only jobs that run: ask until the worker has ended."""
        while st.state == "RUNNING":
            await asyncio.get_running_loop().run_in_executor(self.cancels, self.world.engine.cancel, st.id)
            try:
                await asyncio.wait_for(st.done.wait(), 0.3)
            except TimeoutError:
                pass

    def abandon(self, warehouse):
        """A warehouse that stops takes its statements with it."""
        for st in list(self.all.values()):
            if st.warehouse is warehouse and st.state not in FINAL:
                self.cancel(st)

    def expire(self):
        now = self.world.clock.now()
        for st in list(self.all.values()):
            if st.ended and now - st.ended / 1000 > STATEMENT_SECONDS:
                del self.all[st.id]
            elif st.ended and now - st.ended / 1000 > RESULT_SECONDS:
                st.close()


def shape_of(body: dict, chunk_rows: int) -> chunks.Shape:
    disposition = body.get("disposition") or "INLINE"
    return chunks.Shape(disposition, body.get("format") or "JSON_ARRAY", body.get("byte_limit"), chunk_rows,
                        disposition != "INLINE" and body.get("result_compression") == "LZ4_FRAME")


def check(body: dict):
    """The request's own rules, before anything is started."""
    text = body.get("statement")
    if not isinstance(text, str) or not text.strip():
        raise invalid("statement is required and must not be empty.")
    if len(text.encode()) > MOST_TEXT:
        raise invalid(f"statement must be at most {MOST_TEXT} bytes.")
    if chunks.seconds(body.get("wait_timeout"), "10s") < 0:
        raise invalid("wait_timeout must be 0s or between 5s and 50s.")
    for key, known in CHOICES.items():
        if body.get(key) is not None and body[key] not in known:
            raise invalid(f"{key} must be one of {', '.join(known)}, not '{body[key]}'.")
    for key in ("catalog", "schema", "session_id"):
        if body.get(key) is not None and not isinstance(body[key], str):
            raise invalid(f"{key} must be a string.")
    if (body.get("disposition") or "INLINE") == "INLINE" and (body.get("format") or "JSON_ARRAY") != "JSON_ARRAY":
        raise invalid(f"The format {body['format']} is not supported with disposition INLINE. Only JSON_ARRAY is.")
    for key in ("row_limit", "byte_limit"):
        if body.get(key) is not None and (not isinstance(body[key], int) or isinstance(body[key], bool) or body[key] < 1):
            raise invalid(f"{key} must be a positive integer.")
    check_tags(body.get("query_tags"))


def check_tags(tags):
    if tags is None:
        return
    if not isinstance(tags, list) or not all(isinstance(t, dict) and isinstance(t.get("key"), str) and t["key"]
                                             and isinstance(t.get("value"), str | None) for t in tags):
        raise invalid("query_tags must be a list of objects with a key and an optional value.")
    if len(tags) > 20:
        raise invalid(f"At most 20 query_tags are allowed, got {len(tags)}.")
    if len({t["key"] for t in tags}) != len(tags):
        raise invalid("Each key of query_tags may occur once.")
