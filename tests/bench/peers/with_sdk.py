"""The baseline on Databricks' Python SDK: a plain script as one would write it for the job. One pass over the calls of a space makes
a gzip NDJSON file a table; these go to a volume by the Files API and into their tables by COPY INTO, four at a time, while the
next space is read. Repeated calls are dropped while reading: cheaper than a MERGE, though it knows repeats within one run only.

    with_sdk.py SPACE=FILE …       in the environment: DATABRICKS_HOST, DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET, WORKSPACE_…
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.sql import StatementState
from rows import TYPES, arrived, rows_of

AT_ONCE, LEVEL = 4, 6
CATALOG, WAREHOUSE, WORK = (os.environ[name] for name in ("WORKSPACE_CATALOG", "WORKSPACE_WAREHOUSE", "WORK"))
client = WorkspaceClient()


def sql(text: str) -> None:
    reply = client.statement_execution.execute_statement(statement=text, warehouse_id=WAREHOUSE, wait_timeout="50s")
    while reply.status.state in (StatementState.PENDING, StatementState.RUNNING):
        time.sleep(1)
        reply = client.statement_execution.get_statement(reply.statement_id)
    if reply.status.state != StatementState.SUCCEEDED:
        raise RuntimeError(f"{text}\n{reply.status}")


class Table:
    def __init__(self, space: str, name: str):
        self.name, self.columns = f"{CATALOG}.{space}.{name}", dict[str, str]()
        self.file = Path(WORK) / f"{space}-{name}.json.gz"
        self.staged = f"/Volumes/{CATALOG}/{space}/staging/{self.file.name}"
        self.out: TextIO = gzip.open(self.file, "wt", compresslevel=LEVEL, encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        for name in row.keys() - self.columns.keys():
            self.columns[name] = TYPES.get(name, "STRING")
        self.out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")

    def load(self) -> None:
        with self.file.open("rb") as content:
            client.files.upload(self.staged, content, overwrite=True)
        sql(f"CREATE TABLE IF NOT EXISTS {self.name} (" + ", ".join(f"`{name}` {kind}" for name, kind in self.columns.items()) + ")")
        picked = ", ".join(f"CAST(`{name}` AS {kind}) AS `{name}`" for name, kind in self.columns.items())
        sql(f"COPY INTO {self.name} FROM (SELECT {picked} FROM '{self.staged}') FILEFORMAT = JSON")
        client.files.delete(self.staged)
        self.file.unlink()


def read(space: str, file: str) -> list[Table]:
    tables: dict[str, Table] = {}
    seen: set[str] = set()
    with open(file, encoding="utf-8") as lines:
        for call in map(json.loads, lines):
            if call["messageId"] in seen:
                continue
            seen.add(call["messageId"])
            for name, row in rows_of(call, arrived(call)):
                if name not in tables:
                    tables[name] = Table(space, name)
                tables[name].write(row)
    for table in tables.values():
        table.out.close()
    return list(tables.values())


def main() -> None:
    loads: list[Future[None]] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one in sys.argv[1:]:
            space, file = one.split("=", 1)
            tables = read(space, file)
            sql(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{space}")
            sql(f"CREATE VOLUME IF NOT EXISTS {CATALOG}.{space}.staging")
            loads += [pool.submit(table.load) for table in tables]
    for load in loads:
        load.result()


if __name__ == "__main__":
    main()
