"""DESCRIBE TABLE EXTENDED … AS JSON: one row with one JSON text, which Spark has for its own kind of tables only."""
import json
from datetime import datetime, timezone

from pyspark.sql import types as T

from .dialect import dotted, full_name, head, kind, name_at, tokenize
from .errors import SqlError, no_table
from .results import columns
from .rewriting import rewritten

NAMES = {"timestamp": "timestamp_ltz", "void": "void"}


def handles(words: list[str], text: str) -> bool:
    upper = text.upper().rstrip("; \n\t").split()
    return words[:1] in (["DESCRIBE"], ["DESC"]) and words[1:2] != ["QUERY"] and upper[-2:] == ["AS", "JSON"]


def run(world, call):
    text = rewritten(world, call.text[head(call.text, 1)[1]:].rstrip().rstrip(";"), call.parameters)
    t = tokenize(text)
    i, extended = 1, False
    while i < len(t) and t[i].text.upper() in ("TABLE", "EXTENDED", "FORMATTED") and kind(t[i]) != "IDENTIFIER":
        extended |= t[i].text.upper() != "TABLE"
        i += 1
    if not extended:
        raise SqlError("[DESCRIBE_JSON_NOT_EXTENDED] DESCRIBE TABLE ... AS JSON only supported when [EXTENDED|FORMATTED] is specified. For "
                       "example: DESCRIBE EXTENDED <tableName> AS JSON is supported but DESCRIBE <tableName> AS JSON is not. SQLSTATE: 0A000",
                       "0A000")
    name = full_name(name_at(t, i)[0], call.catalog, call.schema)
    world.grants.check(call.who, [("SELECT", "Table", name)])
    if not world.objects.exists("Table", name):
        raise no_table(dotted(name))
    return columns(["json_metadata"]), [[json.dumps(described(world, name), ensure_ascii=False)]]


def described(world, name: tuple) -> dict:
    about, view = world.objects.about("Table", name), world.objects.view(name)
    out = {"table_name": name[2], "catalog_name": name[0], "namespace": [name[1]], "schema_name": name[1],
           "columns": [field_json(f) for f in fields(world, name)], "type": "VIEW" if view else "MANAGED", "owner": about.get("owner"),
           "created_time": moment(about.get("created_at")), "created_by": about.get("created_by"), "comment": about.get("comment")}
    if view:
        out |= {"view_text": view["definition"], "view_original_text": view["definition"],
                "view_query_output_columns": [f.name for f in fields(world, name)]}
    else:
        log = world.objects.log(name).refresh()
        out |= {"provider": "delta", "comment": log.comment(), "table_properties": log.properties(),
                "location": f"managed:/{name[0]}/{name[1]}/{name[2]}", "last_access": "UNKNOWN"}
        if log.clustering:
            out["clustering_information"] = {"column_names": log.clustering}
        if keys := about.get("constraints"):
            out["table_constraints"] = "; ".join(f"({c['name']},{sentence(c)})" for c in keys)
    return {k: v for k, v in out.items() if v is not None}


def fields(world, name: tuple) -> list:
    return T.StructType.fromJson({"type": "struct", "fields": world.objects.columns(name)}).fields


def sentence(c: dict) -> str:
    """A key as DESCRIBE EXTENDED writes it."""
    own = ", ".join(f"`{x}`" for x in c["columns"])
    if c["kind"] == "PRIMARY KEY":
        return f"PRIMARY KEY ({own})" + (" RELY" if c.get("rely") else "")
    return f"FOREIGN KEY ({own}) REFERENCES {dotted(c['parent'])} (" + ", ".join(f"`{x}`" for x in c["parent_columns"]) + ")"


def moment(millis: int | None) -> str | None:
    return datetime.fromtimestamp(millis / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if millis else None


def field_json(f) -> dict:
    out = {"name": f.name, "type": type_json(f.dataType), "nullable": f.nullable, "comment": f.metadata.get("comment"),
           "default": f.metadata.get("CURRENT_DEFAULT")}
    return {k: v for k, v in out.items() if v is not None}


def type_json(t) -> dict:
    if isinstance(t, T.StructType):
        return {"name": "struct", "fields": [field_json(f) for f in t.fields]}
    if isinstance(t, T.ArrayType):
        return {"name": "array", "element_type": type_json(t.elementType), "element_nullable": t.containsNull}
    if isinstance(t, T.MapType):
        return {"name": "map", "key_type": type_json(t.keyType), "value_type": type_json(t.valueType), "value_nullable": t.valueContainsNull}
    if isinstance(t, T.DecimalType):
        return {"name": "decimal", "precision": t.precision, "scale": t.scale}
    if isinstance(t, (T.CharType, T.VarcharType)):
        return {"name": t.typeName(), "length": t.length}
    name = t.simpleString()
    return {"name": NAMES.get(name, name)}
