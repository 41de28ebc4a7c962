"""Flattening, column types, and values as text."""

from __future__ import annotations

import json
from typing import Any, Callable

from . import names, times

BIGINT_MOST = 2**63 - 1
BIGINT_LEAST = -(2**63)


def flatten(value: Any, path: list[str], name: Callable[[list[str]], str]) -> list[tuple[str, Any]]:
    """(column, value) of every leaf; null and objects without content give none."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [leaf for key, below in value.items() for leaf in flatten(below, [*path, key], name)]
    return [(name(path), value)]


def columns(value: dict[str, Any], name: Callable[[list[str]], str] = names.column) -> dict[str, Any]:
    """Of two leaves with one name the later wins."""
    return dict(flatten(value, [], name))


def number_text(value: float) -> str:
    """The shortest JSON number that reads back equal, as JavaScript prints it."""
    text = repr(value)
    if text.endswith(".0"):
        text = text[:-2]
    return text.replace("e+", "e")


def as_json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{as_json(key)}:{as_json(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(as_json(below) for below in value) + "]"
    if isinstance(value, float):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if BIGINT_LEAST <= value <= BIGINT_MOST else "STRING"
    if isinstance(value, float):
        return "DOUBLE"
    return "TIMESTAMP" if times.parse_full(value) is not None else "STRING"


_LOST = object()


def fit(value: Any, column_type: str) -> Any:
    """The value as the column holds it; `LOST` if it does not fit without loss."""
    own = type_of(value)
    if column_type == "STRING":
        return as_text(value)
    if column_type == "TIMESTAMP" and own == "TIMESTAMP":
        return times.parse_full(value)
    if column_type == "DOUBLE" and own == "BIGINT":
        return float(value) if int(float(value)) == value else _LOST
    if column_type == "BIGINT" and own == "DOUBLE":
        return int(value) if value.is_integer() and abs(value) < 2**53 else _LOST
    return value if own == column_type else _LOST


LOST = _LOST


class Types:
    """What type each column has: that of its first value."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], str] = {}

    def row(self, table: str, values: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """(columns that hold a value, names of the columns whose value did not fit)."""
        held, lost = {}, set()
        for column, value in values.items():
            known = self.of.setdefault((table, column), type_of(value))
            fitted = fit(value, known)
            if fitted is _LOST:
                lost.add(column)
            else:
                held[column] = fitted
        return held, lost
