"""Reads a table's Delta log: columns, properties, clustering, and what each commit says about itself. A millisecond where a
statement would take half a second. Old commits stay readable, because the workspace never lets Delta clean its logs."""
import json
import re
import threading
from pathlib import Path


SIZE = re.compile(r'\{"(add|remove)".*?"size":(\d+)')


class DeltaLog:
    """One table's log, read forward once; a replaced folder is read anew."""

    def __init__(self, table: Path):
        self.folder = table / "_delta_log"
        self.lock = threading.Lock()
        self._reset(None)

    def _reset(self, identity):
        self.identity, self.version, self.metadata, self.clustering = identity, -1, None, []
        self.bytes = 0
        self.copied: set[str] = set()
        self.created = self.altered = None
        self.commits: dict[str, dict] = {}

    def exists(self) -> bool:
        return (self.folder / f"{0:020d}.json").exists()

    def refresh(self) -> "DeltaLog":
        with self.lock:
            try:
                first = (self.folder / f"{0:020d}.json").stat()
            except FileNotFoundError:
                self._reset(None)
                return self
            if self.identity != (first.st_ino, first.st_mtime_ns):
                self._reset((first.st_ino, first.st_mtime_ns))
            while (file := self.folder / f"{self.version + 1:020d}.json").exists():
                self._take(file)
                self.version += 1
        return self

    def _take(self, file: Path):
        info, metadata = {}, None
        for line in file.read_text().splitlines():
            # Most lines of a large commit are files: they are told apart without parsing them.
            if line.startswith('{"commitInfo"'):
                info = json.loads(line)["commitInfo"]
            elif line.startswith('{"metaData"'):
                metadata = json.loads(line)["metaData"]
            elif line.startswith('{"domainMetadata"') and '"delta.clustering"' in line:
                domain = json.loads(line)["domainMetadata"]
                columns = json.loads(domain.get("configuration") or "{}").get("clusteringColumns", [])
                self.clustering = [] if domain.get("removed") else [".".join(c) for c in columns]
            elif size := SIZE.match(line):
                self.bytes += int(size[2]) * (1 if size[1] == "add" else -1)
        self.altered = info.get("timestamp")
        self.created = self.created or self.altered
        if "REPLACE" in info.get("operation", ""):
            self.copied = set()  # a replaced table has forgotten what was copied into it
        self.metadata = metadata or self.metadata
        try:
            said = json.loads(info.get("userMetadata") or "{}")
        except ValueError:
            said = {}
        self.copied.update(said.get("copied", []))
        if statement := said.get("statement_id"):
            self.commits[statement] = info.get("operationMetrics", {})
            while len(self.commits) > 64:
                self.commits.pop(next(iter(self.commits)))

    def columns(self) -> list[dict]:
        """Spark's own JSON of the fields: name, type, nullable, metadata."""
        return json.loads(self.metadata["schemaString"])["fields"] if self.metadata else []

    def properties(self) -> dict:
        return dict((self.metadata or {}).get("configuration") or {})

    def comment(self) -> str | None:
        return (self.metadata or {}).get("description")

    def rows_written(self, statement_id: str) -> str:
        """Rows that the commit of this statement added; a statement without a commit added none."""
        return self.refresh().commits.get(statement_id, {}).get("numOutputRows", "0")
