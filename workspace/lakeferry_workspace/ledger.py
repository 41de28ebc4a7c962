"""Every call with principal, path, statement, bytes, and sums of them by kind of call: costs are asserted from it."""
import itertools
from collections import deque

from .calls import kind_of

KEPT, MOST_TEXT = 100_000, 4000


class Ledger:
    def __init__(self, clock):
        self.clock, self.entries, self.numbers = clock, deque(maxlen=KEPT), itertools.count(1)
        self.sums: dict[tuple, dict] = {}  # of all calls, also of those that are no longer listed

    def add(self, request, reply, seconds: float, text: str | None, bytes_in: int, fault):
        who, call = request.get("who"), kind_of(request.method, request.path)
        entry = {
            "seq": next(self.numbers), "time": self.clock.now(), "call": call, "principal": who.name if who else None,
            "method": request.method, "path": request.path, "status": reply.status if reply is not None else None,
            "seconds": round(seconds, 6), "bytes_in": bytes_in, "bytes_out": size_of(reply),
            "statement": text[:MOST_TEXT] if text else None, "statement_bytes": len(text.encode(errors="replace")) if text else 0,
            "statement_id": request.get("statement_id"), "warehouse_id": request.get("warehouse_id"),
            "fault": fault.kind if fault else None, "user_agent": request.headers.get("User-Agent")}
        self.entries.append(entry)
        total = self.sums.setdefault((entry["principal"], call), {"calls": 0, "refused": 0, "seconds": 0.0, "bytes_in": 0, "bytes_out": 0})
        total["calls"] += 1
        total["refused"] += (entry["status"] or 599) >= 400
        for key in ("seconds", "bytes_in", "bytes_out"):
            total[key] = round(total[key] + entry[key], 6)

    def since(self, seq: int, limit: int, wanted: dict) -> list[dict]:
        """`wanted`: what entries must have, such as {"principal": "lakeferry", "call": "submit"}."""
        found = (e for e in self.entries if e["seq"] > seq and all(str(e[k]) == v for k, v in wanted.items()))
        return list(itertools.islice(found, limit))

    def totals(self) -> list[dict]:
        return [{"principal": who, "call": call} | dict(sums) for (who, call), sums in
                sorted(self.sums.items(), key=lambda item: (item[0][0] or "", item[0][1]))]

    def clear(self):
        self.entries.clear()
        self.sums.clear()


def size_of(reply) -> int:
    """A streamed answer has counted what it wrote; a whole one knows its body."""
    body = getattr(reply, "body", None)
    return len(body) if isinstance(body, bytes) else getattr(reply, "body_length", 0) if reply is not None and reply.prepared else 0
