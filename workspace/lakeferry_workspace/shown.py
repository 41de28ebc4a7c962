"""What SHOW and DESCRIBE answer: Databricks' column names, names and places as a client knows them, nothing that one may not see."""
import re

from .privileges import targets
from .rewriting import pattern_of

LISTS = {"DescribeRelation", "DescribeDeltaDetailCommand", "OptimizeTableCommand", "VacuumTableCommand", "ExplainCommand",
         "DescribeNamespace"}


def shown(world, call, plan: dict, result):
    described, rows, cut = result
    if not described or not isinstance(rows, list):
        return result
    top = plan["top"]
    if top == "ShowTables":
        place = targets(plan, call.catalog, call.schema, {"ShowTables"}, namespaces=True)
        place = place[0] if place and len(place[0]) == 2 else (call.catalog, call.schema)
        described[0]["name"] = "database"
        rows = [r for r in rows if world.grants.sees(call.who, "Table", (*place, r[1]))]
    elif top == "ShowNamespaces":
        parts = next((e["parts"] for e in plan["names"] if e["kind"] == "UnresolvedNamespace"), [])
        catalog = parts[0].lower() if parts else call.catalog
        described[0]["name"] = "databaseName"
        rows = [r for r in rows if world.grants.sees(call.who, "Schema", (catalog, r[0]))]
    elif top == "ShowCatalogsCommand":
        like = re.search(r"CATALOGS\s+(?:LIKE\s+)?'([^']*)'", call.text, re.I)
        pattern = pattern_of(like[1] if like else "*")
        rows = [[c] for c in world.objects.catalogs() if pattern.fullmatch(c) and world.grants.sees(call.who, "Catalog", (c,))]
    elif top in LISTS:
        name = next(iter(targets(plan, call.catalog, call.schema, {top})), None)
        if name and world.objects.view(name):
            rows = of_view(world, name, rows)
        rows = [[public(world, cell) for cell in row] for row in rows]
        if top == "DescribeNamespace":
            described[0]["name"], described[1]["name"] = "database_description_item", "database_description_value"
            place = next(iter(targets(plan, call.catalog, call.schema, {top}, namespaces=True)), (call.catalog, call.schema))
            rows = [["Owner", world.objects.about("Schema", place).get("owner")] if r[0] == "Owner" else r for r in rows]
    return described, rows, cut


def public(world, cell):
    if not isinstance(cell, str) or "__" not in cell and "file:" not in cell:
        return cell
    known = "|".join(sorted(map(re.escape, world.engine.catalogs), key=len, reverse=True)) or "(?!)"
    cell = re.sub(rf"\b(?:spark_catalog\.)?`?({known})__(\w+)`?\.(?=[\w`])(?!db\b)", r"\1.\2.", cell)
    return world.engine.places(cell)


def of_view(world, name: tuple, rows: list) -> list:
    """Spark takes what it finds in our catalogs for tables."""
    view = world.objects.view(name)
    out = [["Type", "VIEW", *r[2:]] if r[0] == "Type" else r for r in rows if r[0] not in ("Provider", "Location", "Is_managed_location")]
    if any(r[0] == "Type" for r in out):
        out += [["View Text", view["definition"], ""]]
    return out

