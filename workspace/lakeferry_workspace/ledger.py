"""Every call with principal, path, statement, bytes: costs are asserted from it."""
import itertools
from collections import deque

KEPT, MOST_TEXT = 100_000, 4000


class Ledger:
    def __init__(self, clock):
        self.clock, self.entries, self.numbers = clock, deque(maxlen=KEPT), itertools.count(1)

    def add(self, request, reply, seconds: float, text: str | None, bytes_in: int, fault):
        who = request.get("who")
        self.entries.append({
            "seq": next(self.numbers), "time": self.clock.now(), "principal": who.name if who else None, "method": request.method,
            "path": request.path, "status": reply.status if reply is not None else None, "seconds": round(seconds, 6), "bytes_in": bytes_in,
            "bytes_out": size_of(reply),
            "statement": text[:MOST_TEXT] if text else None, "statement_id": request.get("statement_id"),
            "fault": fault.kind if fault else None, "user_agent": request.headers.get("User-Agent")})

    def since(self, seq: int, limit: int) -> list[dict]:
        return list(itertools.islice((e for e in self.entries if e["seq"] > seq), limit))

    def clear(self):
        self.entries.clear()


def size_of(reply) -> int:
    """A streamed answer has counted what it wrote; a whole one knows its body."""
    body = getattr(reply, "body", None)
    return len(body) if isinstance(body, bytes) else getattr(reply, "body_length", 0) if reply is not None and reply.prepared else 0
