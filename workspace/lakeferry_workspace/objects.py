"""Catalogs, schemas, tables and volumes: what exists, who owns it. Folders are the truth, the store holds what folders cannot."""
import json
import re
import shutil
import uuid
from pathlib import Path

from .clock import Clock
from .deltalog import DeltaLog
from .store import Store

HIVE = "hive_metastore"  # always there, never Unity Catalog
VIRTUAL = "information_schema"


class Objects:
    """Names are tuples of lower-case parts; kinds are Catalog, Schema, Table, Volume."""

    def __init__(self, state: Path, store: Store, clock: Clock):
        self.warehouse, self.volumes_root = state / "warehouse", state / "Volumes"
        self.store, self.clock, self.logs = store, clock, {}
        for folder in (self.warehouse, self.volumes_root):
            folder.mkdir(parents=True, exist_ok=True)

    # -- metadata ---------------------------------------------------------------------------------------------------
    @staticmethod
    def key(kind: str, name: tuple) -> str:
        return f"{kind}:{'.'.join(name)}"

    def about(self, kind: str, name: tuple) -> dict:
        return self.store.section("objects").get(self.key(kind, name), {})

    def remember(self, kind: str, name: tuple, owner: str, comment: str | None = None):
        """What is known already stays as it is."""
        with self.store.lock:
            known = self.store.section("objects")
            if self.key(kind, name) not in known:
                known[self.key(kind, name)] = {"owner": owner, "comment": comment, "created_at": self.clock.millis(), "created_by": owner,
                                               "id": str(uuid.uuid4())}
                self.store.save()

    def describe(self, kind: str, name: tuple, **changes):
        with self.store.lock:
            self.store.section("objects").setdefault(self.key(kind, name), {}).update(changes)
            self.store.save()

    def forget(self, kind: str, name: tuple):
        """The object and all below it, with their grants: an object made anew under the name starts without them."""
        with self.store.lock:
            for section in ("objects", "grants"):
                held = self.store.section(section)
                for key in list(held):
                    known, _, dotted = key.partition(":")
                    parts = tuple(dotted.split("."))
                    if (known == kind and parts == name) or (kind in ("Catalog", "Schema") and parts[:len(name)] == name
                                                             and len(parts) > len(name)):
                        del held[key]
            self.store.save()

    def rename(self, kind: str, old: tuple, new: tuple):
        with self.store.lock:
            for section in ("objects", "grants"):
                held = self.store.section(section)
                if self.key(kind, old) in held:
                    held[self.key(kind, new)] = held.pop(self.key(kind, old))
            self.store.save()

    def _keys(self) -> list[str]:
        """A copy, made at one go: worker threads change the store meanwhile."""
        return list(self.store.section("objects"))

    # -- what exists ------------------------------------------------------------------------------------------------
    def catalogs(self) -> list[str]:
        return sorted(k.partition(":")[2] for k in self._keys() if k.startswith("Catalog:"))

    def is_unity(self, catalog: str) -> bool:
        return catalog != HIVE

    def schema_folder(self, name: tuple) -> Path:
        return self.warehouse / f"{name[0]}__{name[1]}.db"

    def table_folder(self, name: tuple) -> Path:
        return self.schema_folder(name) / name[2]

    def volume_folder(self, name: tuple) -> Path:
        return self.volumes_root.joinpath(*name)

    def schemas(self, catalog: str) -> list[str]:
        prefix = f"{catalog}__"
        return sorted(f.name[len(prefix):-3] for f in self.warehouse.glob(f"{glob_escape(prefix)}*.db") if f.is_dir())

    def tables(self, catalog: str, schema: str) -> list[str]:
        folder = self.schema_folder((catalog, schema))
        if not folder.is_dir():
            return []
        return sorted(f.name for f in folder.iterdir() if (f / "_delta_log" / f"{0:020d}.json").exists())

    def views(self, catalog: str, schema: str) -> list[str]:
        prefix = f"Table:{catalog}.{schema}."
        return sorted(k[len(prefix):] for k in self._keys() if k.startswith(prefix) and self.about("Table", tuple(
            k.partition(":")[2].split("."))).get("view"))

    def view(self, name: tuple) -> dict | None:
        """What is kept of a view: its columns, text and defaults; None for a table."""
        return self.about("Table", name).get("view")

    def columns(self, name: tuple) -> list[dict]:
        """Of a table or a view, as Spark writes fields in JSON: name, type, nullable, metadata."""
        view = self.view(name)
        return json.loads(view["schema"])["fields"] if view else self.log(name).refresh().columns()

    def relations(self, catalog: str, schema: str) -> list[str]:
        return sorted([*self.tables(catalog, schema), *self.views(catalog, schema)])

    def volumes(self, catalog: str, schema: str) -> list[str]:
        prefix = f"Volume:{catalog}.{schema}."
        return sorted(k[len(prefix):] for k in self._keys() if k.startswith(prefix))

    def exists(self, kind: str, name: tuple) -> bool:
        if kind == "Catalog" or len(name) > 1 and name[1] == VIRTUAL:
            return self.key("Catalog", name[:1]) in self.store.section("objects")
        if kind == "Schema":
            return self.schema_folder(name).is_dir()
        if kind == "Volume":
            return self.key("Volume", name) in self.store.section("objects")
        return self.log(name).exists() or self.view(name) is not None

    def log(self, table: tuple) -> DeltaLog:
        return self.logs.setdefault(table, DeltaLog(self.table_folder(table)))

    # -- making and removing what Spark does not know ---------------------------------------------------------------
    def add_volume(self, name: tuple, owner: str, comment: str | None):
        self.volume_folder(name).mkdir(parents=True, exist_ok=True)
        self.remember("Volume", name, owner, comment)

    def drop_volume(self, name: tuple):
        self.forget("Volume", name)
        shutil.rmtree(self.volume_folder(name), ignore_errors=True)


def glob_escape(text: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", text)


def valid_catalog_name(name: str) -> bool:
    """A double or trailing underscore would blur where catalog ends and schema begins in Spark's own catalog."""
    return bool(re.fullmatch(r"[a-z0-9-]+(_[a-z0-9-]+)*", name)) and name not in ("spark_catalog", "system", "samples", "global_temp")
