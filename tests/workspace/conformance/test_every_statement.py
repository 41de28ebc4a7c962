"""A second opinion on every statement that the daemon sends: a parser of the Databricks dialect, and the local workspace."""
import re

import pytest
import sqlglot
from caller import Failed
from every_statement import builders, folder, gathered, shape

# sqlglot keeps the rest of these as text: it knows the words and not the grammar behind them.
OPAQUE = ("OPTIMIZE", "VACUUM", "CREATE VOLUME", "DESCRIBE", "SHOW", "COMMENT ON COLUMN", "ALTER TABLE", "RESTORE")
NO_FILE = ("42K03",)  # what was staged in the simulated test is not here


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
    for text in texts.values():
        try:
            parsed = sqlglot.parse(text, read="databricks")
        except sqlglot.errors.SqlglotError as error:
            wrong.append(f"{text[:300]}\n  {error}")
            continue
        bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S).strip().upper()
        if len(parsed) != 1 or (isinstance(parsed[0], sqlglot.exp.Command) and not bare.startswith(OPAQUE)):
            wrong.append(f"{text[:300]}\n  {len(parsed)} statements, {type(parsed[0]).__name__}")
    assert not wrong, "\n".join(wrong)


def plan(statements: dict) -> list[tuple[str, list]]:
    """Few tests that together send every shape: each is replayed as a whole, without repeating a shape."""
    left = {shape(s["statement"]) for sent in statements.values() for s in sent}
    chosen = []
    while left:
        name = max(statements, key=lambda n: len(left & {shape(s["statement"]) for s in statements[n]}))
        left -= {shape(s["statement"]) for s in statements[name]}
        chosen.append((name, statements[name]))
    return chosen


def test_the_workspace_runs_all(ferry, admin, statements):
    """In the order in which a simulated daemon sent them, into a catalog of their own."""
    ran, wrong = set(), []
    for number, (name, sent) in enumerate(plan(statements)):
        schemas = {}
        for s in sent:
            what = shape(s["statement"])
            makes = re.match(r"\s*(/\*.*?\*/)?\s*(CREATE|ALTER)\b", s["statement"], re.S)
            if what in ran and not makes:
                continue
            text = moved(s["statement"], ferry.catalog, number, schemas)
            try:
                ferry.sql(text, s.get("parameters"), schema=None)
                ran.add(what)
            except Failed as failed:
                if failed.status.get("sql_state") in NO_FILE:
                    ran.add(what)
                elif what not in ran:
                    wrong.append(f"{name}: {text[:400]}\n  {failed.status['error']['message'][:300]}")
    assert not wrong, f"{len(wrong)} of {len(ran) + len(wrong)} statements\n" + "\n".join(wrong)


def moved(text: str, catalog: str, number: int, schemas: dict) -> str:
    """`main`.`acme`.… and '/Volumes/main/acme/…' of a simulated workspace, in this test's catalog."""
    def schema(name: str) -> str:
        return schemas.setdefault(name, f"replay{number}_{name}")
    text = re.sub(r"`(\w+)`\.`(\w+)`(?=\.`|\s|$|;)", lambda m: f"`{catalog}`.`{schema(m[2])}`", text)
    return re.sub(r"/Volumes/(\w+)/(\w+)/", lambda m: f"/Volumes/{catalog}/{schema(m[2])}/", text)
