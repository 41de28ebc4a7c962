"""What a statement needs, from the plan that Spark parsed: (privilege, kind, name) each. What is unknown is refused."""
from .dialect import full_name, name_at, tokenize
from .errors import SqlError, unsupported


INTERNAL = "__ws_"  # temporary views that the workspace itself makes for a statement

WRITES = {"InsertIntoStatement", "AppendData", "OverwriteByExpression", "OverwritePartitionsDynamic", "TruncateTable", "AddColumns",
          "ReplaceColumns", "DropColumns", "RenameColumn", "AlterColumns", "SetTableProperties", "UnsetTableProperties",
          "AlterTableClusterBy", "AlterTableAddConstraint", "AlterTableDropConstraint", "AlterTableDropFeature", "OptimizeTableCommand",
          "VacuumTableCommand", "DeltaReorgTable", "CommentOnTable", "RestoreTableStatement", "AnalyzeTable"}
CHANGES = {"MergeIntoTable", "UpdateTable", "DeleteFromTable"}  # these read what they write
READS = {"DescribeRelation", "DescribeColumn", "DescribeDeltaHistory", "DescribeDeltaDetailCommand", "ShowColumns",
         "ShowTableProperties", "ShowCreateTable", "RefreshTable"}
OWNS = {"DropTable", "RenameTable"}
CREATES = {"CreateTable", "CreateTableAsSelect"}
REPLACES = {"ReplaceTable", "ReplaceTableAsSelect"}
SCHEMA_OWNS = {"DropNamespace", "CommentOnNamespace", "SetNamespaceProperties"}
SCHEMA_READS = {"ShowTables", "DescribeNamespace"}
HARMLESS = {"ShowNamespaces", "ShowCatalogsCommand", "ShowFunctions", "DescribeFunction", "DescribeQueryCommand", "ExplainCommand",
            "SetCommand", "ResetCommand", "SetCatalogAndNamespace", "SetNamespaceCommand", "SetCatalogCommand", "CompoundBody",
            "SetVariable", "CreateVariable", "DropVariable", "CreateNamespace"}
ADMINS = {"ExecuteImmediateQuery", "CloneTableStatement"}  # they hide what they touch: for principals that may do all
KNOWN = WRITES | CHANGES | READS | OWNS | CREATES | REPLACES | SCHEMA_OWNS | SCHEMA_READS | HARMLESS
SAID = {"CreateView": "CREATE VIEW inside a script", "CreateTempView": "temporary views: every statement has a session of its own",
        "AlterViewAs": "ALTER VIEW inside a script", "DropView": "DROP VIEW inside a script", "CreateFunction": "user-defined functions",
        "CreateUserDefinedFunction": "user-defined functions", "CreateUserDefinedFunctionCommand": "user-defined functions"}
FILE_FORMATS = {"json", "csv", "parquet", "text", "orc", "avro", "delta", "binaryfile", "xml"}


def needs(plan: dict, catalog: str, schema: str, who) -> list[tuple]:
    """Every privilege that the statement needs, in the order of its names."""
    for command in plan["commands"]:
        if command not in KNOWN and not (who.admin and command in ADMINS):
            raise unsupported(SAID.get(command, f"this statement ({command})"))
    if plan["unreadable"]:
        raise unsupported(f"names that are not written out ({', '.join(plan['unreadable'])})")
    details = plan["details"]
    if details.get("location"):
        raise unsupported("external locations: tables and schemas are managed, leave LOCATION out")
    if details.get("provider", "delta").lower() != "delta":
        raise SqlError(f"[MANAGED_TABLE_FORMAT] Managed tables are Delta tables; USING {details['provider']} is refused. "
                       "SQLSTATE: 0AKDD", "0AKDD")
    wanted = []
    for entry in plan["names"]:
        wanted += of_name(entry, plan, catalog, schema)
    return wanted


def of_name(entry: dict, plan: dict, catalog: str, schema: str) -> list[tuple]:
    role, kind = entry["role"], entry["kind"]
    if kind == "TableFunction":
        return [("SELECT", "Table", full_name(name_at(tokenize(entry["text"]), 0)[0], catalog, schema))]
    parts = entry["parts"]
    if kind == "UnresolvedNamespace":
        return of_schema(role, parts, catalog, schema)
    if len(parts) == 1 and (parts[0].lower() in plan["ctes"] or parts[0].startswith(INTERNAL)) and not entry["target"]:
        return []
    if len(parts) == 2 and parts[0].lower() in FILE_FORMATS and "/" in parts[1]:
        raise SqlError("[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have permission SELECT on any file. "
                       "SQLSTATE: 42501", "42501")
    if len(parts) > 3:
        raise SqlError(f"[REQUIRES_SINGLE_PART_NAMESPACE] A name has at most three parts: {'.'.join(parts)}. SQLSTATE: 42K05", "42K05")
    name = full_name(parts, catalog, schema)
    if not entry["target"]:
        return [("SELECT", "Table", name)]
    if role in CHANGES:
        return [("MODIFY", "Table", name), ("SELECT", "Table", name)]
    if role in WRITES:
        return [("MODIFY", "Table", name)]
    if role in READS:
        return [("SELECT", "Table", name)]
    if role in CREATES:
        return [("CREATE TABLE", "Schema", name[:2])]
    if role in REPLACES:
        return [("CREATE TABLE", "Schema", name[:2]), ("MANAGE", "Table", name)]
    return [("MANAGE", "Table", name)]


def of_schema(role: str, parts: list, catalog: str, schema: str) -> list[tuple]:
    if role == "CreateNamespace":
        return [("CREATE SCHEMA", "Catalog", full_name(parts, catalog, schema, 2)[:1])]
    if role == "ShowNamespaces":
        return [("USE CATALOG", "Catalog", (parts[0].lower() if parts else catalog,))]
    if role in SCHEMA_OWNS:
        return [("MANAGE", "Schema", full_name(parts, catalog, schema, 2))]
    if role in SCHEMA_READS:
        return [("USE SCHEMA", "Schema", full_name(parts or [schema], catalog, schema, 2))]
    return []


def targets(plan: dict, catalog: str, schema: str, roles: set, namespaces: bool = False) -> list[tuple]:
    """Names that the statement makes, drops or writes in one of these roles."""
    return [full_name(e["parts"], catalog, schema, 2 if namespaces else 3) for e in plan["names"]
            if e["target"] and e["role"] in roles and (e["kind"] == "UnresolvedNamespace") == namespaces]


