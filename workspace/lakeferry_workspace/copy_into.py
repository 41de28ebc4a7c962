"""COPY INTO: files into a table, each file once. What was loaded is remembered in the commit that loaded it, so that memory and
data cannot disagree, and a dropped or replaced table has forgotten."""
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field

from . import copy_options, views
from .dialect import closing, dotted, full_name, head, is_string, kind, literal, name_at, tokenize
from .engine import translated
from .errors import SqlError, parse_error, unsupported
from .privileges import INTERNAL
from .results import columns
from .sources import not_found, volume_path, weight_of

SOURCE = f"{INTERNAL}copy"
MOST_FILES = 1000
CLAUSES = {"FILEFORMAT", "FILES", "PATTERN", "FORMAT_OPTIONS", "COPY_OPTIONS"}
LOCKS: dict[tuple, threading.Lock] = defaultdict(threading.Lock)


@dataclass
class Copy:
    target: list
    columns: str
    select: str
    path: str
    clauses: dict = field(default_factory=dict)

    def options(self, name: str) -> dict:
        values = self.clauses.get(name, [])
        return dict(zip(values[::2], values[1::2]))


def handles(words: list[str], _) -> bool:
    return words[:2] == ["COPY", "INTO"]


def parse_copy(text: str) -> Copy:
    """COPY INTO t [(cols)] FROM 'path' | (SELECT … FROM 'path') FILEFORMAT = … [FILES = (…)] [X_OPTIONS (…)]"""
    t = tokenize(text)
    while t and kind(t[-1]) == "SEMICOLON":
        t.pop()
    try:
        return read_copy(text, t)
    except IndexError:
        raise parse_error("end of input", text, len(text) - 1) from None


def read_copy(text: str, t: list) -> Copy:
    target, i = name_at(t, 2)
    listed, select = "", f"SELECT * FROM {SOURCE}"
    if kind(t[i]) == "L_PAREN":
        end = closing(t, i, text)
        listed, i = text[t[i].start:t[end].end + 1], end + 1
    if t[i].text.upper() != "FROM":
        raise parse_error(f"'{t[i].text}'", text, t[i].start)
    path, i = t[i + 1], i + 1
    if kind(path) == "L_PAREN":
        end = closing(t, i, text)
        path = next((t[k] for k in range(i, end) if is_string(t[k]) and t[k - 1].text.upper() == "FROM"), None)
        if path is None:
            raise parse_error("end of input: FROM '<path>' is missing", text, t[end].start)
        select, i = text[t[i + 1].start:path.start] + SOURCE + text[path.end + 1:t[end].start], end
    elif not is_string(path):
        raise parse_error(f"'{path.text}'", text, path.start)
    copy, i = Copy(target, listed, select, literal(text, path)), i + 1
    while i < len(t):
        key = t[i].text.upper()
        if key not in CLAUSES:
            raise unsupported("COPY INTO … VALIDATE") if key == "VALIDATE" else parse_error(f"'{t[i].text}'", text, t[i].start)
        if key in copy.clauses or {key, *copy.clauses} >= {"FILES", "PATTERN"}:
            raise parse_error(f"'{t[i].text}'", text, t[i].start)
        i += 1 + (t[i + 1].text == "=")
        end = closing(t, i, text) if kind(t[i]) == "L_PAREN" else i
        copy.clauses[key] = [literal(text, x) if is_string(x) else x.text for x in t[i:end + 1] if kind(x) not in ("COMMA", "L_PAREN", "R_PAREN", "EQ")]
        i = end + 1
    if "FILEFORMAT" not in copy.clauses:
        raise parse_error("end of input: FILEFORMAT is missing", text, len(text) - 1)
    copy_options.check(copy.clauses["FILEFORMAT"][0], copy.options("FORMAT_OPTIONS"), copy.options("COPY_OPTIONS"))
    if len(copy.clauses.get("FILES", [])) > MOST_FILES:
        raise SqlError(f"[COPY_INTO_TOO_MANY_FILES] FILES names {len(copy.clauses['FILES'])} files, at most {MOST_FILES} are allowed. "
                       "SQLSTATE: 54000", "54000")
    return copy


def files_of(world, copy: Copy, place) -> list:
    """Logical paths of the files asked for, in order."""
    root = world.objects.volumes_root
    if "FILES" in copy.clauses:
        found = [place.child(name) for name in copy.clauses["FILES"]]
        for f in found:
            if not f.local(root).is_file():
                raise not_found(f.text)
        return found
    here = place.local(root)
    if here.is_file():
        return [place]
    if not here.is_dir():
        raise not_found(place.text)
    pattern = copy_options.glob(copy.clauses["PATTERN"][0]) if "PATTERN" in copy.clauses else None
    names = sorted(str(p.relative_to(here)) for p in here.rglob("*") if p.is_file())
    return [place.child(n) for n in names if (pattern is None or pattern.fullmatch(n)) and not any(s[0] in "_." for s in n.split("/"))]


def run(world, call):
    copy = parse_copy(call.text[head(call.text, 1)[1]:])
    engine, name = world.engine, full_name(copy.target, call.catalog, call.schema)
    world.grants.check(call.who, [("MODIFY", "Table", name), ("SELECT", "Table", name)])
    place = volume_path(world, call.who, copy.path)
    # The SELECT may hold subqueries of its own: read it like any statement.
    views.authorize(world, call, engine.read_plan(copy.select))
    asked = {k.lower(): v.lower() for k, v in copy.options("COPY_OPTIONS").items()}
    log = world.objects.log(name)
    with LOCKS[name]:
        seen = log.refresh().copied if asked.get("force") != "true" else set()
        fresh = [f for f in files_of(world, copy, place) if f.text not in seen]
        if fresh or not log.exists():
            load(world, call, copy, name, fresh, asked)
        n = log.rows_written(call.id)
    return columns(["num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"], "BIGINT"), [[n, n, "0"]]


def plain(path) -> str:
    """The names are names: a brace or a star in one is no pattern."""
    return re.sub(r"([{}\[\]*?])", r"\\\1", str(path))


def load(world, call, copy: Copy, name: tuple, files: list, asked: dict):
    engine = world.engine
    session = engine.session(call.id, call.who.user_name, call.session, copied=[f.text for f in files])
    file_format, local = copy.clauses["FILEFORMAT"][0], [f.local(world.objects.volumes_root) for f in files]
    engine.use(session, call.catalog, call.schema, weight_of(file_format, local))
    if asked.get("mergeschema") == "true":
        session.conf.set("spark.databricks.delta.schema.autoMerge.enabled", "true")
    if files:
        with translated(engine):
            reader = session.read.format(file_format).options(**copy.options("FORMAT_OPTIONS"))
            reader.load([plain(f) for f in local]).createOrReplaceTempView(SOURCE)
    with translated(engine):
        engine.run(session, f"INSERT INTO {dotted(name)} {copy.columns or 'BY NAME'} {copy.select}")
