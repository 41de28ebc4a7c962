"""A second opinion on every statement that the daemon sends: a parser of the Databricks dialect, and the local workspace."""
import re

import pytest
import sqlglot
from caller import Failed
from every_statement import builders, folder, gathered, shape
from lakeferry_workspace.scripts import parts as script_parts

# sqlglot keeps the rest of these as text: it knows the words and not the grammar behind them.
OPAQUE = ("OPTIMIZE", "VACUUM", "CREATE VOLUME", "DESCRIBE", "SHOW", "COMMENT ON COLUMN", "ALTER TABLE", "RESTORE")
MAKES = re.compile(r"\s*(/\*.*?\*/)?\s*(BEGIN\s+)?(CREATE|ALTER)\b", re.S)
UNREAD = ("REORG TABLE",)  # it has no word for these: the workspace alone is their judge
SCHEMA = re.compile(r"`main`\.`\w+`(?=\.`)")
MUST_BE_NEW = re.compile(r"\bCREATE TABLE (`\w+`\.`\w+`\.`\w+`)")
NO_FILE = ("42K03",)  # what was staged in the simulated test is not here
# Tests that cut the tables down to the columns that they look at: the views name more.
CUT_TABLES = ("ProfileTraits.", "SetUp.")


@pytest.fixture(scope="module")
def statements():
    place = folder()
    if place is None:
        pytest.skip("no statements: run the C++ tests first (./test dev)")
    found = gathered(place)
    assert found, f"{place} holds no statements: the C++ tests wrote none"
    return found


@pytest.fixture(scope="module")
def texts(statements) -> dict[str, str]:
    """One of every shape."""
    return {shape(s["statement"]): s["statement"] for sent in statements.values() for s in sent}


def test_every_builder_was_asked(texts):
    """A builder whose statement no simulated test sends would be judged by nobody."""
    missing = [f"{b.where}: {b.start!r}" for b in builders() if not any(b.made(text) for text in texts.values())]
    assert not missing, "no simulated test sends the statements of\n" + "\n".join(missing)


def test_a_parser_of_the_dialect_reads_all(texts):
    wrong = []
    # It reads no scripts, only the statements in them.
    for text in (part for text in texts.values() for part in script_parts(text) or [text]):
        bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S).strip().upper()
        if bare.startswith(UNREAD):
            continue
        try:
            parsed = sqlglot.parse(text, read="databricks")
        except sqlglot.errors.SqlglotError as error:
            wrong.append(f"{text[:300]}\n  {error}")
            continue
        if len(parsed) != 1 or (isinstance(parsed[0], sqlglot.exp.Command) and not bare.startswith(OPAQUE)):
            wrong.append(f"{text[:300]}\n  {len(parsed)} statements, {type(parsed[0]).__name__}")
    assert not wrong, "\n".join(wrong)


def plan(statements: dict) -> list[tuple[str, list]]:
    """Few tests that together send every shape; of each, one statement of every new shape and what makes the tables that they name."""
    left = {shape(s["statement"]) for sent in statements.values() for s in sent}
    chosen = []
    while left:
        name = max(statements, key=lambda n: len(left & {shape(s["statement"]) for s in statements[n]}))
        taken, named = set(), set()
        for s in statements[name]:
            what = shape(s["statement"])
            if what in left and what not in taken:
                taken.add(what)
                named |= tables(s["statement"])
        for s in reversed(statements[name]):  # a view is made of tables that nobody else names
            if MAKES.match(s["statement"]) and tables(s["statement"]) & named:
                named |= tables(s["statement"])
        first = {}
        for at, s in enumerate(statements[name]):
            first.setdefault(shape(s["statement"]), at)
        chosen.append((name, [s for at, s in enumerate(statements[name]) if (shape(s["statement"]) in taken and first[shape(s["statement"])] == at)
                              or (MAKES.match(s["statement"]) and (not tables(s["statement"]) or tables(s["statement"]) & named))]))
        left -= taken
    return chosen


def tables(text: str) -> set[str]:
    return set(re.findall(r"`\w+`\.`\w+`\.`(?:``|[^`])+`", text))


def test_the_workspace_runs_all(ferry, statements):
    """In the order in which a simulated daemon sent them, into schemas of their own. Rows that it staged are not here."""
    ran, wrong = set(), {}
    for number, (name, sent) in enumerate(plan(statements)):
        # Some simulated tests begin with a schema and a volume that are there.
        for schema in sorted({moved(m[0], ferry.catalog, number) for s in sent for m in SCHEMA.finditer(s["statement"])}):
            ferry.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            ferry.sql(f"CREATE VOLUME IF NOT EXISTS {schema}.lakeferry")
        for s in sent:
            what, text = shape(s["statement"]), moved(s["statement"], ferry.catalog, number)
            for made in MUST_BE_NEW.findall(text):  # several scripts of one test set up one schema
                ferry.sql(f"DROP TABLE IF EXISTS {made}")
            try:
                ferry.sql(text, s.get("parameters"))
                ran.add(what)
            except Failed as failed:
                if failed.status.get("sql_state") in NO_FILE or (name.startswith(CUT_TABLES) and failed.status.get("sql_state") == "42703"):
                    ran.add(what)
                else:
                    wrong[what] = f"{name}: {s['statement'][:400]}\n  {failed.status['error']['message'][:300]}"
    wrong = [text for what, text in wrong.items() if what not in ran]
    assert not wrong, f"{len(wrong)} of {len(ran) + len(wrong)} shapes\n" + "\n".join(wrong)


def moved(text: str, catalog: str, number: int) -> str:
    """`main`.`acme`.… and '/Volumes/main/acme/…' of a simulated workspace, in this test's catalog."""
    text = re.sub(r"`\w+`\.`(\w+)`(?=\.`|\s|$|;)", lambda m: f"`{catalog}`.`replay{number}_{m[1]}`", text)
    return re.sub(r"/Volumes/\w+/(\w+)/", lambda m: f"/Volumes/{catalog}/replay{number}_{m[1]}/", text)
