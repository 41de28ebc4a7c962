"""BEGIN … END with nothing but plain statements in it: one after the other, as each would run by itself, and nothing of one is resolved before
its turn. Delta reads its own clauses, such as CLUSTER BY, only in statements that stand alone, and volumes are no words of Spark's. What
the last one answers, the script answers. Variables that it declares live in a session of its own. Scripts with anything else in them
(loops, conditions, handlers), and those with variables in a session that a client has opened, are Spark's."""
import re
from dataclasses import replace

from . import constraints, merge, rewriting, sessions, views, volumes
from .dialect import head, kind, tokenize
from .errors import SqlError

ASSIGNS = re.compile(r"SET(?=\s)", re.I)  # inside a script it is always about a variable, and must not say so
ALONE = {"CREATE", "ALTER", "DROP", "COMMENT", "MERGE", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "GRANT", "REVOKE", "SELECT"}
PLACE = re.compile(r"\(line (\d+), pos (\d+)\)")
SHOWN = "\n\n== SQL ==\n"


def handles(words: list[str], _) -> bool:
    return words[:1] == ["BEGIN"] and words[1:2] != ["ATOMIC"]


def parts(text: str) -> list[str] | None:
    """The statements of the script, each behind as many lines and spaces as stand before it, so that places in messages are those of the
    script; None where it is more than a list of plain statements."""
    t = tokenize(text)
    while t and kind(t[-1]) == "SEMICOLON":
        t.pop()
    if len(t) < 3 or t[0].text.upper() != "BEGIN" or t[-1].text.upper() != "END" or kind(t[-2]) != "SEMICOLON":
        return None
    found, begin = [], t[0].end + 1
    for token in t[1:-1]:
        if kind(token) == "SEMICOLON":
            found.append(re.sub(r"[^\n]", " ", text[:begin]) + text[begin:token.start].rstrip())
            begin = token.end + 1
    first = [(head(one, 1)[0] or [""])[0] if one.strip() else "" for one in found]
    declared = next((i for i, word in enumerate(first) if word != "DECLARE"), len(first))
    if not all(word in ALONE or (declared and word == "SET") for word in first[declared:]):
        return None
    return [ASSIGNS.sub("SET VAR", one, count=1) if word == "SET" else one for one, word in zip(found, first)]


def run(world, call):
    from .runner import handler_of, run_one  # it asks this file first
    statements = parts(call.text)
    declares = statements is not None and head(statements[0], 1)[0] == ["DECLARE"]
    if statements is None or (declares and call.session):
        return None
    if declares:
        call = replace(call, session=sessions.Session(call.who, None, call.catalog, call.schema))
    for text in statements:  # a script that cannot be read does not begin
        try:
            check(world, replace(call, text=text), handler_of(text))
        except SqlError as error:
            raise SqlError(whole(str(error), call.text), error.sql_state, error.error_code) from None
    columns, rows = [], []
    for text in statements:
        if call.cancelled():
            raise SqlError("[OPERATION_CANCELED] The script was canceled between two of its statements. SQLSTATE: HY008", "HY008")
        columns, rows, _ = run_one(world, replace(call, text=text))
    return columns, rows


def check(world, call, handler):
    """The grammar of one statement, as far as it can be told without looking at what exists."""
    if handler is volumes:
        volumes.check(call)
    elif handler in (None, views) and not merge.HINT.search(call.text):
        world.engine.read_plan(constraints.take(rewriting.rewritten(world, call.text, call.parameters), call)[0])


def whole(message: str, script: str) -> str:
    """A syntax error shows the script, where the statement alone stood behind blanks."""
    place, at = PLACE.search(message), message.find(SHOWN)
    if not place or at < 0:
        return message
    lines, line = script.split("\n"), int(place[1])
    return message[:at] + SHOWN + "\n".join([*lines[:line], f"{'-' * int(place[2])}^^^", *lines[line:]]) + "\n"
