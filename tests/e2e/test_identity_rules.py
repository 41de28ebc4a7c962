"""Random calls under random rules: the daemon's resolver, through `lakeferry identity preview`, against the oracle.

LAKEFERRY_E2E_LONG=1 runs more seeds. A seed that fails says so in its name and is repeated with -k.
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import LONG
from .oracle import Arrival, Identifier, Oracle, Rules, accept
from .stack import write_configuration

SEEDS = range(200 if LONG else 8)
CALLS = 400
NOWHERE = {"url": "http://127.0.0.1:9", "http_path": "/sql/1.0/warehouses/none", "catalog": "main", "client_id": "c", "client_secret": "s"}
KEYS = ("customerId", "Loyalty Number", "account_ref")


def random_rules(rng: random.Random) -> Rules:
    rules = Rules(group_id=rng.random() < 0.4, fold_email_case=rng.random() < 0.5)
    kinds = ["user_id", "email", "anonymous_id", "phone", "customer", "ios.id"] + (["group_id"] if rules.group_id else [])
    for kind in rng.sample(kinds, rng.randint(0, len(kinds))):
        one = Identifier(kind, limit=rng.choice([None, None, 0, 1, 1, 2, 3]), window_days=rng.choice([None, None, 7, 30]))
        if rng.random() < 0.3:
            one.blocked = [rng.choice(["P1", "a1", "E2@x.example", "e3@X.example", "u1"])]
        if rng.random() < 0.2:
            one.blocked_patterns = [rng.choice(["^u[12]", "[89]$", "E4@", "^p"])]
        if kind == "customer":
            one.keys = rng.sample(KEYS, rng.randint(1, 3))
        rules.identifiers.append(one)
    if rng.random() < 0.3:
        rules.merges_max, rules.identifiers_max = rng.randint(1, 3), rng.randint(3, 8)
    return rules


def toml(rules: Rules) -> str:
    quote = json.dumps
    patterns = [pattern.replace(r"\Z", "$") for pattern in rules.blocked_patterns]
    text = (f"[identity]\nblocked = {quote(rules.blocked)}\nblocked_patterns = {quote(patterns)}\nmerges_max = {rules.merges_max}\n"
            f"identifiers_max = {rules.identifiers_max}\ngroup_id = {quote(rules.group_id)}\nfold_email_case = {quote(rules.fold_email_case)}\n")
    for one in rules.identifiers:
        text += f"\n[[identity.identifiers]]\ntype = {quote(one.type)}\n"
        if one.limit is not None:
            text += f"limit = {one.limit if one.limit else quote('unlimited')}\n"
        if one.window_days is not None:
            text += f"window = \"{one.window_days}d\"\n"
        text += f"blocked = {quote(one.blocked)}\nblocked_patterns = {quote(one.blocked_patterns)}\n"
        if one.keys:
            text += f"keys = {quote(one.keys)}\n"
    return text


def random_call(rng: random.Random, number: int, people: int, odd: bool = True) -> dict[str, Any]:
    """odd: with values of other types than tables give back."""
    kind = rng.choice(["identify"] * 4 + ["track"] * 3 + ["page", "screen", "group", "alias"])
    day = f"2026-01-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:00:00Z"
    call: dict[str, Any] = {"type": kind, "messageId": f"m{number if rng.random() < 0.97 else rng.randint(0, number)}", "timestamp": day,
                            "receivedAt": f"2026-02-01T00:{number // 60 % 60:02}:{number % 60:02}Z", "writeKey": "shop-website-write-key"}

    def one(letter: str, spread: int = 1) -> str:
        return f"{letter}{rng.randrange(people * spread)}"

    if kind == "alias" or rng.random() < 0.5:
        call["userId"] = rng.choice(["anonymous", "000", 17]) if rng.random() < 0.05 else one("u")
    if kind == "alias":
        call["previousId"] = one("a", 2)
    if kind != "alias" and ("userId" not in call or rng.random() < 0.6):
        call["anonymousId"] = one("a", 2)
    if kind == "group":
        call["groupId"] = one("g")
    if kind == "track":
        call["event"] = rng.choice(["Opened", "Bought"])
    context: dict[str, Any] = {}
    email = rng.choice(["e{}@x.example", "E{}@x.example", "e{}@X.Example"]).format(rng.randrange(people))
    if kind in ("identify", "group"):
        call["traits"] = {"email": rng.choice([email, email, "", None, 12.5 if odd else None])} if rng.random() < 0.6 else {}
    if rng.random() < 0.2:
        context["traits"] = {"email": email}
    place = rng.choice([call.get("traits"), context.get("traits"), call.setdefault("properties", {}) if kind in ("track", "page") else None])
    if place is not None and rng.random() < 0.5:
        place[rng.choice(["customerId", "customer_id", "loyaltyNumber", "loyalty_number", "Loyalty Number", "account_ref"])] = \
            rng.choice([one("c"), rng.randrange(people), " "])
    if rng.random() < 0.2:
        context["device"] = {"type": rng.choice(["iOS", "android"]), "id": one("d"), "advertisingId": one("f"), "adTrackingEnabled": rng.random() < 0.5}
    if rng.random() < 0.25:
        context["externalIds"] = [{"id": one(rng.choice("Pp")), "type": rng.choice(["phone", "email", "customer", "Phone"]),
                                   "collection": rng.choice(["users", "users", "accounts"]), "encoding": "none"} for _ in range(rng.randint(1, 2))]
    if context:
        call["context"] = context
    return call


def expected(rules: Rules, lines: list[bytes]) -> Oracle:
    oracle = Oracle(rules)
    for line in lines:
        call = accept(Arrival(line, "website"))
        assert not isinstance(call, str), (call, line)
        oracle.feed(call)
    return oracle


def partition(oracle: Oracle) -> list[tuple[str, list[list[str]]]]:
    """(message that created it, identifiers) of every profile."""
    creators = {row["segment"]: row["call"].message_id for row in oracle.graph if row["segment"] == row["canonical"]}
    return sorted((creators[profile.number], sorted(map(list, profile.identifiers))) for profile in oracle.profiles.values())


def merges_between(one: Oracle, other: Oracle, fold: bool) -> int:
    """How many profiles less `other` makes out of those of `one`, seen through the identifiers that both hold."""
    def holders(oracle: Oracle) -> dict[tuple[str, str], set[int]]:
        found: dict[tuple[str, str], set[int]] = {}
        for (kind, value), profile in oracle.owner.items():
            found.setdefault((kind, value.lower() if fold and kind == "email" else value), set()).add(profile.number)
        return found
    groups: dict[int, set[int]] = {}
    before = holders(one)
    for identifier, profiles in holders(other).items():
        for number in profiles:
            groups.setdefault(number, set()).update(before.get(identifier, ()))
    return sum(max(0, len(group) - 1) for group in groups.values())


def preview(binary: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(binary), "identity", "preview", "shop", *map(str, arguments), "--config", str(folder / "lakeferry.toml")],
                          capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                          env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder / "tmp")})


def prepare(folder: Path, current: Rules, calls: list[dict[str, Any]]) -> list[bytes]:
    write_configuration(folder, NOWHERE)
    space = folder / "spaces.d" / "shop.toml"
    space.write_text(space.read_text() + "\n" + toml(current))
    (folder / "tmp").mkdir(exist_ok=True)
    lines = [json.dumps(call).encode() for call in calls]
    (folder / "calls.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    return lines


@pytest.mark.parametrize("seed", SEEDS)
def test_resolver_and_oracle_agree(seed: int, binary: Path, tmp_path: Path) -> None:
    rng = random.Random(seed)
    current, changed = random_rules(rng), random_rules(rng)
    people = rng.randint(4, 25)
    lines = prepare(tmp_path, current, [random_call(rng, number, people) for number in range(CALLS)])
    (tmp_path / "changed.toml").write_text(toml(changed))
    done = preview(binary, tmp_path, "--rules", tmp_path / "changed.toml", "--calls", tmp_path / "calls.ndjson", "--profiles",
                   tmp_path / "profiles.ndjson", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    written = [json.loads(line) for line in (tmp_path / "profiles.ndjson").read_text().splitlines()]
    sides = {"current": expected(current, lines), "changed": expected(changed, lines)}
    for name, oracle in sides.items():
        found = sorted((row["created_by"], sorted(row["identifiers"])) for row in written if row["rules"] == name)
        assert found == partition(oracle), name
        about = report[name]
        assert about["refused"] == {note: count for note, count in oracle.notes.items() if count}, name
        assert (about["profiles"], about["merged"]) == (len(oracle.profiles), oracle.merged), name
    assert report["duplicates"] == sides["current"].duplicates
    fold = current.fold_email_case or changed.fold_email_case
    assert report["merges"] == {"added": merges_between(sides["current"], sides["changed"], fold),
                                "removed": merges_between(sides["changed"], sides["current"], fold)}
    assert not list((tmp_path / "tmp").iterdir()), "nothing is left behind"


def test_the_same_rules_add_and_remove_nothing(binary: Path, tmp_path: Path) -> None:
    rng = random.Random(1)
    prepare(tmp_path, Rules(), [random_call(rng, number, 10) for number in range(CALLS)])
    (tmp_path / "same.toml").write_text(toml(Rules()))
    arguments = ("--rules", tmp_path / "same.toml", "--calls", tmp_path / "calls.ndjson")
    first, again = preview(binary, tmp_path, *arguments, "--json"), preview(binary, tmp_path, *arguments, "--json")
    assert first.returncode == 0 and first.stdout == again.stdout, "the same calls give the same report"
    report = json.loads(first.stdout)
    assert report["merges"] == {"added": 0, "removed": 0} and report["current"] == report["changed"]
    text = preview(binary, tmp_path, *arguments).stdout
    assert "Merges added    0" in text and "Nothing was changed" in text


def test_examples_say_what_would_join_and_what_would_fall_apart(binary: Path, tmp_path: Path) -> None:
    def identify(number: int, user: str, email: str, anonymous: str) -> dict[str, Any]:
        return {"type": "identify", "messageId": f"m{number}", "userId": user, "anonymousId": anonymous, "traits": {"email": email},
                "receivedAt": f"2026-01-01T00:00:{number:02}Z", "writeKey": "shop-website-write-key"}
    prepare(tmp_path, Rules(), [identify(1, "u1", "Ada@x.example", "a1"), {**identify(2, "", "ada@x.example", "a2")},
                                {**identify(3, "", "", "a1")}])
    (tmp_path / "fold.toml").write_text("[identity]\nfold_email_case = true\n")
    done = preview(binary, tmp_path, "--rules", tmp_path / "fold.toml", "--calls", tmp_path / "calls.ndjson", "--json")
    report = json.loads(done.stdout)
    assert report["merges"] == {"added": 1, "removed": 0}
    joined = report["added"][0]
    assert joined["count"] == 2 and {part["created_by"] for part in joined["from"]} == {"m1", "m2"}
    (tmp_path / "strict.toml").write_text('[[identity.identifiers]]\ntype = "user_id"\n[[identity.identifiers]]\ntype = "email"\nblocked = ["Ada@x.example"]\n'
                                          '[[identity.identifiers]]\ntype = "anonymous_id"\nlimit = 1\n')
    done = preview(binary, tmp_path, "--rules", tmp_path / "strict.toml", "--calls", tmp_path / "calls.ndjson")
    assert done.returncode == 0 and "blocked" in done.stdout, done.stderr


@pytest.mark.parametrize("rules, arguments, status, words", (
    ("[identity]\nfold_email = true\n", (), 78, "did you mean \"fold_email_case\""),
    ("nothing = 1\n", (), 78, "holds no identity rules"),
    ("[identity]\nblocked_patterns = [\"(\"]\n", (), 78, "is not a regular expression"),
    ("[identity\n", (), 78, "rules.toml:1"),
    ("[identity]\n", ("--calls", "/nowhere.ndjson"), 1, "does not exist"),
    ("[identity]\n", ("--calls", "calls.ndjson", "--source", "moon"), 1, "no source \"moon\""),
    ("[identity]\n", ("--landed", "--calls", "calls.ndjson"), 64, "excludes"),
))
def test_what_is_wrong_is_said(binary: Path, tmp_path: Path, rules: str, arguments: tuple[str, ...], status: int, words: str) -> None:
    prepare(tmp_path, Rules(), [])
    (tmp_path / "rules.toml").write_text(rules)
    arguments = tuple(str(tmp_path / one) if one == "calls.ndjson" else one for one in arguments) or ("--calls", str(tmp_path / "calls.ndjson"))
    done = preview(binary, tmp_path, "--rules", tmp_path / "rules.toml", *arguments)
    assert done.returncode == status and words in done.stderr, (done.returncode, done.stderr)
    assert not list((tmp_path / "tmp").iterdir()), "nothing is left behind"


def test_unknown_space_and_no_calls(binary: Path, tmp_path: Path) -> None:
    prepare(tmp_path, Rules(), [])
    (tmp_path / "rules.toml").write_text("[identity]\n")
    command = [str(binary), "identity", "preview", "moon", "--rules", str(tmp_path / "rules.toml"), "--calls", str(tmp_path / "calls.ndjson"),
               "--config", str(tmp_path / "lakeferry.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "There is no space \"moon\"" in done.stderr
    done = preview(binary, tmp_path, "--rules", tmp_path / "rules.toml")
    assert done.returncode == 64 and "--calls FILE" in done.stderr
    assert preview(binary, tmp_path, "--rules", tmp_path / "rules.toml", "--calls", tmp_path / "calls.ndjson").returncode == 0


@pytest.mark.parametrize("name", ("SIGINT", "SIGTERM", "SIGKILL"))
def test_interrupted_it_leaves_nothing_behind(binary: Path, tmp_path: Path, name: str) -> None:
    import signal
    import time
    prepare(tmp_path, Rules(), [])
    (tmp_path / "rules.toml").write_text("[identity]\n")
    command = [str(binary), "identity", "preview", "shop", "--rules", str(tmp_path / "rules.toml"), "--calls", "-", "--config",
               str(tmp_path / "lakeferry.toml")]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path / "tmp")}
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    # It waits for standard input, which stays open and silent.
    while not list((tmp_path / "tmp").glob("*/store")):
        assert child.poll() is None, child.communicate()
        time.sleep(0.02)
    child.send_signal(getattr(signal, name))
    assert child.wait(60) != 0
    if name == "SIGKILL":    # nobody can clean up after that but the next run
        assert list((tmp_path / "tmp").iterdir())
        assert preview(binary, tmp_path, "--rules", tmp_path / "rules.toml", "--calls", tmp_path / "calls.ndjson").returncode == 0
    assert not list((tmp_path / "tmp").iterdir())
    for pipe in (child.stdin, child.stdout, child.stderr):
        pipe.close()
