"""What ./try prints, from rows that are written down here."""

from e2e import show


def graph(segment, canonical, event, seq, kind="page", timestamp="2025-03-03T10:00:00.000Z", source=None):
    return {"segment_id": segment, "canonical_segment_id": canonical, "triggering_event_type": kind,
            "triggering_event_id": event, "triggering_event_source_name": source, "timestamp": timestamp, "seq": seq}


def identifier(kind, value, segment, event, seq, source="website", name=None, call="page"):
    return {"external_id_type": kind, "external_id_value": value, "segment_id": segment, "triggering_event_id": event,
            "triggering_event_type": call, "triggering_event_name": name, "triggering_event_source_name": source,
            "timestamp": "2025-03-03T10:00:00.000Z", "seq": seq}


def test_a_merge_of_merges_is_told_in_order():
    rows = [graph("s1", "s1", "e1", "10"), graph("s2", "s2", "e2", "12"), graph("s2", "s1", "e3", "14", "identify"),
            graph("s0", "s0", "e0", "8"), graph("s1", "s0", "e4", "16", "identify", source="app"),
            graph("s2", "s0", "e4", "17", "identify", source="app"), graph("s9", "s9", "e9", "18")]
    known = [identifier("anonymous_id", "app", "s0", "e0", "9", "app", "Home", "screen"),
             identifier("anonymous_id", "a", "s1", "e1", "11"), identifier("email", "x@y.example", "s2", "e2", "13"),
             identifier("user_id", "u1", "s1", "e3", "15", call="identify")]
    assert show.tell(rows, known) == [
        "2025-03-03T10:00:00  screen “Home” (app): new profile A (s0); A gets anonymous_id app",
        "2025-03-03T10:00:00  page (website): new profile B (s1); B gets anonymous_id a",
        "2025-03-03T10:00:00  page (website): new profile C (s2); C gets email x@y.example",
        "2025-03-03T10:00:00  identify (website): C joined into B; B gets user_id u1",
        "2025-03-03T10:00:00  identify (app): B, C joined into A",
        "2025-03-03T10:00:00  page: new profile D (s9)"]


def test_seq_orders_by_value():
    rows = [graph("s1", "s1", "late", "100"), graph("s0", "s0", "early", "99")]
    assert [line.split("(")[-1] for line in show.tell(rows, [])] == ["s0)", "s1)"]


def test_missing_tables_are_said_to_be_missing():
    lines = show.count_lines({"tracks": 5, "order_completed": 2})
    assert any(line.split() == ["tracks", "5"] for line in lines)
    assert any(line.split() == ["identifies", "missing"] for line in lines)
    assert any(line.split() == ["order_completed", "2"] for line in lines)


def test_literals_cannot_break_out():
    assert show.text("it's\\") == "'it\\'s\\\\'"
    assert show.quoted("a`b") == "`a``b`"


def test_report_of_an_empty_schema_is_short():
    lines = show.report(lambda statement: [], "main", "shop")
    assert lines[0] == "Rows in main.shop:" and lines[-1].startswith("No profiles to show")
