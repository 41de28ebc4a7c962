"""SQL warehouses: states, cold start, auto-stop, slots and queue; and the seconds that each was awake and busy."""
import asyncio
from contextlib import asynccontextmanager

from aiohttp import web

from .auth import may_use_sql
from .errors import ApiError, SqlError, invalid
from .options import LEVELS, WarehouseOptions

routes = web.RouteTableDef()
SQL = "/api/2.0/sql"
SLOTS_PER_CLUSTER, LONGEST_QUEUE = 10, 1000
DEFAULT_FAILURE = "Cluster terminated: cloud provider launch failure."


class Warehouse:
    def __init__(self, world, given: WarehouseOptions):
        self.world, self.clock, self.given, self.id, self.state = world, world.clock, given, given.id, given.state
        self.acl: dict[str, str | None] = {}  # by application id or group
        for name, level in given.acl.items():
            self.set_level(name, level)
        self.default_level: str | None = given.default_level
        self.fail_next: dict | None = None
        self.failure: dict | None = None
        self.starting: asyncio.Task | None = None
        self.changed = asyncio.Event()
        self.active, self.waiting = 0, 0
        self.wakeups, self.statements, self.awake, self.busy = 0, 0, 0.0, 0.0
        now = self.clock.now()
        self.awake_since = now if self.state == "RUNNING" else None
        self.busy_since, self.idle_since = None, now

    # -- who may ----------------------------------------------------------------------------------------------------
    def set_level(self, name: str, level: str | None):
        """For a principal by either of its names, or a group; "NONE" and None deny."""
        known = self.world.principals.named(name)
        self.acl[known.user_name if known else name] = None if level == "NONE" else level

    def level(self, who) -> str | None:
        """One's own entry counts alone; without it the highest of one's groups and the default."""
        if who.admin:
            return "CAN_MANAGE"
        if who.user_name in self.acl:
            return self.acl[who.user_name]
        held = [*(self.acl.get(group) for group in who.identities), self.default_level]
        return max((x for x in held if x in LEVELS), key=LEVELS.index, default=None)

    def require(self, who, level: str):
        held = self.level(who)
        if held is None or LEVELS.index(held) < LEVELS.index(level):
            raise ApiError(403, "PERMISSION_DENIED", "You do not have permission to use the SQL Warehouse.")

    # -- states -----------------------------------------------------------------------------------------------------
    def become(self, state: str):
        now, was_awake = self.clock.now(), self.awake_since is not None
        is_awake = state in ("STARTING", "RUNNING", "STOPPING")
        if is_awake and not was_awake:
            self.awake_since = now
        if was_awake and not is_awake:
            self.awake, self.awake_since = self.awake + now - self.awake_since, None
        self.state, self.idle_since = state, now
        self.changed.set()
        self.changed = asyncio.Event()

    def start(self) -> asyncio.Task:
        """One start at a time, shared by everybody who waits for it."""
        if self.starting is None or self.starting.done():
            self.starting = asyncio.create_task(self._start())
        return self.starting

    def break_next_start(self, failure: dict | None):
        """What it will say of itself then; None: it starts as it should."""
        self.fail_next = None if failure is None else {"summary": DEFAULT_FAILURE} | failure

    async def _start(self):
        while self.state == "STOPPING":
            await self.changed.wait()
        if self.state in ("DELETED", "DELETING"):
            return
        if self.state != "RUNNING":
            self.wakeups, self.failure = self.wakeups + 1, None
            self.become("STARTING")
            faults = self.world.faults.start(self)
            seconds = self.given.cold_start if self.given.cold_start is not None else self.world.options.cold_start
            seconds += sum(f.seconds for f in faults if f.kind == "slow_start")
            await self.clock.sleep_until(self.clock.now() + seconds)
            if self.state != "STARTING":
                return
            broken = next((failure_of(f) for f in faults if f.kind == "fail_start"), None)
            self.failure, self.fail_next = broken or self.fail_next, None if broken is None else self.fail_next
            self.become("STOPPED" if self.failure else "RUNNING")

    async def stop(self):
        if self.state not in ("RUNNING", "STARTING"):
            return
        self.become("STOPPING")
        await self.clock.sleep_until(self.clock.now() + self.world.options.stop_seconds)
        if self.state == "STOPPING":
            self.become("STOPPED")

    async def ready(self, gone: asyncio.Event):
        while self.state != "RUNNING" and not gone.is_set():
            await first_of(asyncio.shield(self.start()), gone.wait())
            if self.state in ("DELETED", "DELETING"):
                raise SqlError(f"The warehouse {self.id} was deleted.", None, "NOT_FOUND")
            if self.failure and self.state == "STOPPED":
                raise SqlError(f"The warehouse {self.id} failed to start: {self.failure['summary']}", None, "TEMPORARILY_UNAVAILABLE")

    def full(self) -> bool:
        return self.waiting >= LONGEST_QUEUE

    @asynccontextmanager
    async def slot(self, gone: asyncio.Event):
        """Waits for the warehouse and for a free slot in its clusters; while it is held the warehouse is busy.

        Who sets `gone` is not waited for any longer: a statement that was cancelled in the queue must not wake a warehouse."""
        self.waiting += 1
        try:
            await self.ready(gone)
            while self.active >= SLOTS_PER_CLUSTER * self.given.max_clusters and not gone.is_set():
                await first_of(self.changed.wait(), gone.wait())
                await self.ready(gone)
        finally:
            self.waiting -= 1
        if gone.is_set():
            yield
            return
        self.active, self.statements = self.active + 1, self.statements + 1
        if self.active == 1:
            self.busy_since = self.clock.now()
        try:
            yield
        finally:
            self.active -= 1
            self.idle_since = self.clock.now()
            if self.active == 0:
                self.busy, self.busy_since = self.busy + self.idle_since - self.busy_since, None
            self.changed.set()
            self.changed = asyncio.Event()

    def due_to_stop(self) -> bool:
        minutes = self.given.auto_stop_minutes
        return (self.state == "RUNNING" and minutes > 0 and self.active == 0 and self.waiting == 0
                and self.clock.now() - self.idle_since >= minutes * 60)

    @property
    def clusters(self) -> int:
        """As many as its statements ask for, within its bounds."""
        wanted = -(-(self.active + self.waiting) // SLOTS_PER_CLUSTER)
        return min(max(wanted, self.given.min_clusters), self.given.max_clusters) if self.state == "RUNNING" else 0

    # -- faces ------------------------------------------------------------------------------------------------------
    def view(self, host: str) -> dict:
        name, _, port = host.partition(":")
        health = {"status": "HEALTHY"}
        if self.failure:
            health = {"status": "FAILED", "summary": self.failure["summary"], "details": self.failure.get("details", ""),
                      "failure_reason": {"code": self.failure.get("code", "CLOUD_PROVIDER_LAUNCH_FAILURE"),
                                         "type": self.failure.get("type", "CLOUD_FAILURE"), "parameters": {}}}
        return {"id": self.id, "name": self.given.name, "state": self.state, "health": health, "cluster_size": self.given.cluster_size,
                "size": self.given.cluster_size, "warehouse_type": "PRO", "enable_serverless_compute": True, "enable_photon": True,
                "min_num_clusters": self.given.min_clusters, "max_num_clusters": self.given.max_clusters, "num_clusters": self.clusters,
                "num_active_sessions": sum(x.warehouse is self for x in self.world.sessions.values()), "auto_stop_mins": int(self.given.auto_stop_minutes), "channel": {"name": "CHANNEL_NAME_CURRENT"},
                "odbc_params": {"hostname": name, "path": f"/sql/1.0/warehouses/{self.id}", "port": int(port or 80), "protocol": "http"},
                "jdbc_url": f"jdbc:databricks://{host}/default;httpPath=/sql/1.0/warehouses/{self.id}", "creator_name": "admin",
                "spot_instance_policy": "COST_OPTIMIZED", "tags": {}}

    def account(self) -> dict:
        now = self.clock.now()
        return {"state": self.state, "wakeups": self.wakeups, "statements": self.statements, "active": self.active,
                "queued": self.waiting, "awake_seconds": round(self.awake + (now - self.awake_since if self.awake_since else 0), 3),
                "busy_seconds": round(self.busy + (now - self.busy_since if self.busy_since else 0), 3)}


def failure_of(fault) -> dict:
    """What a fault says of the start that it breaks; what it leaves open is what a cloud says when it has no machines."""
    plain = type(fault)()
    return {"summary": DEFAULT_FAILURE if fault.message == plain.message else fault.message, "type": fault.type} | (
        {} if fault.code == plain.code else {"code": str(fault.code)})


async def first_of(*awaitables):
    """Until one of them is done; the others are given up."""
    tasks = [asyncio.ensure_future(a) for a in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def find(world, warehouse_id) -> Warehouse:
    found = world.warehouses.get(warehouse_id) if isinstance(warehouse_id, str) else None
    if found is None:
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {warehouse_id} does not exist.")
    return found


@routes.get(SQL + "/warehouses")
async def listing(request):
    world, who, query = request.app["world"], request["who"], request.query
    may_use_sql(who)
    size, token = query.get("page_size", "0"), query.get("page_token", "0")
    if not (size.isdecimal() and token.isdecimal()):
        raise invalid("page_size must be a number, page_token one that this API gave.")
    seen, start, size = [w for w in world.warehouses.values() if w.level(who)], int(token), int(size) or 100
    more = {"next_page_token": str(start + size)} if start + size < len(seen) else {}
    return web.json_response({"warehouses": [w.view(request.host) for w in seen[start:start + size]]} | more)


@routes.get(SQL + "/warehouses/{id}")
async def get(request):
    may_use_sql(request["who"])
    w = find(request.app["world"], request.match_info["id"])
    w.require(request["who"], "CAN_VIEW")
    return web.json_response(w.view(request.host))


@routes.post(SQL + "/warehouses/{id}/{action:start|stop}")
async def start_stop(request):
    may_use_sql(request["who"])
    world, w = request.app["world"], find(request.app["world"], request.match_info["id"])
    starting = request.match_info["action"] == "start"
    w.require(request["who"], "CAN_USE" if starting else "CAN_MANAGE")
    if starting:
        w.start()
        await asyncio.sleep(0)  # so that the answer comes after the state has changed
    else:
        world.background(w.stop())
        world.statements.abandon(w)
        await asyncio.sleep(0)
    return web.json_response({})
