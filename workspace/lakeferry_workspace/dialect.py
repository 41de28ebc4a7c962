"""What Databricks' SQL has and Spark's has not. A text is cut at token positions and never regenerated, except where QUALIFY
forces it: writing a syntax tree back loses more than it gains."""
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from .errors import SqlError, parse_error, unsupported

BLANK = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.S)
WORD = re.compile(r"[A-Za-z_]+")


def head(text: str, words: int = 3) -> tuple[list[str], int]:
    """The first words in capitals, comments skipped, and where the first one begins."""
    at = begin = BLANK.match(text).end()
    found = []
    while len(found) < words and (m := WORD.match(text, at)):
        found.append(m[0].upper())
        at = BLANK.match(text, m.end()).end()
    return found, begin


def tokenize(text: str) -> list:
    try:
        return sqlglot.tokenize(text, read="databricks")
    except SqlglotError as error:
        raise unsupported(f"a statement that its tokenizer cannot read ({error})") from None


def kind(token) -> str:
    return token.token_type.name


def is_string(token) -> bool:
    return kind(token) in ("STRING", "RAW_STRING", "HEREDOC_STRING")


ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})|(.))", re.S)


def literal(text: str, token) -> str:
    """The value of a string token, unescaped as Spark does it: the tokenizer knows only some of the escapes."""
    raw = text[token.start:token.end + 1]
    if raw[:1] in "rR":
        return raw[2:-1]

    def plain(m):
        if m[1] or m[2]:
            return chr(int(m[1] or m[2], 16))
        return chr(int(m[3], 8)) if m[3] else ESCAPES.get(m[4], m[4])

    return ESCAPE.sub(plain, raw[1:-1])


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def dotted(name) -> str:
    return ".".join(quoted(p) for p in name)


def name_at(t: list, i: int) -> tuple[list[str], int]:
    """A name of one to three parts at token i, and the index after it."""
    if i >= len(t) or is_string(t[i]):
        raise SqlError("\n[PARSE_SYNTAX_ERROR] Syntax error: a name is missing at the end of input. SQLSTATE: 42601", "42601")
    parts = [t[i].text]
    while i + 2 < len(t) and kind(t[i + 1]) == "DOT":
        i += 2
        parts.append(t[i].text)
    return parts, i + 1


def full_name(parts, catalog: str, schema: str, size: int = 3) -> tuple:
    """Completed by the defaults and in lower case, as Unity Catalog keeps names."""
    defaults = [catalog, schema][: max(size - len(parts), 0)]
    return tuple(p.lower() for p in (*defaults, *parts))


def closing(t: list, i: int, text: str = "") -> int:
    depth = 0
    for j in range(i, len(t)):
        depth += (kind(t[j]) == "L_PAREN") - (kind(t[j]) == "R_PAREN")
        if depth == 0:
            return j
    raise parse_error("end of input", text, max(len(text) - 1, 0))


class Edits:
    """Replacements by position, applied together so that positions stay true."""

    def __init__(self, text: str):
        self.text, self.found = text, []

    def replace(self, start: int, end: int, new: str):
        """`end` is exclusive."""
        self.found.append((start, end, new))

    def apply(self) -> str:
        text = self.text
        for start, end, new in sorted(self.found, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def expand_identifiers(text: str, t: list, parameters: dict) -> str:
    """IDENTIFIER(:x), IDENTIFIER('x') and IDENTIFIER(:x || '.t')  =>  the name itself, so that privileges see it."""
    edits = Edits(text)
    for i in range(len(t) - 2):
        if t[i].text.upper() != "IDENTIFIER" or kind(t[i]) == "IDENTIFIER" or kind(t[i + 1]) != "L_PAREN":
            continue
        end = closing(t, i + 1, text)
        value = constant(text, t[i + 2:end], parameters)
        if not value:
            raise SqlError("[NOT_A_CONSTANT_STRING.NULL] The expression used for the routine or clause `IDENTIFIER` must be a constant "
                           "STRING which is NOT NULL. SQLSTATE: 42601", "42601")
        parts, _ = name_at(tokenize(value), 0)
        edits.replace(t[i].start, t[end].end + 1, dotted(parts))
    return edits.apply()


def constant(text: str, t: list, parameters: dict) -> str | None:
    """The value of strings and parameters that || or concat() joins; None for NULL."""
    if t and t[0].text.upper() == "CONCAT" and len(t) > 2 and kind(t[1]) == "L_PAREN" and closing(t, 1, text) == len(t) - 1:
        t, joint = t[2:-1], "COMMA"
    else:
        joint = "DPIPE"
    joined, i = "", 0
    while i < len(t):
        if is_string(t[i]):
            value, i = literal(text, t[i]), i + 1
        elif kind(t[i]) == "COLON" and i + 1 < len(t) and t[i + 1].text in parameters:
            value, i = parameters[t[i + 1].text]["value"], i + 2
        else:
            break
        if value is None:
            return None
        joined += value
        if i == len(t):
            return joined
        if kind(t[i]) != joint or i + 1 == len(t):
            break
        i += 1
    raise unsupported("IDENTIFIER of anything but strings and parameters, joined by || or concat")


def rewrite_qualify(text: str, t: list) -> str:
    """QUALIFY p  =>  SELECT * EXCEPT (_q) FROM (SELECT …, p AS _q …) WHERE _q"""
    if not any(kind(x) == "QUALIFY" for x in t):
        return text
    evolution = re.search(r"\bWITH\s+SCHEMA\s+EVOLUTION\s+(?=INTO\b)", text, re.I)  # unknown to sqlglot's MERGE
    try:
        tree = sqlglot.parse_one(text.replace(evolution[0], "") if evolution else text, read="databricks")
    except SqlglotError as error:
        raise unsupported(f"QUALIFY in this statement ({str(error).splitlines()[0]})") from None
    for select in list(tree.find_all(exp.Select)):
        if select.args.get("qualify"):
            inner = select.copy()
            inner.select(exp.alias_(inner.args["qualify"].this.copy(), "_q"), copy=False).set("qualify", None)
            outer = exp.select("* EXCEPT (_q)", dialect="databricks")
            for late in [k for k in ("order", "limit", "with", "with_") if inner.args.get(k)]:
                outer.set(late, inner.args[late].pop())
            outer = outer.from_(inner.subquery("_qualified")).where("_q")
            tree = outer if select is tree else select.replace(outer) and tree
    return re.sub(r"^MERGE ", "MERGE WITH SCHEMA EVOLUTION " if evolution else "MERGE ", tree.sql(dialect="databricks"))
