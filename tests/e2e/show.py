"""Shows what arrived in the workspace: rows per table, three profiles, and one merge told event by event.

Everything printed is read from the tables with SQL.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import Any, Callable, Iterable

Row = dict[str, Any]
Sql = Callable[[str], list[Row]]

UPDATE_TABLES = ("id_graph_updates", "external_id_mapping_updates", "profile_traits_updates")
CURRENT_TABLES = ("user_traits", "user_identifiers", "profile_merges", "profile_traits", "id_graph", "external_id_mapping")
CALL_TABLES = ("identifies", "tracks", "pages", "screens", "groups", "aliases")
INTERNAL = "_lakeferry_"      # Lakeferry's own bookkeeping in the schema


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A SQL literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Shown:
    def __init__(self, sql: Sql, catalog: str, schema: str):
        self._sql, self._schema, self._catalog = sql, schema, catalog
        self._at = f"{quoted(catalog)}.{quoted(schema)}"

    def row_counts(self) -> dict[str, int]:
        names = [row["table_name"] for row in self._sql(
            f"SELECT table_name FROM {quoted(self._catalog)}.information_schema.tables "
            f"WHERE table_schema = {text(self._schema)} ORDER BY table_name") if not row["table_name"].startswith(INTERNAL)]
        if not names:
            return {}
        parts = [f"SELECT {text(name)} AS name, count(*) AS rows FROM {self._at}.{quoted(name)}" for name in names]
        return {row["name"]: int(row["rows"]) for row in self._sql(" UNION ALL ".join(parts))}

    def interesting_profiles(self) -> list[tuple[str, str]]:
        """(why it is shown, canonical_segment_id): three different ones, where the data has them."""
        # The later questions stand in where an earlier one finds nobody.
        questions = (
            ("joined from the most profiles", f"""SELECT id FROM (SELECT canonical_segment_id AS id, count(*) AS n
                FROM {self._at}.profile_merges GROUP BY canonical_segment_id) WHERE n > 1 ORDER BY n DESC, id LIMIT 2"""),
            ("has had two e-mail addresses", f"""SELECT id FROM (SELECT canonical_segment_id AS id, count(*) AS n
                FROM {self._at}.user_identifiers WHERE type = 'email' GROUP BY canonical_segment_id)
                WHERE n > 1 ORDER BY id LIMIT 2"""),
            ("known to the old shop system, joined by an alias call", f"""SELECT DISTINCT canonical_segment_id AS id
                FROM {self._at}.user_identifiers WHERE type = 'anonymous_id' AND value LIKE 'legacy-%' ORDER BY id LIMIT 3"""),
            ("known by e-mail, never logged in", f"""SELECT id FROM (SELECT canonical_segment_id AS id,
                max(CASE WHEN type = 'email' THEN 1 ELSE 0 END) AS email, max(CASE WHEN type = 'user_id' THEN 1 ELSE 0 END) AS user
                FROM {self._at}.user_identifiers GROUP BY canonical_segment_id) WHERE email = 1 AND user = 0 ORDER BY id LIMIT 3"""),
        )
        chosen: list[tuple[str, str]] = []
        for why, question in questions:
            ids = [row["id"] for row in self._sql(question)]
            fresh = next((one for one in ids if one not in [have for _, have in chosen]), None)
            if fresh is not None:
                chosen.append((why, fresh))
            if len(chosen) == 3:
                break
        return chosen

    def profile(self, canonical: str) -> tuple[list[Row], list[Row]]:
        where = f"WHERE canonical_segment_id = {text(canonical)}"
        identifiers = self._sql(f"SELECT type, value FROM {self._at}.user_identifiers {where} ORDER BY type, value")
        traits = self._sql(f"SELECT name, value FROM {self._at}.user_traits {where} ORDER BY name")
        return identifiers, traits

    def merge_story(self, canonical: str, calls: Iterable[str]) -> list[str]:
        """`calls`: of CALL_TABLES, those that there are."""
        members = f"SELECT segment_id FROM {self._at}.profile_merges WHERE canonical_segment_id = {text(canonical)}"
        # The log of the graph does not name the source of an event; the event's own row does.
        events = " UNION ALL ".join(f"SELECT id, event_source_id FROM {self._at}.{name}" for name in calls)
        source, of_event = ("e.event_source_id", f"LEFT JOIN ({events}) e ON e.id = g.triggering_event_id") if calls else ("NULL", "")
        graph = self._sql(f"""SELECT segment_id, canonical_segment_id, triggering_event_type, triggering_event_id,
            {source} AS triggering_event_source_name, CAST(g.timestamp AS STRING) AS timestamp, CAST(seq AS STRING) AS seq
            FROM {self._at}.id_graph_updates g {of_event} WHERE segment_id IN ({members})""")
        identifiers = self._sql(f"""SELECT external_id_type, external_id_value, segment_id, triggering_event_type,
            triggering_event_id, triggering_event_name, triggering_event_source_name, CAST(timestamp AS STRING) AS timestamp,
            CAST(seq AS STRING) AS seq
            FROM {self._at}.external_id_mapping_updates WHERE segment_id IN ({members})""")
        return tell(graph, identifiers)


def tell(graph: Iterable[Row], identifiers: Iterable[Row]) -> list[str]:
    """One line an event, in the order in which the profiles were made and joined."""
    events: dict[str, list[Row]] = defaultdict(list)
    for row in sorted([*graph, *identifiers], key=lambda row: int(row["seq"])):
        events[row["triggering_event_id"]].append(row)
    letters: dict[str, str] = {}

    def letter(segment_id: str) -> str:
        return letters.setdefault(segment_id, chr(ord("A") + len(letters)) if len(letters) < 26 else f"#{len(letters) + 1}")

    lines = []
    for rows in events.values():
        made = [row["segment_id"] for row in rows if row.get("canonical_segment_id") == row["segment_id"]]
        moved = [row for row in rows if row.get("canonical_segment_id") not in (None, row["segment_id"])]
        attached = [row for row in rows if "external_id_type" in row]
        said = [f"new profile {letter(one)} ({one})" for one in made]
        for into in dict.fromkeys(row["canonical_segment_id"] for row in moved):
            joined = ", ".join(letter(row["segment_id"]) for row in moved if row["canonical_segment_id"] == into)
            said.append(f"{joined} joined into {letter(into)}")
        if attached:
            owner = letter(attached[0]["segment_id"])
            said.append(f"{owner} gets " + ", ".join(f"{row['external_id_type']} {row['external_id_value']}" for row in attached))
        about = attached[0] if attached else rows[0]
        name = f" “{about['triggering_event_name']}”" if about.get("triggering_event_name") else ""
        source = f" ({about['triggering_event_source_name']})" if about.get("triggering_event_source_name") else ""
        lines.append(f"{str(rows[0]['timestamp'])[:19]}  {about['triggering_event_type']}{name}{source}: {'; '.join(said)}")
    return lines


# ---- on the terminal --------------------------------------------------------------------------------------------

def count_lines(counts: dict[str, int]) -> list[str]:
    groups = (("profile updates (append-only)", UPDATE_TABLES), ("profiles now", CURRENT_TABLES), ("calls", CALL_TABLES))
    known = {name for _, names in groups for name in names}
    lines = []
    for title, names in (*groups, ("one table per track event", tuple(sorted(set(counts) - known)))):
        lines.append(f"  {title}")
        for name in names:
            shown = name if len(name) <= 60 else name[:45] + "…" + name[-12:]
            lines.append(f"    {shown:<60} {counts[name]:>8}" if name in counts else f"    {shown:<60} {'missing':>8}")
    return lines


def profile_lines(why: str, canonical: str, identifiers: list[Row], traits: list[Row]) -> list[str]:
    lines = [f"  {canonical}  ({why})"]
    lines += [f"    {row['type']:<16} {row['value']}" for row in identifiers]
    values = "; ".join(f"{row['name']} = {_short(row['value'])}" for row in traits) or "none"
    return lines + textwrap.wrap("traits: " + values, 110, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)


def _short(value: Any, most: int = 60) -> str:
    shown = str(value)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def report(sql: Sql, catalog: str, schema: str) -> list[str]:
    """All of it, as lines. Missing or empty tables make a shorter report, never a failing one."""
    shown = Shown(sql, catalog, schema)
    counts = shown.row_counts()
    lines = [f"Rows in {catalog}.{schema}:", *count_lines(counts)]
    if not {*UPDATE_TABLES, *CURRENT_TABLES} <= counts.keys():
        return [*lines, "", "No profiles to show: some of their tables have not landed."]
    profiles = shown.interesting_profiles()
    if profiles:
        lines += ["", "Three of the profiles:" if len(profiles) == 3 else "Profiles:"]
        for why, canonical in profiles:
            lines += profile_lines(why, canonical, *shown.profile(canonical))
        lines += ["", f"How {profiles[0][1]} came together, event by event:"]
        lines += [f"  {line}" for line in shown.merge_story(profiles[0][1], [name for name in CALL_TABLES if name in counts])]
    return lines
