"""Event tables: which rows a call makes, and with which columns."""

from __future__ import annotations

from typing import Any, Iterator

from . import names
from .calls import Call
from .values import columns

CALL_TABLE = {"identify": "identifies", "track": "tracks", "page": "pages", "screen": "screens", "group": "groups",
              "alias": "aliases"}
Row = tuple[str, dict[str, Any], dict[str, Any]]


def event_row(call: Call) -> Iterator[Row]:
    """(table, columns that every table of this kind has, columns that came with the call)."""
    fixed: dict[str, Any] = {"user_id": call.user_id or None, "anonymous_id": call.anonymous_id or None}
    context = columns(call.context, names.context_column)
    if call.type == "alias":
        fixed["previous_id"] = call.previous_id or None
    if call.type == "group":
        fixed["group_id"] = call.group_id or None
    if call.type == "track":
        table = names.event_table(call.event)
        fixed |= {"event": table, "event_text": call.event}
        yield "tracks", fixed, context
        yield table, fixed, {**context, **columns(call.properties)}
        return
    own = columns(call.traits if call.type in ("identify", "group") else call.properties)
    if call.type in ("page", "screen"):
        # The name at the top wins over a property of that name.
        own |= {key: value for key, value in (("name", call.name), ("category", call.category)) if value is not None}
    yield CALL_TABLE[call.type], fixed, {**context, **own}
