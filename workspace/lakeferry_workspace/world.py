"""Everything that one running workspace consists of, and how it comes back from its state folder."""
import asyncio
import json
import sys
import threading
from pathlib import Path

from .clock import Clock
from .dialect import dotted
from .engine import Engine
from .faults import Faults
from .grants import LAKEFERRY, Grants
from .history import History
from .ledger import Ledger
from .links import Links
from .objects import HIVE, Objects
from .options import Options, read_grants
from .principals import Principals
from .sessions import Session
from .statements import Statements
from .store import Store
from .uploads import Upload
from .warehouses import Warehouse


class World:
    def __init__(self, options: Options, state: Path, engine: Engine):
        self.options, self.engine, self.workspace_id = options, engine, "1"
        self.clock, self.store = Clock(), Store(state / "objects.json")
        self.objects = Objects(state, self.store, self.clock)
        self.grants = Grants(self.objects)
        self.principals = Principals(options, self.store, self.clock)
        self.admin = next(p for p in self.principals.by_id.values() if p.admin)
        self.faults, self.ledger, self.history = Faults(), Ledger(self.clock), History(self.clock, state / "history.jsonl")
        self.warehouses = {w.id: Warehouse(self, w) for w in options.warehouses}
        self.statements = Statements(self, options.workers)
        self.links, self.sessions, self.uploads = Links(self), dict[str, Session](), dict[str, Upload]()
        self.tasks: set[asyncio.Task] = set()
        self.scratch = engine.scratch
        self.host = ""  # address and port, as soon as it listens

    def log(self, text: str):
        print(f"workspace: {text}", file=sys.stderr, flush=True)

    def background(self, work) -> asyncio.Task:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    # -- catalogs ---------------------------------------------------------------------------------------------------
    def restore(self):
        """Tells Spark's catalog, which lives in memory, what the folders hold."""
        new = [c for c in (*self.options.catalogs, HIVE) if not self.objects.exists("Catalog", (c,))]
        for catalog in self.objects.catalogs():
            self.restore_catalog(catalog)
        for catalog in new:
            self.add_catalog(catalog, self.admin.user_name)
        self.first_grants(new)

    def restore_catalog(self, catalog: str):
        self.engine.catalogs.add(catalog)
        for schema in self.objects.schemas(catalog):
            name = (catalog, schema)
            self.objects.remember("Schema", name, self.admin.user_name)
            folder = self.objects.schema_folder(name)
            self.engine.restore_schema(f"{catalog}__{schema}", folder, self.objects.about("Schema", name).get("comment"))
            for table in self.objects.tables(catalog, schema):
                self.objects.remember("Table", (*name, table), self.admin.user_name)
                self.engine.restore_table(f"{catalog}__{schema}", folder / table)
            for view in self.objects.views(catalog, schema):
                self.engine.restore_view(f"{catalog}__{schema}", view, json.dumps(self.objects.view((*name, view))))

    def add_catalog(self, name: str, owner: str):
        self.objects.remember("Catalog", (name,), owner)
        self.engine.catalogs.add(name)
        self.engine.restore_schema(f"{name}__default", self.objects.schema_folder((name, "default")), "Default schema")
        self.objects.remember("Schema", (name, "default"), owner, "Default schema")

    def drop_catalog(self, name: str):
        session = self.engine.session("drop-catalog", self.admin.user_name)
        for schema in self.objects.schemas(name):
            self.engine.run(session, f"DROP SCHEMA IF EXISTS {dotted((name, schema))} CASCADE")
            for volume in self.objects.volumes(name, schema):
                self.objects.drop_volume((name, schema, volume))
        self.objects.forget("Catalog", (name,))
        self.engine.catalogs.discard(name)

    def first_grants(self, new_catalogs: list):
        """Given once, when a catalog is new: what was revoked later stays revoked."""
        for p in self.options.principals:
            self.give(p.grants or [], self.principals.named(p.name), new_catalogs)
        configured = next((p for p in self.options.principals if p.name == "lakeferry"), None)
        if self.options.default_catalog in new_catalogs and (configured is None or configured.grants is None):
            self.grants.change("Catalog", (self.options.default_catalog,), self.principals.named("lakeferry").user_name, LAKEFERRY)

    def give(self, grants: list, who, catalogs: list | None = None):
        """Grants as the configuration writes them; in `catalogs` only, if these are named."""
        for kind, name, wanted in read_grants(grants, who.name):
            if catalogs is None or name[0] in catalogs:
                self.grants.change(kind, name, who.user_name, wanted)

    # -- time -------------------------------------------------------------------------------------------------------
    def sweep(self):
        self.statements.expire()
        self.links.sweep()
        for w in self.warehouses.values():
            if w.due_to_stop():
                self.background(w.stop())

    async def keep_time(self):
        while True:
            await asyncio.sleep(1)
            self.sweep()

    # -- life -------------------------------------------------------------------------------------------------------
    def warm_up(self):
        """Exercises Spark beside the first calls: the first MERGE of a process takes seconds, later ones do not."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self):
        import shutil
        table = self.scratch / "warm-up"
        try:
            session = self.engine.session("warm-up", "warm-up")
            for text in (f"CREATE TABLE delta.`{table}` (k STRING, v BIGINT)",
                         f"MERGE INTO delta.`{table}` AS t USING (SELECT inline(from_json('[{{\"k\":\"a\",\"v\":1}}]', "
                         "'array<struct<k STRING, v BIGINT>>'))) AS s ON t.k = s.k WHEN MATCHED AND t.v < s.v THEN UPDATE SET v = s.v "
                         "WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)",
                         f"SELECT count(*), max(v) FROM delta.`{table}`"):
                self.engine.run(session, text)
        except Exception as error:  # noqa: BLE001 a convenience: without it the first statements are slower
            self.log(f"warm-up: {error}")
        finally:
            shutil.rmtree(table, ignore_errors=True)

    async def stop(self):
        for task in list(self.tasks):
            task.cancel()
        for st in list(self.statements.all.values()):
            if st.state == "RUNNING":
                self.engine.cancel(st.id)
        self.statements.pool.shutdown(wait=False, cancel_futures=True)
        self.statements.cancels.shutdown(wait=False)
        await asyncio.get_running_loop().run_in_executor(None, self.engine.stop)
