"""Rows wrong: what stands in the tables, read by SQL, against what the generator says.

Missing rows, rows too many (a key twice, or a key that nobody sent) and rows with a wrong cell are counted; all columns that come out
of a call are compared, times to the microsecond. Columns that only one contender fills are its own affair.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from calls import distinct_calls
from e2e.stack import StackError, Workspace
from lakeferry_workspace.local_client import Client
from rows import TYPES, rows_of

ARROW = {"TIMESTAMP": pa.timestamp("us", "UTC"), "DOUBLE": pa.float64(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_()}


@dataclass
class Verdict:
    rows: int = 0
    missing: int = 0
    doubled: int = 0          # or not sent by anybody
    wrong: int = 0            # rows with a cell that is not what was sent
    remarks: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return self.missing + self.doubled + self.wrong


def truth(seed: int, space: str, count: int) -> dict[str, pa.Table]:
    """Every table of a space as it must be, from the generator."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in distinct_calls(seed, space, count):
        for table, row in rows_of(call):
            rows[table].append(row)
    tables = {}
    for name in list(rows):
        of_table = rows.pop(name)
        columns = dict.fromkeys(column for row in of_table for column in row)
        tables[name] = pa.table({column: as_type([row.get(column) for row in of_table], TYPES.get(column)) for column in columns})
    return tables


def as_type(values: list[Any], kind: str | None) -> pa.Array:
    if kind == "TIMESTAMP":
        return pc.assume_timezone(pc.strptime(pc.utf8_slice_codeunits(pa.array(values), 0, 19), "%Y-%m-%dT%H:%M:%S", "us"), "UTC") \
            if all(v.endswith(".000Z") for v in values) else pa.array([v[:-1] for v in values]).cast(pa.timestamp("us")).cast(ARROW[kind])
    return pa.array(values, ARROW.get(kind or "", pa.string()))


class Reader:
    """Rows by SQL as Arrow, with the administrator's credentials, so that they are not on the contender's account."""

    def __init__(self, workspace: Workspace):
        self.client = Client(json.loads((workspace.state / "workspace.json").read_text()))
        self.client.call("POST", "/__workspace/options", {"chunk_rows": 500_000})

    def sql(self, text: str) -> pa.Table | None:
        path = "/api/2.0/sql/statements"
        reply = self.client.call("POST", path, {"warehouse_id": self.client.warehouse, "statement": text, "wait_timeout": "50s",
                                                "disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM"})
        while reply["status"]["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.1)
            reply = self.client.call("GET", f"{path}/{reply['statement_id']}")
        if reply["status"]["state"] != "SUCCEEDED":
            raise StackError(f"{text}: {reply['status']}")
        part, pieces = reply.get("result") or {}, []
        while part:
            link = part["external_links"][0]
            with urllib.request.urlopen(link["external_link"], timeout=600) as data:
                pieces.append(pa.ipc.open_stream(data.read()).read_all())
            part = self.client.call("GET", link["next_chunk_internal_link"]) if link.get("next_chunk_internal_link") else None
        return pa.concat_tables(pieces) if pieces else None


def compare(name: str, wanted: pa.Table, found: pa.Table | None, verdict: Verdict) -> None:
    if found is None:
        verdict.missing += len(wanted)
        verdict.remarks.append(f"{name}: no rows")
        return
    keys = found["id"].combine_chunks()
    place = pc.index_in(keys, wanted["id"].combine_chunks())
    known = pc.drop_null(place)
    distinct = len(known.unique())
    verdict.rows += len(found)
    verdict.missing += len(wanted) - distinct
    verdict.doubled += len(found) - distinct
    if distinct != len(wanted) or len(found) != distinct:
        verdict.remarks.append(f"{name}: {len(wanted):,} rows wanted, {len(found):,} found, {distinct:,} of them right by key")
    here, there = found.filter(pc.is_valid(place)), wanted.take(known)
    right = pa.array([True] * len(here))
    for column in wanted.column_names:
        if column not in here.column_names:
            right = pc.and_(right, pc.is_null(there[column]))
            verdict.remarks.append(f"{name}: no column {column}")
            continue
        a, b = here[column].cast(there[column].type), there[column]
        same = pc.or_(pc.fill_null(pc.equal(a, b), False), pc.and_(pc.is_null(a), pc.is_null(b)))
        if not pc.all(same).as_py():
            first = pc.index(same, False).as_py()
            verdict.remarks.append(f"{name}.{column}: {pc.sum(pc.invert(same)).as_py():,} cells differ, the first of id {here['id'][first]}: "
                                   f"{a[first].as_py()!r} for {b[first].as_py()!r}")
        right = pc.and_(right, same)
    verdict.wrong += len(here) - (pc.sum(right).as_py() or 0)


def judge(workspace: Workspace, seed: int, sent: dict[str, int]) -> Verdict:
    """`sent`: space -> how many distinct calls it got."""
    reader, verdict, catalog = Reader(workspace), Verdict(), workspace.ready["catalog"]
    for space, count in sent.items():
        there = reader.sql(f"SELECT table_name, column_name FROM {catalog}.information_schema.columns WHERE table_schema = '{space}'")
        columns: dict[str, set[str]] = defaultdict(set)
        for row in (there.to_pylist() if there is not None else []):
            columns[row["table_name"]].add(row["column_name"])
        for name, wanted in truth(seed, space, count).items():
            shared = [column for column in wanted.column_names if column in columns[name]]
            listed = ", ".join(f"`{column}`" for column in shared)
            found = reader.sql(f"SELECT {listed} FROM {catalog}.{space}.{name}") if "id" in shared else None
            compare(f"{space}.{name}", wanted, found, verdict)
    return verdict
