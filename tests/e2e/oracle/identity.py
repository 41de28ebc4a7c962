"""Profiles: which one an event belongs to, what it shows, and the rows that this makes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from . import names
from .calls import Call, Identifier, identifiers
from .rules import Rules
from .tables import event_row
from .values import Types, as_json, as_text, flatten


@dataclass
class Write:
    """The newest value of a trait. `order`: (event timestamp, processing order, place in the object)."""
    order: tuple[int, int, int]
    value: Any
    path: list[str]
    call: Call
    seq: int = 0


@dataclass
class Profile:
    number: int                                          # order of creation; stands for the segment id
    identifiers: dict[Identifier, Call] = field(default_factory=dict)
    traits: dict[str, Write] = field(default_factory=dict)
    members: list[int] = field(default_factory=list)     # merged into this one, in the order in which they joined
    # Column -> (value as JSON, event times of the writes that said it since it is so). Restating a value moves the time of
    # its trait, but changes no table: a row may carry any of these times.
    said: dict[str, tuple[str, set[int]]] = field(default_factory=dict)

    def values_of(self, kind: str) -> set[str]:
        return {value for one, value in self.identifiers if one == kind}

    def visible(self) -> dict[str, tuple[Any, Write]]:
        """Column -> (value, the write that it comes from)."""
        shown: dict[str, tuple[Any, Write]] = {}
        for write in sorted(self.traits.values(), key=lambda write: write.order):
            for column, value in flatten(write.value, write.path, names.column):
                shown[column] = (value, write)
        return shown


def _same(one: dict[str, tuple[Any, Write]], two: dict[str, tuple[Any, Write]]) -> bool:
    return {column: as_json(value) for column, (value, _) in one.items()} == {column: as_json(value) for column, (value, _) in two.items()}


class Oracle:
    """Feed it accepted calls in processing order; then read the tables.

    Rows are dictionaries. Instead of segment ids they carry the profile's number; `message` is the triggering call.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.notes: Counter[str] = Counter()             # what was refused or noticed, by name
        self.merged = 0                                  # profiles that went into another one
        self.profiles: dict[int, Profile] = {}           # live ones
        self.owner: dict[Identifier, Profile] = {}
        self.seen: set[str] = set()
        self.duplicates = 0
        self.graph: list[dict[str, Any]] = []            # id_graph_updates
        self.mapping: list[dict[str, Any]] = []          # external_id_mapping_updates
        self.trait_rows: list[dict[str, Any]] = []       # profile_traits_updates
        self.events: dict[str, list[dict[str, Any]]] = {}   # per call table and event table
        self.types = Types()
        self._created, self._order = 0, 0

    def feed(self, call: Call) -> None:
        if call.message_id is not None:
            if call.message_id in self.seen:
                self.duplicates += 1
                return
            self.seen.add(call.message_id)
        self._order += 1
        profile = self._resolve(call)
        for table, values, columns_of in event_row(call):
            held, lost = self.types.row(table, columns_of)
            self.events.setdefault(table, []).append({"call": call, "profile": None if profile is None else profile.number,
                                                      **values, "columns": held, "lost": lost})

    # -- section 4 to 6 ------------------------------------------------------------------------------------------

    def _resolve(self, call: Call) -> Profile | None:
        left, blocked = identifiers(call, self.rules)
        self.notes["blocked"] += len(blocked)
        matched: list[Profile] = []
        while left:
            matched = self._holders(left)
            broken = None if len(left) == 1 else self._broken_limit(left, matched, call)
            if broken is None:
                break
            self.notes["limit_exceeded" if self.rules.window(broken) is None else "time_limit_exceeded"] += 1
            left.pop()
        if not left:
            self.notes["no_identifiers"] += 1
            return None
        attach = [one for one in left if one not in self.owner]
        before: dict[str, tuple[Any, Write]] = {}
        if not matched:
            profile = self._create(call)
        elif len(matched) > 1 and self._merge_is_allowed(matched):
            profile = matched[0]
            before = profile.visible()
            self._merge(profile, matched[1:], call)
        else:
            profile = self.owner[next(one for one in left if one in self.owner)]
            before = profile.visible()
        for identifier in attach:
            if len(profile.identifiers) < self.rules.identifiers_max:
                self._attach(profile, identifier, call)
            else:
                self.notes["mapping_limit"] += 1
        if call.type == "identify":
            self._write_traits(profile, call)
        after = profile.visible()
        self._note_times(profile, after, matched)
        if not _same(before, after):
            self._trait_row(profile, call)
        return profile

    @staticmethod
    def _note_times(profile: Profile, visible: dict[str, tuple[Any, Write]], matched: list[Profile]) -> None:
        said = {}
        for column, (value, write) in visible.items():
            text, times = as_json(value), {write.call.timestamp}
            for one in matched:
                earlier = one.said.get(column)
                if earlier is not None and earlier[0] == text:
                    times |= earlier[1]
            said[column] = (text, times)
        profile.said = said

    def _holders(self, left: list[Identifier]) -> list[Profile]:
        """Oldest first."""
        found = {self.owner[one].number: self.owner[one] for one in left if one in self.owner}
        return [found[number] for number in sorted(found)]

    def _broken_limit(self, left: list[Identifier], matched: list[Profile], call: Call) -> str | None:
        """The first type by name whose limit the union would break."""
        kinds = {kind for kind, _ in left} | {kind for profile in matched for kind, _ in profile.identifiers}
        for kind in sorted(kinds, key=str.encode):
            held = {value: first.timestamp for profile in matched for (one, value), first in profile.identifiers.items() if one == kind}
            union = {value for one, value in left if one == kind} | set(held)
            window = self.rules.window(kind)
            counted = [value for value in union if value not in held or window is None or held[value] > call.timestamp - window]
            most_held = max((len(profile.values_of(kind)) for profile in matched), default=0)
            limit = self.rules.limit(kind)
            if limit != 0 and len(counted) > limit and len(union) > most_held:
                return kind
        return None

    def _merge_is_allowed(self, matched: list[Profile]) -> bool:
        others = sum(len(profile.members) for profile in matched) + len(matched) - 1
        if others > self.rules.merges_max:
            self.notes["merge_limit"] += 1
            return False
        if sum(len(profile.identifiers) for profile in matched) > self.rules.identifiers_max:
            self.notes["mapping_limit"] += 1
            return False
        return True

    def _create(self, call: Call) -> Profile:
        profile = Profile(self._created)
        self._created += 1
        self.profiles[profile.number] = profile
        self.graph.append({"segment": profile.number, "canonical": profile.number, "call": call})
        return profile

    def _merge(self, survivor: Profile, others: list[Profile], call: Call) -> None:
        self.merged += len(others)
        for other in others:
            for member in [other.number, *other.members]:
                self.graph.append({"segment": member, "canonical": survivor.number, "call": call})
                survivor.members.append(member)
            for identifier, first in other.identifiers.items():
                survivor.identifiers[identifier] = first
                self.owner[identifier] = survivor
            for name, write in other.traits.items():
                if name not in survivor.traits or write.order > survivor.traits[name].order:
                    survivor.traits[name] = write
            del self.profiles[other.number]

    def _attach(self, profile: Profile, identifier: Identifier, call: Call) -> None:
        profile.identifiers[identifier] = call
        self.owner[identifier] = profile
        self.mapping.append({"type": identifier[0], "value": identifier[1], "segment": profile.number, "call": call})

    # -- section 7 -----------------------------------------------------------------------------------------------

    def _write_traits(self, profile: Profile, call: Call) -> None:
        for place, (key, value) in enumerate(call.traits.items()):
            write = Write((call.timestamp, self._order, place), value, [key], call)
            name = names.column([key])
            if name not in profile.traits or write.order > profile.traits[name].order:
                profile.traits[name] = write

    def _trait_row(self, profile: Profile, call: Call) -> None:
        values = {column: value for column, (value, _) in profile.visible().items()}
        held, lost = self.types.row("profile_traits_updates", values)
        self.trait_rows.append({"segment": profile.number, "call": call, "columns": held, "lost": lost})

    # -- section 8.2 ---------------------------------------------------------------------------------------------

    def user_traits(self) -> dict[tuple[int, str], tuple[str, set[int]]]:
        """(profile, column) -> (value as text, the times that its row may carry)."""
        return {(profile.number, column): (as_text(value), profile.said[column][1])
                for profile in self.profiles.values() for column, (value, _) in profile.visible().items()}

    def user_identifiers(self) -> dict[tuple[str, str], tuple[int, Call]]:
        """Identifier -> (profile, the call that attached it)."""
        return {identifier: (profile.number, call) for profile in self.profiles.values()
                for identifier, call in profile.identifiers.items()}

    def profile_traits(self) -> dict[int, tuple[int | None, dict[str, Any], set[str]]]:
        """Segment -> (the profile that holds it now if it was merged away, columns, columns whose value did not fit)."""
        rows: dict[int, tuple[int | None, dict[str, Any], set[str]]] = {}
        for number, (canonical, _) in self.merges().items():
            if canonical != number:
                rows[number] = (canonical, {}, set())
                continue
            values = {column: value for column, (value, _) in self.profiles[number].visible().items()}
            rows[number] = (None, *self.types.row("profile_traits_updates", values))
        return rows

    def merges(self) -> dict[int, tuple[int, Call]]:
        """Segment -> (profile that it resolves to now, the call of its newest row)."""
        return {row["segment"]: (row["canonical"], row["call"]) for row in self.graph}
