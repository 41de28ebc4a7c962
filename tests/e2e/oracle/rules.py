"""A space's identity rules, as the configuration says them; without arguments the defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

DAY = 86_400_000_000


@dataclass
class Identifier:
    """One [[identity.identifiers]]. limit: None the default, 0 unlimited."""
    type: str
    limit: int | None = None
    window_days: int | None = None
    blocked: list[str] = field(default_factory=list)
    blocked_patterns: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass
class Rules:
    identifiers: list[Identifier] = field(default_factory=list)      # in priority order
    blocked: list[str] = field(default_factory=lambda: ["-1", "null", "anonymous"])
    blocked_patterns: list[str] = field(default_factory=lambda: [r"^[0-]*\Z"])
    merges_max: int = 100
    identifiers_max: int = 1000
    group_id: bool = False
    fold_email_case: bool = False

    def of(self, kind: str) -> Identifier | None:
        return next((one for one in self.identifiers if one.type == kind), None)

    def limit(self, kind: str) -> int:
        own = self.of(kind)
        if own is not None and own.limit is not None:
            return own.limit
        return 1 if kind == "user_id" else 5

    def window(self, kind: str) -> int | None:
        own = self.of(kind)
        return None if own is None or own.window_days is None else own.window_days * DAY

    def known_as(self, kind: str, value: str) -> str:
        return fold(value) if self.fold_email_case and kind == "email" else value

    def is_blocked(self, kind: str, value: str) -> bool:
        own = self.of(kind) or Identifier(kind)
        texts, patterns = self.blocked + own.blocked, self.blocked_patterns + own.blocked_patterns
        forms = {value, self.known_as(kind, value)}
        if self.fold_email_case and kind == "email" and fold(value) in map(fold, texts):
            return True
        return value in texts or any(re.search(pattern, form) for pattern in patterns for form in forms)

    def rank(self, kind: str) -> tuple[int, bytes]:
        order = [one.type for one in self.identifiers] or ["user_id", "email"]
        return (order.index(kind), b"") if kind in order else (len(order), kind.encode())

    def forms(self, key: str) -> list[str]:
        """The key as written, in camelCase, in snake_case."""
        words = [word.lower() for word in re.findall(r"[A-Z0-9]*[a-z0-9]*", key) if word]
        camel = "".join(word if i == 0 else word[:1].upper() + word[1:] for i, word in enumerate(words))
        return list(dict.fromkeys(form for form in (key, camel, "_".join(words)) if form))


def fold(text: str) -> str:
    """A to Z in lower case, nothing else."""
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)
