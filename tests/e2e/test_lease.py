"""Two daemons on one schema, on the real local workspace: one lands, the other says who it is and waits."""

from __future__ import annotations

import json
import urllib.request

from .stack import WRITE_KEYS, write_configuration


def identify(intake: str, user: str, plan: str) -> None:
    body = json.dumps({"messageId": f"{user}-{plan}", "userId": user, "traits": {"plan": plan}, "writeKey": WRITE_KEYS["website"]}).encode()
    request = urllib.request.Request(f"{intake}/v1/identify", body, {"Content-Type": "application/json"})
    assert urllib.request.urlopen(request, timeout=30).status == 200


def plans(setup) -> list[str]:
    rows = setup.workspace.sql(f"SELECT plan FROM {setup.workspace.ready['catalog']}.lease.profile_traits ORDER BY plan")
    return [row["plan"] for row in rows]


def test_the_second_daemon_waits_until_it_takes_over(setup):
    first_config = setup.configure("lease")
    second_config = write_configuration(setup.home / "lease_second", setup.workspace.ready, schema="lease")
    first, second = setup.daemon(first_config), setup.daemon(second_config)
    identify(first_config.intake, "ada", "free")
    assert first.command("sync", "shop", "--wait", check=False).returncode == 0
    identify(second_config.intake, "bob", "pro")
    refused = second.command("sync", "shop", "--wait", check=False)
    assert refused.returncode == 1
    assert "kept current by another daemon" in refused.stdout and "lakeferry takeover shop" in refused.stdout
    assert plans(setup) == ["free"]
    taken = second.command("takeover", "shop", check=False)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    notice = "The schema was taken over on"
    assert notice in taken.stdout and notice in second.command("status", "shop").stdout
    assert second.command("takeover", "shop", "--settled").returncode == 0
    assert notice not in second.command("status", "shop").stdout
    assert plans(setup) == ["free", "pro"]
    identify(first_config.intake, "ada", "late")
    assert "kept current by another daemon" in first.command("sync", "shop", "--wait", check=False).stdout
    assert plans(setup) == ["free", "pro"]
    runs = setup.workspace.sql(f"SELECT status, rows, error_id FROM {setup.workspace.ready['catalog']}.lease._lakeferry_syncs "
                               "ORDER BY started_at")
    assert [row["status"] for row in runs] == ["success", "failed", "success"]
    assert runs[1]["error_id"] == "lease.held"
