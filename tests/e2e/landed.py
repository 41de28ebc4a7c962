"""The tables as they are in the workspace, read with SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from .oracle import times
from .show import CALL_TABLES, CURRENT_TABLES, INTERNAL, UPDATE_TABLES, quoted, text

Row = dict[str, Any]
WITH_CALL_TIMES = ("received_at", "sent_at", "timestamp", "original_timestamp")


@dataclass
class Landed:
    rows: dict[str, list[Row]]              # table -> rows, values as text or None
    types: dict[str, dict[str, str]]        # table -> column -> SQL type

    def table(self, name: str) -> list[Row]:
        return self.rows.get(name, [])

    def ordered(self, name: str) -> list[Row]:
        return sorted(self.table(name), key=lambda row: int(row["seq"]))

    @property
    def event_tables(self) -> list[str]:
        return [name for name in self.rows if name not in (*UPDATE_TABLES, *CURRENT_TABLES)]

    def call_rows(self) -> dict[str, Row]:
        """Message id -> its row in the table of its type."""
        return {row["id"]: row for name in CALL_TABLES for row in self.table(name)}


def read(sql: Callable[[str], list[Row]], catalog: str, schema: str) -> Landed:
    types: dict[str, dict[str, str]] = {}
    for row in sql(f"SELECT table_name, column_name, data_type FROM {quoted(catalog)}.information_schema.columns "
                   f"WHERE table_schema = {text(schema)}"):
        if not row["table_name"].startswith(INTERNAL):
            types.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"].upper()
    rows = {}
    for name, columns in sorted(types.items()):
        # Results show milliseconds; microseconds are asked for.
        exact = [f"CAST(unix_micros({quoted(column)}) AS STRING) AS {quoted(column)}" if kind == "TIMESTAMP" else quoted(column)
                 for column, kind in columns.items()]
        rows[name] = sql(f"SELECT {', '.join(exact)} FROM {quoted(catalog)}.{quoted(schema)}.{quoted(name)}")
    return Landed(rows, types)


def value(landed: Any, kind: str) -> Any:
    """A cell as the oracle holds it."""
    if landed is None:
        return None
    if kind in ("BIGINT", "LONG", "INT", "TIMESTAMP"):
        return int(landed)
    if kind == "DOUBLE":
        return float(landed)
    if kind == "BOOLEAN":
        return landed in (True, "true")
    return landed


def micros(cell: Any) -> int | None:
    """A time column's cell as microseconds; it may come as a number or as a text with a zone."""
    if cell is None:
        return None
    try:
        return int(cell)
    except ValueError:
        return times.parse(cell)
