"""BEGIN … END with nothing but DDL in it: one statement after the other, as each would run by itself. Delta reads its own clauses, such as
CLUSTER BY, only in statements that stand alone; scripts with anything else in them are Spark's."""
from dataclasses import replace

from .dialect import head, kind, tokenize

ALONE = {"CREATE", "ALTER", "DROP", "COMMENT"}


def handles(words: list[str], _) -> bool:
    return words[:1] == ["BEGIN"] and words[1:2] != ["ATOMIC"]


def parts(text: str) -> list[str] | None:
    """The statements of the script; None where it is more than a list of DDL."""
    t = tokenize(text)
    while t and kind(t[-1]) == "SEMICOLON":
        t.pop()
    if len(t) < 3 or t[0].text.upper() != "BEGIN" or t[-1].text.upper() != "END" or kind(t[-2]) != "SEMICOLON":
        return None
    found, begin = [], t[0].end + 1
    for token in t[1:-1]:
        if kind(token) == "SEMICOLON":
            found.append(text[begin:token.start].strip())
            begin = token.end + 1
    return found if all(one and head(one, 1)[0] and head(one, 1)[0][0] in ALONE for one in found) else None


def run(world, call):
    from .runner import run_one  # it asks this file first
    statements = parts(call.text)
    if statements is None:
        return None
    columns, rows = [], []
    for text in statements:
        columns, rows, _ = run_one(world, replace(call, text=text))
    return columns, rows
