"""From the text that a client sent to one that Spark reads: what is common to all statements."""
import re

from . import clauses
from .dialect import cast_parameters, expand_identifiers, is_string, rewrite_qualify, tokenize
from .errors import SqlError, parse_error

IDENTIFIER, QUALIFY = re.compile(r"\bIDENTIFIER\s*\(", re.I), re.compile(r"\bQUALIFY\b", re.I)
SOURCES = re.compile(r"\bread_files\b|\binformation_schema\b", re.I)


def rewritten(world, text: str, parameters: dict) -> str:
    """Names and QUALIFY; parameters stay markers."""
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
    return re.compile("|".join(re.escape(p).replace(r"\*", ".*") for p in rest[0].text.strip().split("|")), re.I | re.S)
