"""SHOW CREATE TABLE, which Spark refuses for Delta tables: from what the log and Unity Catalog know."""
from pyspark.sql import types as T

from .clauses import AUTO
from .describe_json import fields, sentence
from .dialect import dotted, full_name, name_at, quoted, tokenize
from .errors import no_table, parse_error
from .results import columns, type_text

# What the workspace sets for itself, and what Delta does: neither is accepted in a CREATE TABLE.
OWN = {"delta.enableExpiredLogCleanup", "delta.columnMapping.maxColumnId", "delta.rowTracking.materializedRowIdColumnName",
       "delta.rowTracking.materializedRowCommitVersionColumnName", AUTO}


def handles(words: list[str], _) -> bool:
    return words[:3] == ["SHOW", "CREATE", "TABLE"]


def run(world, call):
    rest = call.text.rstrip().rstrip(";").split(None, 3)[3:]  # SHOW is one opaque token for the tokenizer
    if not rest:
        raise parse_error("end of input: the table's name is missing", call.text, len(call.text) - 1)
    name = full_name(name_at(tokenize(rest[0]), 0)[0], call.catalog, call.schema)
    world.grants.check(call.who, [("SELECT", "Table", name)])
    if not world.objects.exists("Table", name):
        raise no_table(dotted(name))
    return columns(["createtab_stmt"]), [[of_view(world, name) if world.objects.view(name) else of_table(world, name)]]


def text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def comment(value: str | None, before: str = " ") -> str:
    return f"{before}COMMENT {text(value)}" if value else ""


def of_view(world, name: tuple) -> str:
    listed = ",\n  ".join(quoted(f.name) + comment(f.metadata.get("comment")) for f in fields(world, name))
    said = comment(world.objects.about("Table", name).get("comment"), "\n")
    return f"CREATE VIEW {dotted(name)} (\n  {listed}){said}\nAS {world.objects.view(name)['definition']}\n"


def of_table(world, name: tuple) -> str:
    log, about = world.objects.log(name).refresh(), world.objects.about("Table", name)
    lines = [quoted(f.name) + " " + typed(f) + ("" if f.nullable else " NOT NULL") + default(f) + comment(f.metadata.get("comment"))
             for f in fields(world, name)]
    lines += [f"CONSTRAINT {quoted(c['name'])} {sentence(c)}" for c in about.get("constraints", [])]
    properties = {k: v for k, v in log.properties().items() if k not in OWN}
    if any(default(f) for f in fields(world, name)):
        properties["delta.feature.allowColumnDefaults"] = "supported"
    out = f"CREATE TABLE {dotted(name)} (\n  " + ",\n  ".join(lines) + ")\nUSING delta\n"
    if log.metadata and log.metadata.get("partitionColumns"):
        out += f"PARTITIONED BY ({', '.join(map(quoted, log.metadata['partitionColumns']))})\n"
    if AUTO in log.properties():
        out += "CLUSTER BY AUTO\n"
    elif log.clustering:
        out += f"CLUSTER BY ({', '.join(map(quoted, log.clustering))})\n"
    out += comment(log.comment(), "") + ("\n" if log.comment() else "")
    if properties:
        out += "TBLPROPERTIES (\n  " + ",\n  ".join(f"{text(k)} = {text(v)}" for k, v in sorted(properties.items())) + ")\n"
    return out


def typed(f) -> str:
    """CHAR and VARCHAR are texts whose length stands beside them."""
    if said := f.metadata.get("__CHAR_VARCHAR_TYPE_STRING"):
        return said.upper()
    return "VARIANT" if isinstance(f.dataType, T.VariantType) else type_text(f.dataType)


def default(f) -> str:
    return f" DEFAULT {f.metadata['CURRENT_DEFAULT']}" if "CURRENT_DEFAULT" in f.metadata else ""
