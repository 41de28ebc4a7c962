"""From the text that a client sent to one that Spark reads: what is common to all statements."""
import re

from . import clauses
from .dialect import expand_identifiers, head, is_string, rewrite_qualify, tokenize
from .errors import SqlError, parse_error, unsupported
from .parameters import cast_parameters

ABSENT = {"BEGIN ATOMIC": "BEGIN ATOMIC: Delta here commits table by table; BEGIN … END runs statements one by one", "UNDROP": "UNDROP",
          "LIST": "LIST: use the Files API", "CREATE STREAMING": "streaming tables", "CREATE OR REFRESH": "streaming tables and materialized views",
          "CREATE SHARE": "Delta Sharing", "CREATE RECIPIENT": "Delta Sharing", "CREATE CONNECTION": "connections and foreign catalogs",
          "CREATE FOREIGN": "connections and foreign catalogs", "CREATE EXTERNAL LOCATION": "external locations", "SYNC": "SYNC",
          "CREATE FUNCTION": "user-defined functions", "CREATE PROCEDURE": "procedures", "CALL": "procedures",
          "CREATE POLICY": "row filters and column masks"}
IDENTIFIER, QUALIFY = re.compile(r"\bIDENTIFIER\s*\(", re.I), re.compile(r"\bQUALIFY\b", re.I)
SOURCES = re.compile(r"\bread_files\b|\binformation_schema\b", re.I)


def refuse(text: str):
    """What Spark's parser would call a mistake although it is none."""
    words, _ = head(text, 3)
    for known, what in ABSENT.items():
        if words[:len(known.split())] == known.split():
            raise unsupported(what)


def rewritten(world, text: str, parameters: dict) -> str:
    """Names and QUALIFY; parameters stay markers."""
    refuse(text)
    try:
        out = expand_identifiers(text, tokenize(text), parameters) if IDENTIFIER.search(text) else text
        out = clauses.rewrite(out)
        return rewrite_qualify(out, tokenize(out)) if QUALIFY.search(out) else out
    except SqlError:
        world.engine.read_plan(text)  # where Spark knows better what is wrong, its words are the answer
        raise


def typed(text: str, parameters: dict) -> str:
    return cast_parameters(text, tokenize(text), parameters) if parameters else text


def mentions_sources(text: str) -> bool:
    return bool(SOURCES.search(text))


def like(text: str, t: list, i: int) -> re.Pattern:
    """[LIKE] 'a*|b' at the end of a SHOW statement, as Spark reads it; everything where it is left out."""
    rest = t[i:]
    if rest and rest[0].text.upper() == "LIKE":
        rest = rest[1:]
    if not rest:
        return re.compile(".*", re.S)
    if len(rest) > 1 or not is_string(rest[0]):
        raise parse_error(f"'{rest[0].text}'", text, max(text.find(rest[0].text), 0))
    return pattern_of(rest[0].text)


def pattern_of(text: str) -> re.Pattern:
    """Spark's patterns: a star is any text, a bar separates several, and else it is a regular expression. One that is none takes nothing."""
    found = []
    for part in text.strip().split("|"):
        try:
            found.append(re.compile(part.replace("*", ".*")).pattern)
        except re.error:
            pass
    return re.compile("|".join(f"(?:{p})" for p in found) or "(?!)", re.I | re.S)
