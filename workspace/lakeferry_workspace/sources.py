"""Files and catalogs that a statement reads as if they were tables: read_files and information_schema. Each becomes a temporary
view in the statement's own session, and its name replaces the call in the text."""
import json
import re
from pathlib import Path

from . import copy_options, information_schema
from .dialect import Edits, closing, is_string, kind, literal, tokenize
from .engine import translated
from .errors import SqlError, unsupported
from .privileges import INTERNAL
from .volume_paths import BadPath, parse

TEXT_TO_TABLE = 4  # bytes of compressed text weigh as much as so many of a table
PARQUET_TO_TABLE = 40  # interpreted, Spark reads Parquet value by value: compiling pays from about 500 rows of 30 columns on
REFUSED = {"schemahints", "rescueddatacolumn", "partitioncolumns", "cloudfiles.format"}


def volume_path(world, who, text: str, privilege: str = "READ VOLUME"):
    """Checks that the principal may read (or write) there; returns the path."""
    try:
        path = parse(text)
    except BadPath as error:
        raise SqlError(f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have permission SELECT on any file. "
                       f"({error}) SQLSTATE: 42501", "42501") from None
    if not world.objects.exists("Volume", path.volume):
        raise SqlError(f"[VOLUME_NOT_FOUND] Volume '{'.'.join(path.volume)}' does not exist. SQLSTATE: 42704", "42704")
    world.grants.check(who, [(privilege, "Volume", path.volume)])
    return path


def not_found(path: str) -> SqlError:
    return SqlError(f"[PATH_NOT_FOUND] Path does not exist: dbfs:{path}. SQLSTATE: 42K03", "42K03")


def weight_of(file_format: str, files) -> int:
    """What reading these files weighs beside a table's bytes."""
    return sum(f.stat().st_size for f in files if f.is_file()) * (PARQUET_TO_TABLE if file_format.lower() == "parquet" else TEXT_TO_TABLE)


def rewrite(world, call, session, text: str) -> str:
    t = tokenize(text)
    edits, i = Edits(text), 0
    while i < len(t):
        word = t[i].text.lower()
        if word == "read_files" and i + 1 < len(t) and kind(t[i + 1]) == "L_PAREN":
            end = closing(t, i + 1, text)
            view = f"{INTERNAL}files_{i}"
            read_files(world, call, session, arguments(text, t[i + 2:end], call.parameters), view)
            edits.replace(t[i].start, t[end].end + 1, view)
            i = end
        elif word == "information_schema" and i + 2 < len(t) and kind(t[i + 1]) == "DOT":
            first = i - 2 if i >= 2 and kind(t[i - 1]) == "DOT" else i
            catalog = t[first].text.lower() if first < i else call.catalog
            view = f"{INTERNAL}is_{re.sub(r'[^a-z0-9]', '_', catalog)}_{t[i + 2].text.lower()}"
            information_schema.make_view(world, call.who, session, catalog, t[i + 2].text.lower(), view)
            named = i + 3 < len(t) and kind(t[i + 3]) in ("VAR", "IDENTIFIER", "ALIAS")
            edits.replace(t[first].start, t[i + 2].end + 1, view if named else f"{view} AS {t[i + 2].text}")
            i += 2
        i += 1
    return edits.apply()


def arguments(text: str, t: list, parameters: dict) -> tuple[str, dict]:
    """(path, options) of a read_files call; a value is a literal or a parameter."""
    groups, depth = [[]], 0
    for token in t:
        depth += (kind(token) == "L_PAREN") - (kind(token) == "R_PAREN")
        if kind(token) == "COMMA" and depth == 0:
            groups.append([])
        else:
            groups[-1].append(token)
    path, options = None, {}
    for group in groups:
        arrow = next((i for i, x in enumerate(group) if x.text == "=>"), None)
        value = argument(text, group[arrow + 1:] if arrow is not None else group, parameters)
        if arrow is None or group[0].text.lower() == "path":
            path = value
        else:
            options[group[0].text] = value
    if not path:
        raise SqlError("[READ_FILES_MISSING_PATH] read_files needs a path as its first argument. SQLSTATE: 42605", "42605")
    return path, options


def argument(text: str, tokens: list, parameters: dict) -> str:
    if len(tokens) == 1 and is_string(tokens[0]):
        return literal(text, tokens[0])
    if len(tokens) == 1 and kind(tokens[0]) in ("NUMBER", "TRUE", "FALSE"):
        return tokens[0].text
    if len(tokens) == 2 and kind(tokens[0]) == "COLON" and tokens[1].text in parameters:
        return parameters[tokens[1].text]["value"] or ""
    raise unsupported("arguments of read_files that are not literals or parameters")


def read_files(world, call, session, given: tuple[str, dict], view: str):
    path, options = given
    place = volume_path(world, call.who, path)
    by_name = {k.lower(): k for k in options}
    mode = options.pop(by_name.get("schemaevolutionmode", ""), None)
    if mode is None or mode.lower() != "none":
        raise unsupported("read_files without schemaEvolutionMode => 'none': it cannot compute _rescued_data")
    if wrong := REFUSED & set(by_name):
        raise unsupported(f"read_files with {by_name[wrong.pop()]}")
    file_format = options.pop(by_name.get("format", ""), None)
    if not file_format:
        raise unsupported("read_files without format")
    schema = options.pop(by_name.get("schema", ""), None)
    local = place.local(world.objects.volumes_root)
    if not local.exists() and not any(c in path for c in "*?[{"):
        raise not_found(place.text)
    call.weight += weight_of(file_format, files_at(local))
    with translated(world.engine):
        reader = session.read.format(file_format).options(**options)
        reader = reader.schema(schema) if schema else reader
        reader.load(str(local)).createOrReplaceTempView(view)


def files_at(local: Path) -> list[Path]:
    """The files that a path means: itself, those in a folder, or those whose path fits a pattern."""
    if local.is_file():
        return [local]
    if local.is_dir():
        return list(local.rglob("*"))
    there = next(p for p in local.parents if p.exists())  # the folder that the pattern looks into
    pattern = copy_options.glob(str(local.relative_to(there)))
    return [f for f in there.rglob("*") if pattern.fullmatch(str(f.relative_to(there)))]


def view_of_rows(engine, session, rows: list[dict], schema: str, view: str):
    """A small table from Python, without an RDD: one literal that Spark takes apart."""
    with translated(engine):
        session.sql(f"SELECT inline(from_json(:rows, 'array<struct<{schema}>>'))", args={"rows": json.dumps(rows)}) \
            .createOrReplaceTempView(view)
