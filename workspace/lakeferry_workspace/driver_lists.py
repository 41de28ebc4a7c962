"""SHOW SCHEMAS, TABLES, COLUMNS, FUNCTIONS and KEYS across a catalog or all of them: what the drivers' catalog functions send
(Databricks' JDBC driver, CommandBuilder and MetadataResultConstants). Spark does not know these forms."""
import re

from pyspark.sql import types as T

from .describe_json import fields
from .dialect import dotted, head, is_string, kind, literal, name_at, tokenize
from .errors import SqlError, no_catalog, no_schema, no_table, parse_error
from .results import column_of, type_text
from .rewriting import pattern_of

LISTS = {
    "SCHEMAS": ("databaseName", "catalog"),
    "TABLES": ("namespace", "tableName", "isTemporary:BOOLEAN", "information", "catalogName", "tableType", "remarks"),
    "COLUMNS": ("catalogName", "namespace", "tableName", "col_name", "columnType", "columnSize:INT", "decimalDigits:INT", "radix:INT",
                "isNullable", "remarks", "ordinalPosition:INT", "isAutoIncrement", "isGenerated"),
    "FUNCTIONS": ("catalogName", "namespace", "functionName", "remarks", "functionType:SMALLINT", "specificName"),
    "KEYS": ("catalogName", "namespace", "tableName", "col_name", "keySeq:INT", "constraintName"),
    "FOREIGN KEYS": ("parentCatalogName", "parentNamespace", "parentTableName", "parentColName", "catalogName", "namespace", "tableName",
                     "col_name", "keySeq:INT", "updateRule:INT", "deleteRule:INT", "constraintName", "primaryKeyName", "deferrability:INT"),
    "TABLE_TYPES": ("tableType",),
}
NO_ACTION, NOT_DEFERRABLE = "3", "7"  # as JDBC's DatabaseMetaData numbers them
SIZES = {"tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0), "bigint": (19, 0), "float": (7, 7), "double": (15, 15)}


def handles(words: list[str], text: str) -> bool:
    if words[:1] != ["SHOW"]:
        return False
    if words[1:3] == ["FOREIGN", "KEYS"] or words[1:2] in (["KEYS"], ["TABLE_TYPES"]):
        return True
    return words[1:3] in ([w, "IN"] for w in ("SCHEMAS", "DATABASES", "TABLES", "COLUMNS", "FUNCTIONS")) and (
        words[3:5] == ["ALL", "CATALOGS"] or words[3:4] == ["CATALOG"] and words[1] not in ("SCHEMAS", "DATABASES"))


def run(world, call):
    words, begin = head(call.text, 3)
    what = "FOREIGN KEYS" if words[1] == "FOREIGN" else words[1].replace("DATABASES", "SCHEMAS")
    rest = call.text[begin:].rstrip().rstrip(";").split(None, len(what.split()) + 1)  # SHOW is one opaque token for the tokenizer
    asked = read(call, tokenize(rest[-1]) if what != "TABLE_TYPES" else [], rest[-1])
    columns = [column_of(i, *c.split(":")) for i, c in enumerate(LISTS[what])]
    return columns, list(ROWS[what](world, call.who, asked))


def read(call, t: list, text: str) -> dict:
    """{"catalog": name or None for all, "schema", "table": names, "like": pattern by what it is of}"""
    asked, i = {"catalog": None, "like": {}}, 0
    while i < len(t):
        words = [x.text.upper() if kind(x) not in ("IDENTIFIER", "STRING") else "" for x in t[i:i + 3]]
        if words == ["IN", "ALL", "CATALOGS"] and i == 0:
            i += 3
        elif words[0] in ("IN", "FROM") and words[1:2] and words[1] in ("CATALOG", "SCHEMA", "TABLE"):
            parts, i = name_at(t, i + 2)
            asked[words[1].lower()] = parts[-1].lower()
        elif words[:2] in (["SCHEMA", "LIKE"], ["TABLE", "LIKE"]) and i + 2 < len(t) and is_string(t[i + 2]):
            asked["like"][words[0].lower()], i = pattern_of(literal(text, t[i + 2])), i + 3
        elif words[0] == "LIKE" and i + 1 < len(t) and is_string(t[i + 1]):
            asked["like"]["last"], i = pattern_of(literal(text, t[i + 1])), i + 2
        else:
            raise parse_error(f"'{t[i].text}'", call.text, max(call.text.find(t[i].text, len(call.text) - len(text)), 0))
    return asked


def takes(asked: dict, what: str, name: str) -> bool:
    return what not in asked["like"] or asked["like"][what].fullmatch(name) is not None


def catalogs(world, who, asked) -> list[str]:
    if asked["catalog"] is None:
        return [c for c in world.objects.catalogs() if world.grants.sees(who, "Catalog", (c,))]
    world.grants.check(who, [("USE CATALOG", "Catalog", (asked["catalog"],))])
    if not world.objects.exists("Catalog", (asked["catalog"],)):
        raise no_catalog(asked["catalog"])
    return [asked["catalog"]]


def schemas(world, who, asked, of: str = "last"):
    for name in ((c, s) for c in catalogs(world, who, asked) for s in world.objects.schemas(c)):
        if takes(asked, of, name[1]) and world.grants.sees(who, "Schema", name):
            yield name


def relations(world, who, asked, of: str):
    for c, s in schemas(world, who, asked, "schema"):
        for name in ((c, s, r) for r in world.objects.relations(c, s)):
            if takes(asked, of, name[2]) and world.grants.sees(who, "Table", name):
                yield name


def list_schemas(world, who, asked):
    return ([s, c] for c, s in schemas(world, who, asked))


def list_tables(world, who, asked):
    for name in relations(world, who, asked, "last"):
        view = world.objects.view(name)
        said = world.objects.about("Table", name).get("comment") if view else world.objects.log(name).refresh().comment()
        yield [name[1], name[2], "false", "", name[0], "VIEW" if view else "TABLE", said or ""]


def list_columns(world, who, asked):
    for name in relations(world, who, asked, "table"):
        for position, f in enumerate(fields(world, name), 1):
            if takes(asked, "last", f.name):
                size, digits = size_of(f.dataType)
                yield [*name, f.name, type_text(f.dataType), size, digits, "10" if isinstance(f.dataType, T.NumericType) else None,
                       "true" if f.nullable else "false", f.metadata.get("comment") or "", str(position), "NO", "NO"]


def size_of(t) -> tuple[str | None, str | None]:
    if isinstance(t, T.DecimalType):
        return str(t.precision), str(t.scale)
    if isinstance(t, T.CharType | T.VarcharType):
        return str(t.length), None
    size = SIZES.get(t.simpleString())
    return (str(size[0]), str(size[1])) if size else (None, None)


def list_functions(world, who, asked):
    catalogs(world, who, asked)  # there are none, and who asks for those of a catalog that does not exist is told
    return []


def keys(world, who, asked, wanted: str):
    name = (asked["catalog"], asked.get("schema"), asked.get("table"))
    if None in name:
        raise SqlError("\n[PARSE_SYNTAX_ERROR] Syntax error: IN CATALOG c IN SCHEMA s IN TABLE t is missing. SQLSTATE: 42601", "42601")
    catalogs(world, who, asked)
    if not world.objects.exists("Schema", name[:2]):
        raise no_schema(".".join(name[:2]))
    world.grants.check(who, [("SELECT", "Table", name)])
    if not world.objects.exists("Table", name):
        raise no_table(dotted(name))
    return name, [c for c in world.objects.about("Table", name).get("constraints", []) if c["kind"] == wanted]


def list_keys(world, who, asked):
    name, found = keys(world, who, asked, "PRIMARY KEY")
    return ([*name, column, str(n), c["name"]] for c in found for n, column in enumerate(c["columns"], 1))


def list_foreign_keys(world, who, asked):
    name, found = keys(world, who, asked, "FOREIGN KEY")
    for c in found:
        parent = tuple(c["parent"])
        key = next((k["name"] for k in world.objects.about("Table", parent).get("constraints", []) if k["kind"] == "PRIMARY KEY"), None)
        for n, (own, other) in enumerate(zip(c["columns"], c["parent_columns"]), 1):
            yield [*parent, other, *name, own, str(n), NO_ACTION, NO_ACTION, c["name"], key, NOT_DEFERRABLE]


def list_table_types(*_):
    return [["SYSTEM TABLE"], ["TABLE"], ["VIEW"]]


ROWS = {"SCHEMAS": list_schemas, "TABLES": list_tables, "COLUMNS": list_columns, "FUNCTIONS": list_functions, "KEYS": list_keys,
        "FOREIGN KEYS": list_foreign_keys, "TABLE_TYPES": list_table_types}
