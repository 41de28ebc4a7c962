"""How rows, columns and types look in JSON: type names, type texts, cells as strings."""
import json
import re

from pyspark.sql import functions as F
from pyspark.sql import types as T

NAMES = {"bigint": "LONG", "smallint": "SHORT", "tinyint": "BYTE", "void": "NULL"}


def variants_as_text(frame):
    """For Arrow, which has no type for them; names that occur twice stay as they are."""
    fields = frame.schema.fields
    if not any(isinstance(f.dataType, T.VariantType) for f in fields):
        return frame
    names = [f"c{i}" for i in range(len(fields))]
    return frame.toDF(*names).select(*[(F.to_json(n) if isinstance(f.dataType, T.VariantType) else F.col(n)).alias(f.name)
                                       for n, f in zip(names, fields)])


def type_text(t) -> str:
    if isinstance(t, T.StructType):
        return "STRUCT<" + ", ".join(f"{f.name}: {type_text(f.dataType)}" for f in t.fields) + ">"
    if isinstance(t, T.ArrayType):
        return f"ARRAY<{type_text(t.elementType)}>"
    return f"MAP<{type_text(t.keyType)}, {type_text(t.valueType)}>" if isinstance(t, T.MapType) else t.simpleString().upper()


def type_name(simple: str) -> str:
    base = re.split(r"[<( ]", simple)[0].lower()
    return NAMES.get(base, base.upper())


def column(position: int, field) -> dict:
    out = {"name": field.name, "type_text": type_text(field.dataType),
           "type_name": type_name(field.dataType.simpleString()), "position": position}
    if isinstance(field.dataType, T.DecimalType):
        out |= {"type_precision": field.dataType.precision, "type_scale": field.dataType.scale}
    if out["type_name"] == "INTERVAL":
        out["type_interval_type"] = out["type_text"].removeprefix("INTERVAL ")
    return out


def column_of(position: int, name: str, kind: str = "STRING") -> dict:
    return {"name": name, "type_text": kind, "type_name": type_name(kind), "position": position}


def columns(names, kind="STRING") -> list[dict]:
    return [column_of(i, n, kind) for i, n in enumerate(names)]


def logged_type(kind) -> tuple[str, str, object]:
    """(type_text, type_name, type as JSON) of a field in a Delta log, as Unity Catalog's columns say it."""
    parsed = T._parse_datatype_json_value(kind)
    return parsed.simpleString(), type_name(parsed.simpleString()), json.dumps(kind)
