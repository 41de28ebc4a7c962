"""Which calls are accepted, and what they say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from . import times
from .rules import Rules

TYPES = ("identify", "track", "page", "screen", "group", "alias")
Identifier = tuple[str, str]


@dataclass
class Arrival:
    """A call on its way in. `received` and `sent` in microseconds; `call_type` where the path names it."""
    text: bytes
    source: str | None                    # None: nobody has this write key
    received: int | None = None           # None: the call's own receivedAt counts (files)
    batch_sent: int | None = None
    batch_context: dict[str, Any] | None = None
    call_type: str | None = None
    sources: dict[str, str] | None = None   # write key -> source, where the call's own key decides (files)


@dataclass
class Call:
    type: str
    source: str
    message_id: str | None                # None: blank, the daemon makes one up
    user_id: str
    anonymous_id: str
    previous_id: str
    group_id: str
    event: str
    name: str | None
    category: str | None
    traits: dict[str, Any]
    properties: dict[str, Any]
    context: dict[str, Any]
    received: int
    sent: int | None
    original: int
    timestamp: int


class _Refused(Exception):
    pass


def _never(text: str) -> Any:
    raise ValueError(text)


def blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip(" \t\r\n") == "")


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _id(call: dict[str, Any], key: str) -> str:
    value = call.get(key)
    if value is not None and not isinstance(value, str) and not whole(value):
        raise _Refused("id_not_string")
    return "" if blank(value) else str(value)


def _object(call: dict[str, Any], key: str, reason: str) -> dict[str, Any]:
    value = call.get(key)
    if value is not None and not isinstance(value, dict):
        raise _Refused(reason)
    return value or {}


def accept(arrival: Arrival) -> Call | str:
    """The call, or the reason why it is refused. Duplicates are not looked for here."""
    try:
        return _read(arrival)
    except _Refused as refused:
        return str(refused)


def _read(arrival: Arrival) -> Call:
    if len(arrival.text) > 32_768:
        raise _Refused("too_large")
    try:
        call = json.loads(arrival.text.decode("utf-8"), parse_constant=_never)
    except ValueError:
        raise _Refused("bad_request") from None
    if not isinstance(call, dict):
        raise _Refused("bad_request")
    source = arrival.source if arrival.sources is None else arrival.sources.get(call.get("writeKey", ""), arrival.source)
    if source is None:
        raise _Refused("unknown_source")
    kind = arrival.call_type or call.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise _Refused("unknown_type")
    message_id = call.get("messageId")
    if message_id is not None and not isinstance(message_id, str):
        raise _Refused("message_id_not_string")
    if message_id is not None and len(message_id) > 100:
        raise _Refused("message_id_too_long")
    user, anonymous = _id(call, "userId"), _id(call, "anonymousId")
    previous = _id(call, "previousId") if kind == "alias" else ""
    group = _id(call, "groupId") if kind == "group" else ""
    if not user and (kind == "alias" or not anonymous):
        raise _Refused("no_user_anon_id")
    if (kind == "alias" and not previous) or (kind == "group" and not group):
        raise _Refused("id_required")
    if len(group) > 500:
        raise _Refused("group_id_too_long")
    event = call.get("event") if kind == "track" else ""
    if kind == "track" and blank(event):
        raise _Refused("event_not_defined")
    if not isinstance(event, str):
        raise _Refused("event_not_string")
    traits = _object(call, "traits", "traits_not_object") if kind in ("identify", "group") else {}
    properties = _object(call, "properties", "properties_not_object") if kind in ("track", "page", "screen") else {}
    if len(traits) >= 300:
        raise _Refused("too_many_traits")
    if len(properties) >= 300:
        raise _Refused("too_many_properties")
    context = {**(arrival.batch_context or {}), **_object(call, "context", "context_not_object")}
    if kind in ("page", "screen"):
        for key, reason in (("name", "name_not_string"), ("category", "category_not_string")):
            if call.get(key) is not None and not isinstance(call[key], str):
                raise _Refused(reason)
    received = arrival.received if arrival.received is not None else times.parse(call.get("receivedAt"))
    assert received is not None, "the test must know when a call was received"
    sent = times.parse(call.get("sentAt"))
    sent = arrival.batch_sent if sent is None else sent
    original = next((at for at in (times.parse(call.get(key)) for key in ("originalTimestamp", "timestamp")) if at is not None), received)
    return Call(kind, source, message_id or None, user, anonymous, previous, group, event, call.get("name"), call.get("category"),
                traits, properties, context, received, sent, original, times.corrected(received, sent, original))


# ---- identifiers ------------------------------------------------------------------------------------------------

def _nested(value: object) -> str:
    if not isinstance(value, str) and not whole(value):
        return ""
    return "" if blank(value) else str(value)


def _dig(value: object, *path: str) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _configured(call: Call, keys: list[str]) -> str:
    """The first value that is not blank: places in this order, in each the forms of each key in theirs."""
    places = [call.traits if call.type == "identify" else None, _dig(call.context, "traits"), call.properties]
    for place in places:
        for key in keys:
            value = _dig(place, key)
            if not blank(value):
                return _nested(value)
    return ""


def identifiers(call: Call, rules: Rules) -> tuple[list[Identifier], list[Identifier]]:
    """(in priority order, blocked ones), both without repeats."""
    found: list[Identifier] = [("user_id", call.user_id), ("anonymous_id", call.anonymous_id), ("anonymous_id", call.previous_id)]
    if rules.group_id:
        found.append(("group_id", call.group_id))
    email = _dig(call.traits, "email") if call.type == "identify" else None
    if blank(email):
        email = _dig(call.context, "traits", "email")
    found.append(("email", _nested(email)))
    device = _dig(call.context, "device")
    platform = str(_dig(device, "type")).lower()
    if platform in ("ios", "android"):
        found.append((f"{platform}.id", _nested(_dig(device, "id"))))
        if _dig(device, "adTrackingEnabled") is True:
            found.append((f"{platform}.idfa", _nested(_dig(device, "advertisingId"))))
        found.append((f"{platform}.push_token", _nested(_dig(device, "token"))))
    found.append(("ga_client_id", _nested(_dig(call.context, "integrations", "Google Analytics", "clientId"))))
    for one in rules.identifiers:
        if one.keys:
            found.append((one.type, _configured(call, [form for key in one.keys for form in rules.forms(key)])))
    items = _dig(call.context, "externalIds")
    for item in items if isinstance(items, list) else []:
        kind = _dig(item, "type")
        if (_dig(item, "collection"), _dig(item, "encoding")) == ("users", "none") and isinstance(kind, str) \
                and re.fullmatch(r"[a-z][a-z0-9_.]*", kind):
            found.append((kind, _nested(_dig(item, "id"))))
    blocked = dict.fromkeys((kind, value) for kind, value in found if value and rules.is_blocked(kind, value))
    kept = dict.fromkeys((kind, rules.known_as(kind, value)) for kind, value in found if value and (kind, value) not in blocked)
    # Stable: the place on the event decides within a type.
    return sorted(kept, key=lambda one: rules.rank(one[0])), list(blocked)
