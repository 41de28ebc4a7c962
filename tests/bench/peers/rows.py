"""What a call becomes in the tables, by Segment's rules: which table, which columns. Used by both baselines as their own mapping,
and by the judge as the truth; Lakeferry has an implementation of its own, in C++.

Rows carry what Segment's tables have: besides what was sent, the source and the times of arrival and of loading, which the judge
leaves out because nobody knows them beforehand. Only Lakeferry's have segment_id, too.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any, Iterator

Row = dict[str, Any]
# Types of the columns, for who makes tables by hand. What is not here is a STRING.
TYPES = {"timestamp": "TIMESTAMP", "received_at": "TIMESTAMP", "original_timestamp": "TIMESTAMP", "uuid_ts": "TIMESTAMP", "price": "DOUBLE", "total": "DOUBLE", "tax": "DOUBLE", "quantity": "BIGINT", "position": "BIGINT",
         "items": "BIGINT", "results": "BIGINT", "corrected": "BOOLEAN", "express": "BOOLEAN", "saved": "BOOLEAN", "discount": "BIGINT",
         "stars": "BIGINT", "campaign_wave": "BIGINT", "age": "BIGINT", "newsletter": "BOOLEAN"}

_snaked: dict[str, str] = {}


def snake(name: str) -> str:
    """`firstName` and `Product Viewed` as `first_name` and `product_viewed`."""
    known = _snaked.get(name)
    if known is None:
        known = _snaked[name] = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    return known


def flat(value: dict[str, Any], prefix: str, into: Row) -> Row:
    """Objects by path, lists as JSON text; nulls make no column."""
    for key, one in value.items():
        name = prefix + snake(key)
        if isinstance(one, dict):
            flat(one, name + "_", into)
        elif isinstance(one, list):
            into[name] = json.dumps(one, ensure_ascii=False, separators=(",", ":"))
        elif one is not None:
            into[name] = one
    return into


def arrived(call: dict[str, Any]) -> Row:
    """The columns that say when and from where, for who loads."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return {"received_at": now, "original_timestamp": call["timestamp"], "uuid_ts": now, "event_source_id": "website"}


def rows_of(call: dict[str, Any], arrival: Row | None = None) -> Iterator[tuple[str, Row]]:
    """(table, row) of each table that the call belongs to."""
    row: Row = {"id": call["messageId"], "user_id": call["userId"], "anonymous_id": call["anonymousId"], "timestamp": call["timestamp"],
                **(arrival or {})}
    flat(call["context"], "context_", row)
    if call["type"] == "identify":
        yield "identifies", flat(call["traits"], "", row)
        return
    table = snake(call["event"])
    row |= {"event": table, "event_text": call["event"]}
    yield "tracks", row
    yield table, flat(call["properties"], "", dict(row))
