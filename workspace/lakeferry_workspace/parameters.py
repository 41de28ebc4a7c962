"""A statement's parameters: how a request gives them, by name (`:name`) or by position (`?`), and how Spark is given them."""
import re

from .dialect import Edits, kind, tokenize
from .errors import SqlError, invalid

SCALAR = re.compile(r"(?i)(STRING|BIGINT|LONG|INT|INTEGER|SMALLINT|SHORT|TINYINT|BYTE|DOUBLE|FLOAT|REAL|BOOLEAN|DATE|TIMESTAMP"
                    r"|TIMESTAMP_NTZ|TIMESTAMP_LTZ|BINARY|VOID|(DECIMAL|DEC|NUMERIC)(\(\d+(,\d+)?\))?|(CHAR|VARCHAR)\(\d+\)"
                    r"|INTERVAL [A-Z]+( TO [A-Z]+)?)")
NUMBERED = "__ws_p"  # by what name a parameter without one goes on


def read_parameters(given) -> dict[str, dict]:
    """The request's parameters by name, checked as the API checks them. Those that have an ordinal instead get a name from it."""
    found = {}
    if not isinstance(given or [], list):
        raise invalid("parameters must be a list.")
    for p in given or []:
        name, said = name_of(p)
        if not isinstance(p.get("value"), (str, type(None))):
            raise invalid(f"The value of parameter {said} must be a string.")
        if name in found:
            raise invalid(f"Duplicate parameter {said}.")
        found[name] = {"value": p.get("value"), "type": str(p.get("type") or "STRING").strip()}
        if not SCALAR.fullmatch(re.sub(r"\s*([(),])\s*", r"\1", found[name]["type"])):
            raise invalid(f"Parameter {said} has the unsupported type '{p['type']}'. Only scalar types are supported.")
    if len({name.startswith(NUMBERED) for name in found}) > 1:
        raise invalid("Parameters are given by name or by ordinal, not by both.")
    return found


def name_of(p) -> tuple[str, str]:
    """(name, how it is called in a message)"""
    ordinal = p.get("ordinal") if isinstance(p, dict) else None
    if isinstance(ordinal, int) and not isinstance(ordinal, bool) and p.get("name") is None:
        if ordinal < 1:
            raise invalid(f"The ordinal of a parameter must be 1 or more, not {ordinal}.")
        return f"{NUMBERED}{ordinal}", f"{ordinal}"
    if not isinstance(p, dict) or not isinstance(p.get("name"), str) or not p["name"] or ordinal is not None:
        raise invalid("Each parameter needs a name.")
    return p["name"], f"'{p['name']}'"


def numbered(text: str, parameters: dict) -> str:
    """?, ?  =>  :__ws_p1, :__ws_p2 where parameters are given by ordinal: from here on there are names only."""
    if not any(name.startswith(NUMBERED) for name in parameters):
        return text
    edits, n = Edits(text), 0
    for token in tokenize(text):
        if kind(token) == "PLACEHOLDER" and token.text == "?":
            n += 1
            if f"{NUMBERED}{n}" not in parameters:
                raise SqlError(f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: _{token.start}. Please, fix `args` and provide a mapping "
                               "of the parameter to either a SQL literal or collection constructor functions such as `map()`, `array()`, "
                               "`struct()`. SQLSTATE: 42P02", "42P02")
            edits.replace(token.start, token.end + 1, f":{NUMBERED}{n}")
    return edits.apply()


def unnumbered(message: str) -> str:
    """A message that quotes the text, as the client wrote it."""
    return re.sub(rf"(CAST\()?:{NUMBERED}\d+(?(1) AS [^)]*\)(?:\))?)", "?", message) if NUMBERED in message else message


def markers(text: str, t: list):
    """(index, name) of every parameter marker `:name`; `a:b` is a path into a VARIANT, `a::b` a cast."""
    for i in range(len(t) - 1):
        if kind(t[i]) == "COLON" and t[i + 1].start == t[i].end + 1 and re.fullmatch(r"[A-Za-z_]\w*", t[i + 1].text):
            if t[i].start == 0 or not re.match(r"[\w`)\]]", text[t[i].start - 1]):
                yield i, t[i + 1].text


def cast_parameters(text: str, t: list, parameters: dict) -> str:
    """:p of type T  =>  CAST(:p AS T). Spark takes only plain literals for arguments, and no types beside them."""
    edits = Edits(text)
    for i, name in markers(text, t):
        p = parameters.get(name)
        if p and (p["type"].upper() != "STRING" or p["value"] is None):
            edits.replace(t[i].start, t[i + 1].end + 1, f"CAST(:{name} AS {p['type']})")
    return edits.apply()
