"""Every statement that the daemon sends: gathered by the simulated tests, and the places in the C++ sources that build them.

The scripted workspace of the C++ tests (tests/support/fake_databricks/recording.hpp) writes each distinct statement that it is sent into
build/<preset>/statements; LAKEFERRY_STATEMENTS names another folder."""
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STARTS = re.compile(r"(SELECT|MERGE INTO|CREATE|ALTER|DROP|INSERT INTO|INSERT OVERWRITE|UPDATE|DELETE FROM|COPY INTO|OPTIMIZE|VACUUM|DESCRIBE|SHOW"
                    r"|COMMENT ON|RESTORE|BEGIN|REFRESH)\b[ \n]")
SQLISH = re.compile(r"\b[A-Z]{2,}\b|[a-z_]+\(|`")
LITERAL = re.compile(r'R"(\w*)\((?P<raw>.*?)\)\1"|"(?P<plain>(?:[^"\\\n]|\\.)*)"', re.S)
COMMENT = re.compile(r"//[^\n]*")
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "'": "'", "0": "\0"}
# They name privileges, for people: nothing is sent.
SENTENCES = {"CREATE SCHEMA", "CREATE SCHEMA on ", "CREATE TABLE", "CREATE VOLUME"}

# What only a real run can answer is sent to the local workspace end to end instead.
SENT_END_TO_END = {"sync/profiles/landed_calls.cpp": "tests/e2e/test_identity_commands.py, preview of landed calls"}


def folder() -> Path | None:
    """Where the newest statements are; None where the C++ tests have not run."""
    if named := os.environ.get("LAKEFERRY_STATEMENTS"):
        return Path(named)
    found = [p for p in ROOT.glob("build/*/statements") if any(p.glob("*.ndjson"))]
    return max(found, key=lambda p: max(f.stat().st_mtime for f in p.glob("*.ndjson")), default=None)


def gathered(place: Path) -> dict[str, list[dict]]:
    """By test, in the order in which they were sent: statement, catalog, schema, parameters."""
    return {f.stem: [json.loads(line) for line in f.read_text().splitlines()] for f in sorted(place.glob("*.ndjson"))}


def shape(text: str) -> str:
    """What is left when texts, names and numbers are taken out: two statements of one builder have the same (lists may be longer)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"'(?:\\.|[^'\\])*'", "''", text)
    text = re.sub(r"`(?:``|[^`])*`", "`x`", text)
    text = re.sub(r"\b\d+\b", "0", " ".join(text.split()))
    return re.sub(r"(?P<one>`x`[^,()`]*|''|\(''[^()]*\)|0)(?:, ?(?P=one))+", r"\g<one>", text)


@dataclass
class Builder:
    """A place in the sources that begins a statement, with the pieces of text that follow it in the same function."""
    where: str
    start: str
    pieces: list[str]

    def made(self, text: str) -> bool:
        """Half of the pieces stand in it: the others may belong to a branch that was not taken."""
        return self.start in text and sum(p in text for p in self.pieces) * 2 >= len(self.pieces)


def builders() -> list[Builder]:
    return [b for file in sorted((ROOT / "sync").rglob("*.cpp"))
            if str(file.relative_to(ROOT)) not in SENT_END_TO_END for b in builders_of(file)]


def builders_of(file: Path) -> list[Builder]:
    text, found = COMMENT.sub(lambda m: m[0] if '"' in m[0] else " " * len(m[0]), file.read_text()), []
    literals = [(m.start(), m["raw"] if m["raw"] is not None else re.sub(r"\\(.)", lambda e: ESCAPES.get(e[1], e[0]), m["plain"]))
                for m in LITERAL.finditer(text)]
    for at, value in literals:
        if STARTS.match(value) and value not in SENTENCES:
            end = text.find("\n}", at)
            pieces = {v for a, v in literals if at < a < end and SQLISH.search(v) and len(v) >= 6 and "{}" not in v}
            line = text.count("\n", 0, at) + 1
            found.append(Builder(f"{file.relative_to(ROOT)}:{line}", value.rstrip(), sorted(pieces)))
    return found
