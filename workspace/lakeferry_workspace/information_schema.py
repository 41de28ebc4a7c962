"""information_schema of a catalog, built from folders and Delta logs when it is asked for; rows that one may not see are left out."""
import re

from . import sources
from .errors import SqlError, no_catalog
from .grants import above
from .objects import VIRTUAL
from .results import logged_type
from .views import place

VIEWS = {
    "catalogs": "catalog_name STRING, catalog_owner STRING, comment STRING, created TIMESTAMP, created_by STRING",
    "schemata": "catalog_name STRING, schema_name STRING, schema_owner STRING, comment STRING, created TIMESTAMP, created_by STRING",
    "tables": "table_catalog STRING, table_schema STRING, table_name STRING, table_type STRING, is_insertable_into STRING, "
              "table_owner STRING, comment STRING, created TIMESTAMP, created_by STRING, last_altered TIMESTAMP, "
              "data_source_format STRING",
    "columns": "table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, ordinal_position INT, "
               "column_default STRING, is_nullable STRING, full_data_type STRING, data_type STRING, character_maximum_length BIGINT, "
               "character_octet_length BIGINT, numeric_precision INT, numeric_precision_radix INT, numeric_scale INT, "
               "datetime_precision INT, comment STRING",
    "views": "table_catalog STRING, table_schema STRING, table_name STRING, view_definition STRING, check_option STRING, "
             "is_updatable STRING, is_insertable_into STRING, sql_path STRING",
    "table_constraints": "constraint_catalog STRING, constraint_schema STRING, constraint_name STRING, table_catalog STRING, "
                         "table_schema STRING, table_name STRING, constraint_type STRING, is_deferrable STRING, initially_deferred STRING, "
                         "enforced STRING, comment STRING",
    "key_column_usage": "constraint_catalog STRING, constraint_schema STRING, constraint_name STRING, table_catalog STRING, "
                        "table_schema STRING, table_name STRING, column_name STRING, ordinal_position INT, position_in_unique_constraint INT",
    "referential_constraints": "constraint_catalog STRING, constraint_schema STRING, constraint_name STRING, unique_constraint_catalog "
                               "STRING, unique_constraint_schema STRING, unique_constraint_name STRING, match_option STRING, "
                               "update_rule STRING, delete_rule STRING",
    "catalog_tags": "catalog_name STRING, tag_name STRING, tag_value STRING",
    "schema_tags": "catalog_name STRING, schema_name STRING, tag_name STRING, tag_value STRING",
    "table_tags": "catalog_name STRING, schema_name STRING, table_name STRING, tag_name STRING, tag_value STRING",
    "column_tags": "catalog_name STRING, schema_name STRING, table_name STRING, column_name STRING, tag_name STRING, tag_value STRING",
    "volume_tags": "catalog_name STRING, schema_name STRING, volume_name STRING, tag_name STRING, tag_value STRING",
    "volumes": "volume_catalog STRING, volume_schema STRING, volume_name STRING, volume_type STRING, volume_owner STRING, comment STRING",
    "catalog_privileges": "grantee STRING, catalog_name STRING, privilege_type STRING, inherited_from STRING",
    "schema_privileges": "grantee STRING, catalog_name STRING, schema_name STRING, privilege_type STRING, inherited_from STRING",
    "table_privileges": "grantee STRING, table_catalog STRING, table_schema STRING, table_name STRING, privilege_type STRING, "
                        "inherited_from STRING",
    "volume_privileges": "grantee STRING, volume_catalog STRING, volume_schema STRING, volume_name STRING, privilege_type STRING, "
                         "inherited_from STRING",
}


def make_view(world, who, session, catalog: str, name: str, view: str):
    if not world.objects.exists("Catalog", (catalog,)):
        raise no_catalog(catalog)
    world.grants.check(who, [("USE CATALOG", "Catalog", (catalog,))])
    if name not in VIEWS or not world.objects.is_unity(catalog):
        raise SqlError(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view `{catalog}`.`{VIRTUAL}`.`{name}` cannot be found (the local workspace "
                       f"has {', '.join(VIEWS)}). SQLSTATE: 42P01", "42P01")
    if name.endswith("_privileges"):
        rows = privileges(world, who, catalog, name)
    else:
        rows = tags(world, who, catalog, name) if name.endswith("_tags") else globals()[name](world, who, catalog)
    sources.view_of_rows(world.engine, session, list(rows), VIEWS[name], view)


def stamp(millis) -> str | None:
    from datetime import datetime, timezone
    return datetime.fromtimestamp(millis / 1000, timezone.utc).isoformat(timespec="milliseconds") if millis else None


def made(about: dict) -> dict:
    return {"comment": about.get("comment"), "created": stamp(about.get("created_at")), "created_by": about.get("created_by")}


def catalogs(world, who, catalog):
    about = world.objects.about("Catalog", (catalog,))
    yield {"catalog_name": catalog, "catalog_owner": about.get("owner")} | made(about)


def visible_schemas(world, who, catalog):
    return [s for s in world.objects.schemas(catalog) if world.grants.sees(who, "Schema", (catalog, s))]


def schemata(world, who, catalog):
    for s in visible_schemas(world, who, catalog):
        about = world.objects.about("Schema", (catalog, s))
        yield {"catalog_name": catalog, "schema_name": s, "schema_owner": about.get("owner")} | made(about)
    yield {"catalog_name": catalog, "schema_name": VIRTUAL, "schema_owner": "System user"}


def visible_tables(world, who, catalog):
    for s in world.objects.schemas(catalog):
        for t in world.objects.relations(catalog, s):
            if world.grants.sees(who, "Table", (catalog, s, t)):
                yield catalog, s, t


def tables(world, who, catalog):
    for name in visible_tables(world, who, catalog):
        about = world.objects.about("Table", name)
        shared = {"table_catalog": name[0], "table_schema": name[1], "table_name": name[2], "table_owner": about.get("owner")}
        if about.get("view"):
            yield shared | {"table_type": "VIEW", "is_insertable_into": "NO", "last_altered": stamp(about.get("altered_at"))} | made(about)
            continue
        log = world.objects.log(name).refresh()
        yield shared | {"table_type": "MANAGED", "is_insertable_into": "YES", "data_source_format": "DELTA",
                        "last_altered": stamp(log.altered)} | made(about) | {"comment": log.comment()}


def views(world, who, catalog):
    """The definition is shown to those who may manage the view."""
    for name in visible_tables(world, who, catalog):
        if view := world.objects.view(name):
            owns = world.grants.holds(who, "MANAGE", "Table", name)
            yield {"table_catalog": name[0], "table_schema": name[1], "table_name": name[2], "is_insertable_into": "NO",
                   "view_definition": view["definition"] if owns else None, "check_option": "NONE", "is_updatable": "NO",
                   "sql_path": ".".join(place(view, name))}


BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64, "float": 24, "double": 53}


def precision(type_text: str) -> dict:
    """Bits of numbers, digits of decimals, and those of the fraction of a second."""
    if m := re.fullmatch(r"decimal\((\d+),(\d+)\)", type_text):
        return {"numeric_precision": int(m[1]), "numeric_precision_radix": 10, "numeric_scale": int(m[2])}
    if type_text in BITS:
        return {"numeric_precision": BITS[type_text], "numeric_precision_radix": 2} | ({} if type_text in ("float", "double") else {"numeric_scale": 0})
    return {"datetime_precision": 6 if type_text.startswith("timestamp") else 0} if type_text == "date" or type_text.startswith("timestamp") else {}


def columns(world, who, catalog):
    for name in visible_tables(world, who, catalog):
        for position, field in enumerate(world.objects.columns(name)):
            text, type_name, _ = logged_type(field["type"])
            yield {"table_catalog": name[0], "table_schema": name[1], "table_name": name[2], "column_name": field["name"],
                   "ordinal_position": position, "is_nullable": "YES" if field["nullable"] else "NO", "full_data_type": text,
                   "data_type": type_name, **precision(text), "comment": field.get("metadata", {}).get("comment")}


def volumes(world, who, catalog):
    for s in world.objects.schemas(catalog):
        for v in world.objects.volumes(catalog, s):
            if world.grants.sees(who, "Volume", (catalog, s, v)):
                about = world.objects.about("Volume", (catalog, s, v))
                yield {"volume_catalog": catalog, "volume_schema": s, "volume_name": v, "volume_type": "MANAGED",
                       "volume_owner": about.get("owner"), "comment": about.get("comment")}


def keys(world, who, catalog):
    for name in visible_tables(world, who, catalog):
        for c in world.objects.about("Table", name).get("constraints", []):
            place = {"constraint_catalog": name[0], "constraint_schema": name[1], "constraint_name": c["name"]}
            yield place, {"table_catalog": name[0], "table_schema": name[1], "table_name": name[2]}, c


def table_constraints(world, who, catalog):
    for place, table, c in keys(world, who, catalog):
        yield place | table | {"constraint_type": c["kind"], "is_deferrable": "NO", "initially_deferred": "NO", "enforced": "NO"}


def key_column_usage(world, who, catalog):
    for place, table, c in keys(world, who, catalog):
        for n, column in enumerate(c["columns"], 1):
            yield place | table | {"column_name": column, "ordinal_position": n,
                                   "position_in_unique_constraint": n if c["kind"] == "FOREIGN KEY" else None}


def referential_constraints(world, who, catalog):
    for place, _, c in keys(world, who, catalog):
        if c["kind"] == "FOREIGN KEY":
            key = next((k for k in world.objects.about("Table", tuple(c["parent"])).get("constraints", []) if k["kind"] == "PRIMARY KEY"), {})
            yield place | {"unique_constraint_catalog": c["parent"][0], "unique_constraint_schema": c["parent"][1],
                           "unique_constraint_name": key.get("name"), "match_option": "FULL", "update_rule": "NO ACTION",
                           "delete_rule": "NO ACTION"}


def tags(world, who, catalog, view):
    """Of objects, and under column names those of columns."""
    kind = view.removesuffix("_tags").capitalize()
    of_columns, kind = kind == "Column", "Table" if kind == "Column" else kind
    labels = ("catalog_name", "schema_name", f"{kind.lower()}_name")
    for name in named(world, kind, catalog):
        if world.grants.sees(who, kind, name):
            for column, held in world.objects.about(kind, name).get("tags", {}).items():
                if bool(column) == of_columns:
                    for key, value in sorted(held.items()):
                        yield dict(zip(labels, name)) | ({"column_name": column} if column else {}) | {"tag_name": key, "tag_value": value}


def named(world, kind: str, catalog: str) -> list[tuple]:
    """Every object of a kind in the catalog."""
    if kind == "Catalog":
        return [(catalog,)]
    places = [(catalog, s) for s in world.objects.schemas(catalog)]
    listed = {"Table": world.objects.relations, "Volume": world.objects.volumes}.get(kind)
    return [(*p, x) for p in places for x in listed(*p)] if listed else places


def privileges(world, who, catalog, view):
    """Own grants, or everybody's for one who may manage the object."""
    kind = view.removesuffix("_privileges").capitalize()
    labels = {"Catalog": ("catalog_name",), "Schema": ("catalog_name", "schema_name"),
              "Table": ("table_catalog", "table_schema", "table_name"), "Volume": ("volume_catalog", "volume_schema", "volume_name")}[kind]
    for name in named(world, kind, catalog):
        manager = world.grants.holds(who, "MANAGE", kind, name)
        for k, n in above(kind, name):
            for grantee, held in world.grants.direct(k, n).items():
                if manager or grantee in who.identities:
                    for p in held:
                        yield dict(zip(labels, name)) | {"grantee": grantee, "privilege_type": p.replace(" ", "_"),
                                                         "inherited_from": "NONE" if (k, n) == (kind, name) else k.upper()}
