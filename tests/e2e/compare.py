"""Compares what landed with what the oracle says, modulo segment ids (opaque), made-up message ids and uuid_ts.

`differences()` returns texts; none means that the tables are right.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Callable

from .landed import Landed, Row, micros, value
from .oracle import Call, Oracle, names

FREE = {"uuid_ts", "loaded_at", "_rescued_data"}
FIXED = {"id", "user_id", "anonymous_id", "previous_id", "group_id", "event", "event_text", "received_at", "sent_at", "timestamp",
         "original_timestamp", "segment_id", "event_source_id"}
UPDATE_FIXED = {"segment_id", "seq", "timestamp", "received_at", "triggering_event_id", "triggering_event_name",
                "triggering_event_type", "triggering_event_source_id", "triggering_event_source_name", "triggering_event_source_slug"}
WIDE_FIXED = {"canonical_segment_id", "merged_to", "seq", "timestamp"}
MOST = 40


class Comparison:
    def __init__(self, oracle: Oracle, landed: Landed):
        self.oracle, self.landed = oracle, landed
        self.found: list[str] = []
        self.segment: dict[int, str] = {}       # the oracle's number -> segment id

    def say(self, text: str) -> None:
        self.found.append(text)

    def same(self, where: str, expected: Any, actual: Any) -> None:
        if expected != actual:
            self.say(f"{where}: expected {expected!r}, found {actual!r}")

    def enough(self, table: str, before: int) -> bool:
        """One fault makes many differences: the first few of a table tell what it is."""
        if len(self.found) < before + 6:
            return False
        self.say(f"{table}: not compared further")
        return True

    def run(self) -> list[str]:
        self.learn_segments()
        self.graph()
        self.mapping()
        self.trait_rows()
        self.sequence()
        self.current_tables()
        for table in sorted({*self.oracle.events, *self.landed.event_tables}):
            self.event_table(table)
        return self.found if len(self.found) <= MOST else [*self.found[:MOST], f"… and {len(self.found) - MOST} more"]

    # -- segment ids ---------------------------------------------------------------------------------------------

    def learn_segments(self) -> None:
        """Every profile got an identifier when it was made, so the identifiers tell which id is which number."""
        ids = {(row["external_id_type"], row["external_id_value"]): row["segment_id"]
               for row in self.landed.table("external_id_mapping_updates")}
        for row in self.oracle.mapping:
            found = ids.get((row["type"], row["value"]))
            if found is not None and self.segment.setdefault(row["segment"], found) != found:
                self.say(f"external_id_mapping_updates: {row['type']} {row['value']} belongs to {found}, "
                         f"but its profile is {self.segment[row['segment']]}")
        twice = [one for one, times in Counter(self.segment.values()).items() if times > 1]
        if twice:
            self.say(f"one segment id for two profiles: {twice[:5]}")
        odd = [one for one in self.segment.values() if not one.startswith("use_")]
        if odd:
            self.say(f"segment ids must begin with use_: {odd[:5]}")

    def id_of(self, number: int | None) -> str | None:
        return None if number is None else self.segment.get(number, f"(profile {number} is missing)")

    # -- update tables -------------------------------------------------------------------------------------------

    def in_order(self, table: str, expected: list[dict[str, Any]], check: Callable[[str, dict[str, Any], Row], None]) -> None:
        actual = self.landed.ordered(table)
        if len(actual) != len(expected):
            self.say(f"{table}: expected {len(expected)} rows, found {len(actual)}")
        before = len(self.found)
        for place, (want, row) in enumerate(zip(expected, actual)):
            check(f"{table}, row {place} by seq", want, row)
            if self.enough(table, before):
                break

    def trigger(self, where: str, call: Call, row: Row) -> None:
        self.same(f"{where}: triggering_event_type", call.type, row["triggering_event_type"])
        if call.message_id is not None:
            self.same(f"{where}: triggering_event_id", call.message_id, row["triggering_event_id"])
        self.same(f"{where}: timestamp", call.timestamp, micros(row["timestamp"]))

    def full_trigger(self, where: str, call: Call, row: Row) -> None:
        self.trigger(where, call, row)
        name = call.event if call.type == "track" else call.name if call.type in ("page", "screen") else None
        self.same(f"{where}: triggering_event_name", name, row["triggering_event_name"])
        self.same(f"{where}: triggering_event_source_name", call.source, row["triggering_event_source_name"])
        self.same(f"{where}: triggering_event_source_slug", call.source, row["triggering_event_source_slug"])
        self.same(f"{where}: received_at", call.received, micros(row["received_at"]))

    def graph(self) -> None:
        def check(where: str, want: dict[str, Any], row: Row) -> None:
            self.same(where, (self.id_of(want["segment"]), self.id_of(want["canonical"])),
                      (row["segment_id"], row["canonical_segment_id"]))
            self.trigger(where, want["call"], row)
        self.in_order("id_graph_updates", self.oracle.graph, check)

    def mapping(self) -> None:
        def check(where: str, want: dict[str, Any], row: Row) -> None:
            self.same(where, (self.id_of(want["segment"]), want["type"], want["value"], names.identifier_hash(want["type"], want["value"])),
                      (row["segment_id"], row["external_id_type"], row["external_id_value"], row["external_id_hash"]))
            self.full_trigger(where, want["call"], row)
        self.in_order("external_id_mapping_updates", self.oracle.mapping, check)

    def trait_rows(self) -> None:
        def check(where: str, want: dict[str, Any], row: Row) -> None:
            self.same(f"{where}: segment_id", self.id_of(want["segment"]), row["segment_id"])
            self.full_trigger(where, want["call"], row)
            self.columns(where, "profile_traits_updates", want, row, UPDATE_FIXED)
        self.in_order("profile_traits_updates", self.oracle.trait_rows, check)

    def sequence(self) -> None:
        tables = ("id_graph_updates", "external_id_mapping_updates", "profile_traits_updates")
        every = [int(row["seq"]) for name in tables for row in self.landed.table(name)]
        if len(set(every)) != len(every):
            self.say("seq: a value occurs twice over the update tables")
        for name in tables:
            rows = self.landed.ordered(name)
            if [row["seq"] for row in rows] != sorted((row["seq"] for row in rows), key=str) and \
                    self.landed.types[name]["seq"] == "STRING":
                self.say(f"{name}: seq does not sort as text the way it sorts as a number")

    # -- columns with values -------------------------------------------------------------------------------------

    def columns(self, where: str, table: str, want: dict[str, Any], row: Row, fixed: set[str]) -> None:
        types = self.landed.types[table]
        actual = {name: value(cell, types[name]) for name, cell in row.items()
                  if cell is not None and name not in fixed and name not in FREE}
        if actual != want["columns"]:
            for name in sorted({*actual, *want["columns"]}):
                self.same(f"{where}: {name}", want["columns"].get(name), actual.get(name))
        rescued = json.loads(row.get("_rescued_data") or "{}")
        self.same(f"{where}: _rescued_data", want["lost"], {name for name in rescued if not name.startswith("_file")})

    # -- current tables ------------------------------------------------------------------------------------------

    def current_tables(self) -> None:
        traits = {(self.id_of(number), name): (text,) for (number, name), (text, _) in self.oracle.user_traits().items()}
        self.keyed("user_traits", traits, ("canonical_segment_id", "name"), ("value",))
        self.trait_times()
        identifiers = {one: (self.id_of(number), call.timestamp) for one, (number, call) in self.oracle.user_identifiers().items()}
        self.keyed("user_identifiers", identifiers, ("type", "value"), ("canonical_segment_id", "timestamp"))
        merges = {(self.id_of(number),): (self.id_of(canonical), call.timestamp)
                  for number, (canonical, call) in self.oracle.merges().items()}
        self.keyed("profile_merges", merges, ("segment_id",), ("canonical_segment_id", "timestamp"))
        self.keyed("id_graph", merges, ("segment_id",), ("canonical_segment_id", "timestamp"))
        mapping = {one: (profile, names.identifier_hash(*one), first) for one, (profile, first) in identifiers.items()}
        self.keyed("external_id_mapping", mapping, ("external_id_type", "external_id_value"),
                   ("canonical_segment_id", "external_id_hash", "timestamp"))
        self.profile_traits()

    def profile_traits(self) -> None:
        expected = {self.id_of(number): (self.id_of(merged_to), columns, lost)
                    for number, (merged_to, columns, lost) in self.oracle.profile_traits().items()}
        rows = {row["canonical_segment_id"]: row for row in self.landed.table("profile_traits")}
        if len(rows) != len(self.landed.table("profile_traits")):
            self.say("profile_traits: a profile has two rows")
        for one in sorted({*expected, *rows} - (expected.keys() & rows.keys()), key=str):
            self.say(f"profile_traits: {'missing' if one in expected else 'too much'}: {one}")
        before = len(self.found)
        for one in sorted(expected.keys() & rows.keys()):
            merged_to, columns, lost = expected[one]
            where = f"profile_traits {one}"
            self.same(f"{where}: merged_to", merged_to, rows[one]["merged_to"])
            self.columns(where, "profile_traits", {"columns": columns, "lost": lost}, rows[one], WIDE_FIXED)
            if self.enough("profile_traits", before):
                break

    def trait_times(self) -> None:
        allowed = {(self.id_of(number), name): times for (number, name), (_, times) in self.oracle.user_traits().items()}
        before = len(self.found)
        for row in self.landed.table("user_traits"):
            key = (row["canonical_segment_id"], row["name"])
            if key in allowed and micros(row["timestamp"]) not in allowed[key]:
                self.say(f"user_traits {key}: timestamp {micros(row['timestamp'])} is none of {sorted(allowed[key])}")
                if self.enough("user_traits", before):
                    return

    def keyed(self, table: str, expected: dict[Any, Any], key: tuple[str, ...], values: tuple[str, ...]) -> None:
        rows = self.landed.table(table)
        actual = {tuple(row[name] for name in key): tuple(micros(row[name]) if name == "timestamp" else row[name] for name in values)
                  for row in rows}
        if len(actual) != len(rows):
            self.say(f"{table}: {len(rows) - len(actual)} rows repeat a key {key}")
        for one in sorted({*expected, *actual} - (expected.keys() & actual.keys()), key=str):
            self.say(f"{table}: {'missing' if one in expected else 'too much'}: {one} {expected.get(one, actual.get(one))}")
        before = len(self.found)
        for one in sorted(expected.keys() & actual.keys(), key=str):
            self.same(f"{table} {one}", expected[one], actual[one])
            if self.enough(table, before):
                break

    # -- event tables --------------------------------------------------------------------------------------------

    def event_table(self, table: str) -> None:
        if table not in self.landed.rows:
            self.say(f"table {table} is missing")
            return
        expected, actual = self.oracle.events.get(table, []), self.landed.table(table)
        self.same(f"{table}: number of rows", len(expected), len(actual))
        ids = Counter(row["id"] for row in actual)
        self.same(f"{table}: ids that occur twice", [], [one for one, times in ids.items() if times > 1][:5])
        known = {want["call"].message_id: want for want in expected if want["call"].message_id is not None}
        by_id = {row["id"]: row for row in actual}
        pairs = [(want, by_id[one]) for one, want in known.items() if one in by_id]
        missing = [one for one in known if one not in by_id]
        if missing:
            self.say(f"{table}: {len(missing)} calls are missing, the first is {missing[0]}")
        # Calls whose id was made up on arrival: nothing says which row is whose but what they hold.
        def place(user: Any, original: Any) -> tuple[str, int]:
            return (str(user), original or 0)
        made_up = sorted((row for one, row in by_id.items() if one not in known), key=lambda row: place(row["user_id"], micros(row["original_timestamp"])))
        blank = sorted((want for want in expected if want["call"].message_id is None), key=lambda want: place(want["user_id"], want["call"].original))
        pairs += list(zip(blank, made_up))
        before = len(self.found)
        for want, row in pairs:
            self.event_row(table, want, row)
            if self.enough(table, before):
                return

    def event_row(self, table: str, want: dict[str, Any], row: Row) -> None:
        where, call = f"{table}, id {row['id']}", want["call"]
        for name in ("user_id", "anonymous_id", "previous_id", "group_id", "event", "event_text"):
            self.same(f"{where}: {name}", want.get(name), row.get(name))
        self.same(f"{where}: segment_id", self.id_of(want["profile"]), row["segment_id"])
        self.same(f"{where}: event_source_id", call.source, row["event_source_id"])
        for name, expected in (("received_at", call.received), ("sent_at", call.sent), ("timestamp", call.timestamp),
                               ("original_timestamp", call.original)):
            self.same(f"{where}: {name}", expected, micros(row[name]))
        self.columns(where, table, want, row, FIXED)


def differences(oracle: Oracle, landed: Landed) -> list[str]:
    return Comparison(oracle, landed).run()
