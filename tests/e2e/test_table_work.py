"""Selective sync, filling again, change of a column's type, OPTIMIZE and pauses: the real daemon on the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .stack import WRITE_KEYS, Config, Daemon

SELECT = '\n[profiles_sync.select]\ntables = ["!order_completed", "!user_traits"]\ncolumns = ["!pages.url"]\n'


def calls() -> list[dict[str, Any]]:
    key = {"writeKey": WRITE_KEYS["website"]}
    found: list[dict[str, Any]] = []
    for n in range(40):
        user = f"u{n % 8}"
        found.append({**key, "type": "identify", "messageId": f"i{n}", "userId": user, "anonymousId": f"a{n % 10}",
                      "traits": {"plan": "pro" if n > 20 else "free", "visits": n}})
        # The first price is whole, so the column is BIGINT, and the others do not fit.
        found.append({**key, "type": "track", "messageId": f"o{n}", "userId": user, "event": "Order Completed",
                      "properties": {"price": 10 if n == 0 else n + 0.5, "coupon": 'a "b", c}' if n % 2 else None}})
        found.append({**key, "type": "page", "messageId": f"p{n}", "userId": user, "properties": {"url": f"/x/{n}", "title": "x"}})
    return found


def write_calls(folder: Path) -> Path:
    file = folder / "calls.ndjson"
    file.write_text("".join(json.dumps(call) + "\n" for call in calls()))
    return file


def rows(setup, config: Config, query: str) -> list[dict[str, Any]]:
    return setup.workspace.sql(query.replace("{s}", f"`{setup.workspace.ready['catalog']}`.`{config.schema}`"))


def tables(setup, config: Config) -> set[str]:
    return {row["table_name"] for row in rows(setup, config, "SELECT table_name FROM "
            f"`{setup.workspace.ready['catalog']}`.information_schema.tables WHERE table_schema = '{config.schema}'")}


def space_file(config: Config) -> Path:
    return config.folder / "spaces.d" / "shop.toml"


def sync(daemon: Daemon) -> None:
    daemon.command("sync", "shop", "--wait")


def test_what_is_left_out_can_be_filled_and_a_column_can_change_its_type(setup):
    config = setup.configure("table_work")
    plain = space_file(config).read_text()
    space_file(config).write_text(plain + SELECT)
    daemon = setup.daemon(config)
    file = write_calls(config.folder)
    daemon.command("import", "shop", file)
    sync(daemon)

    there = tables(setup, config)
    assert "pages" in there and "tracks" in there
    assert "order_completed" not in there and "user_traits" not in there
    columns = {row["column_name"] for row in rows(setup, config, f"SELECT column_name FROM `{setup.workspace.ready['catalog']}`."
               f"information_schema.columns WHERE table_schema = '{config.schema}' AND table_name = 'pages'")}
    assert "title" in columns and "url" not in columns
    refused = daemon.command("backfill", "shop", "user_traits", check=False)
    assert refused.returncode == 1 and "left out by profiles_sync.select.tables" in refused.stderr

    space_file(config).write_text(plain)
    daemon.command("reload")
    fill_profile_tables(setup, config, daemon)
    fill_event_tables(setup, config, daemon, file)
    change_type(setup, config, daemon)
    noted = daemon.command("optimize", "shop", "order_completed").stdout
    assert "order_completed: optimized" in noted
    assert daemon.stop() == 0


def fill_profile_tables(setup, config: Config, daemon: Daemon) -> None:
    for _ in range(2):     # the second time changes nothing
        daemon.command("backfill", "shop", "user_traits", "id_graph_updates", "external_id_mapping_updates")
        found = rows(setup, config, "SELECT name, count(*) AS n FROM {s}.user_traits GROUP BY name ORDER BY name")
        live = int(rows(setup, config, "SELECT count(DISTINCT canonical_segment_id) AS n FROM {s}.profile_merges")[0]["n"])
        assert [(row["name"], int(row["n"])) for row in found] == [("plan", live), ("visits", live)]
        doubled = rows(setup, config, "SELECT external_id_hash FROM {s}.external_id_mapping_updates GROUP BY 1 HAVING count(*) > 1")
        assert doubled == [], "an identifier is in the log once"
        wrong = rows(setup, config, "SELECT m.segment_id FROM {s}.profile_merges m LEFT JOIN (SELECT segment_id, "
                     "max_by(canonical_segment_id, seq) AS c FROM {s}.id_graph_updates GROUP BY 1) g USING (segment_id) "
                     "WHERE NOT (g.c <=> m.canonical_segment_id)")
        assert wrong == [], "the newest row of the log says where a profile is"


def fill_event_tables(setup, config: Config, daemon: Daemon, file: Path) -> None:
    for again in ((), ("--again",)):
        daemon.command("import", "shop", file, "--refill", "order_completed", *again)
        daemon.command("import", "shop", file, "--refill", "pages", *again)
        sync(daemon)
        counts = rows(setup, config, "SELECT count(*) AS n, count(DISTINCT id) AS d, count(segment_id) AS s FROM {s}.order_completed")[0]
        assert {name: int(n) for name, n in counts.items()} == {"n": 40, "d": 40, "s": 40}
        pages = rows(setup, config, "SELECT count(*) AS n, count(url) AS u FROM {s}.pages")[0]
        assert (int(pages["n"]), int(pages["u"])) == (40, 40), "rows that were there have the column filled"
        tracks = rows(setup, config, "SELECT count(*) AS n FROM {s}.tracks")[0]
        assert int(tracks["n"]) == 40, "no other table is touched"
    bad = daemon.command("import", "shop", file, "--refill", "user_traits", check=False)
    assert bad.returncode == 1 and "lakeferry backfill shop user_traits" in bad.stderr


def change_type(setup, config: Config, daemon: Daemon) -> None:
    before = rows(setup, config, "SELECT count(price) AS fit, count(_rescued_data) AS rescued FROM {s}.order_completed")[0]
    assert (int(before["fit"]), int(before["rescued"])) == (1, 39)
    daemon.command("retype", "shop", "order_completed.price", "double")
    after = rows(setup, config, "SELECT count(price) AS fit, count(_rescued_data) AS rescued, CAST(sum(price) AS STRING) AS s, "
                 "count(coupon) AS coupons FROM {s}.order_completed")[0]
    assert (int(after["fit"]), int(after["rescued"]), int(after["coupons"])) == (40, 0, 20)
    assert float(after["s"]) == 10 + sum(n + 0.5 for n in range(1, 40))
    shape = {row["column_name"]: row for row in rows(setup, config, "SELECT column_name, data_type, comment FROM "
             f"`{setup.workspace.ready['catalog']}`.information_schema.columns WHERE table_schema = '{config.schema}' "
             "AND table_name = 'order_completed'")}
    assert shape["price"]["data_type"] == "DOUBLE"
    assert [name for name, row in shape.items() if not row["comment"]] == [], "comments are kept"
    assert rows(setup, config, "DESCRIBE DETAIL {s}.order_completed")[0]["clusteringColumns"] == '["received_at"]'

    lossy = daemon.command("retype", "shop", "order_completed.price", "BIGINT", check=False)
    assert lossy.returncode == 1 and "39 values of order_completed.price do not fit BIGINT; nothing was changed" in lossy.stderr
    daemon.command("retype", "shop", "order_completed.price", "BIGINT", "--rescue")
    back = rows(setup, config, "SELECT count(price) AS fit, count(_rescued_data) AS rescued FROM {s}.order_completed")[0]
    assert (int(back["fit"]), int(back["rescued"])) == (1, 39), "and nothing was lost"
    daemon.command("retype", "shop", "order_completed.price", "DOUBLE")
    key = WRITE_KEYS["website"]
    more = config.folder / "more.ndjson"
    more.write_text(json.dumps({"writeKey": key, "type": "track", "messageId": "o99", "userId": "u1", "event": "Order Completed",
                                "properties": {"price": 0.25}}) + "\n")
    daemon.command("import", "shop", more)
    sync(daemon)
    new = rows(setup, config, "SELECT CAST(price AS STRING) AS p, _rescued_data AS r FROM {s}.order_completed WHERE id = 'o99'")
    assert new == [{"p": "0.25", "r": None}], "later rows fit"
    assert daemon.command("retype", "shop", "order_completed.id", "BIGINT", check=False).returncode == 1


def test_a_pause_outlives_the_daemon(setup):
    config = setup.configure("paused")
    daemon = setup.daemon(config)
    daemon.command("pause", "shop", "--reason", "catalog moves")
    daemon.kill()
    daemon.start()
    space = json.loads(daemon.command("status", "shop", "--json").stdout)
    assert space["state"] == "paused" and space["reason"].endswith(": catalog moves") and space["sync"]["next_us"] == 0
    daemon.command("resume", "shop")
    space = json.loads(daemon.command("status", "shop", "--json").stdout)
    assert space["state"] == "running" and space["sync"]["next_us"] > 0
    assert daemon.command("loads", "shop").stdout == "Nothing is under way.\n"
    assert daemon.command("loads", "shop", "--accept", "7", check=False).returncode == 1
