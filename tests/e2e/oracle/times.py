"""Times: texts of calls to microseconds since 1970, and the correction of a client's clock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DAY_US = 86_400_000_000
_FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


def parse(value: object) -> int | None:
    """None for everything that is not a time in the accepted form."""
    found = _parts(value)
    return None if found is None else found[0]


def parse_full(value: object) -> int | None:
    """Only a full date and time with a zone: what makes a column a TIMESTAMP."""
    found = _parts(value)
    return found[0] if found is not None and found[1] else None


def _parts(value: object) -> tuple[int, bool] | None:
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    micros = int(((fraction or "") + "000000")[:6])
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, timezone.utc)
    except ValueError:
        return None
    offset = 0
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 23 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * (1 if zone[0] == "+" else -1)
    return (moment - EPOCH) // timedelta(microseconds=1) - offset * 60_000_000, hour is not None and zone is not None


def corrected(received: int, sent: int | None, original: int) -> int:
    happened = original if sent is None else received - (sent - original)
    return received if happened > received + DAY_US else happened
