"""One statement from text to result: finds who understands it, checks privileges, runs it, keeps owners and counts true."""
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from . import (clauses, constraints, copy_into, describe_json, driver_lists, grant_sql, ingestion, merge, rewriting, scripts, securables, settings,
               show_create, shown, sources, use_catalog, views, volumes)
from .dialect import dotted, head
from .errors import SqlError, no_catalog, no_schema
from .objects import VIRTUAL
from .privileges import CREATES, REPLACES, WRITES, targets
from .results import columns


@dataclass
class Call:
    """What a statement is run with."""
    id: str
    text: str
    catalog: str
    schema: str
    who: object
    parameters: dict = field(default_factory=dict)
    row_limit: int | None = None
    arrow: bool = False
    session: object = None  # the client's, if it has opened one
    weight: int = 0  # about how many bytes it will read
    cancelled: Callable[[], bool] = bool  # whether its end has been asked for

    @property
    def temporary(self) -> dict:
        return self.session.temporary if self.session else {}


TEXTS = {"ShowTables", "ShowNamespaces", "ShowCatalogsCommand", "DescribeRelation", "DescribeNamespace"}  # shown() edits them as rows
HANDLERS = (settings, driver_lists, grant_sql, volumes, securables, constraints, views, describe_json, show_create, use_catalog, copy_into, ingestion, scripts)


def run(world, call: Call):
    """(columns, rows or Arrow table, truncated)"""
    if not world.objects.exists("Catalog", (call.catalog,)):
        raise no_catalog(call.catalog)
    with world.engine.tagged(call.id):
        return run_one(world, call)


def handler_of(text: str):
    """The first file that says it understands the statement; None where Spark does."""
    words, _ = head(text, 5)
    return next((h for h in HANDLERS if words and h.handles(words, text)), None)


def run_one(world, call: Call):
    """By whoever understands it."""
    words, _ = head(call.text, 5)
    for handler in HANDLERS:
        if words and handler.handles(words, call.text) and (answer := handler.run(world, call)) is not None:
            described, rows = answer
            return described, rows[:call.row_limit], bool(call.row_limit) and len(rows) > call.row_limit
    return spark_statement(world, call)


def spark_statement(world, call: Call):
    engine = world.engine
    text, keys = constraints.take(rewriting.rewritten(world, call.text, call.parameters), call)
    text = merge.rewrite(world, call, text)
    if call.session and head(text, 1)[0] == ["DECLARE"]:
        call.session.keep(engine)
    session = engine.session(call.id, call.who.user_name, call.session)
    if rewriting.mentions_sources(text):
        engine.read_plan(text)
        text = sources.rewrite(world, call, session, text)
    plan = engine.read_plan(text)
    wanted, of_views = views.authorize(world, call, plan)
    call.weight += weight_of(world, wanted + of_views) + sum(len(p["value"] or "") for p in call.parameters.values())
    before(world, call, plan)
    constraints.foreseen(world, call, targets(plan, call.catalog, call.schema, CREATES | REPLACES), keys)
    if call.schema != VIRTUAL and not world.objects.exists("Schema", (call.catalog, call.schema)):
        raise no_schema(f"{call.catalog}.{call.schema}")
    engine.use(session, call.catalog, call.schema, call.weight)
    text = rewriting.typed(text, call.parameters)
    arrow = call.arrow and plan["top"] not in TEXTS
    try:
        result = engine.run(session, text, {n: p["value"] for n, p in call.parameters.items()}, call.row_limit, arrow)
    except SqlError:
        sweep(world, call, plan)
        raise
    return after(world, call, plan, result, keys)


def weight_of(world, wanted: list) -> int:
    """Of the tables that these privileges are about."""
    names = {name for _, level, name in wanted if level == "Table" and not world.objects.view(name)}
    return sum(world.objects.log(name).refresh().bytes for name in names)


def before(world, call: Call, plan: dict):
    """What Spark would let pass, because it does not know volumes and virtual schemas."""
    for name in targets(plan, call.catalog, call.schema, WRITES - {"CommentOnTable"}):
        if world.objects.view(name):
            raise SqlError(f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] '{plan['top']}' expects a table but {dotted(name)} is a view. "
                           "SQLSTATE: 42809", "42809")
    for name in targets(plan, call.catalog, call.schema, {"DropNamespace"}, namespaces=True):
        if world.objects.volumes(*name) and "CASCADE" not in call.text.upper().split():
            raise SqlError(f"[SCHEMA_NOT_EMPTY] Cannot drop a schema `{name[0]}`.`{name[1]}` because it contains objects.\nUse DROP SCHEMA "
                           "... CASCADE to drop the schema and all its objects. SQLSTATE: 2BP01", "2BP01")
    for name in targets(plan, call.catalog, call.schema, {"CreateNamespace", "DropNamespace"}, namespaces=True):
        if name[1] == VIRTUAL:
            raise SqlError(f"[SCHEMA_ALREADY_EXISTS] The schema `{name[0]}`.`{VIRTUAL}` belongs to the system. SQLSTATE: 42P06", "42P06")


def after(world, call: Call, plan: dict, result, keys: list):
    objects, owner = world.objects, call.who.user_name

    def named(*roles, namespaces=False):
        return targets(plan, call.catalog, call.schema, set(roles), namespaces)

    for name in named("CreateNamespace", namespaces=True):
        objects.remember("Schema", name, owner, plan["details"].get("comment"))
    for name in named("CommentOnNamespace", namespaces=True):
        objects.describe("Schema", name, comment=plan["details"].get("comment"))
    for name in named("DropNamespace", namespaces=True):
        if not objects.schema_folder(name).is_dir():
            objects.forget("Schema", name)
            shutil.rmtree(objects.volumes_root.joinpath(*name), ignore_errors=True)
    for name in named(*CREATES, *REPLACES):
        made = not objects.about("Table", name)
        objects.remember("Table", name, owner)
        if keys and made or objects.about("Table", name).get("constraints") and set(plan["commands"]) & REPLACES:
            objects.describe("Table", name, constraints=[])
            constraints.declare(world, call, name, keys)
    for name in named("DropTable"):
        if not objects.exists("Table", name):
            objects.forget("Table", name)
    for name in named("AlterTableClusterBy"):  # by columns or not at all: no longer AUTO
        if clauses.AUTO in objects.log(name).refresh().properties():
            execute(world, call, f"ALTER TABLE {dotted(name)} UNSET TBLPROPERTIES ('{clauses.AUTO}')")
    for name in named("CommentOnTable"):
        if view := objects.view(name):
            views.keep(world, name, view["definition"])
    for name in named("RenameTable"):
        objects.rename("Table", name, (*name[:2], plan["details"]["new_name"][-1].lower()))
    if plan["top"] in WRITES and not result[0] and (written := named("InsertIntoStatement", "OverwriteByExpression")):
        n = objects.log(written[0]).rows_written(call.id)  # Spark's INSERT returns nothing
        return columns(["num_affected_rows", "num_inserted_rows"], "BIGINT"), [[n, n]], False
    return shown.shown(world, call, plan, result)


def execute(world, call: Call, text: str):
    """A second statement behind the first, in a session like it."""
    world.engine.run(world.engine.session(call.id, call.who.user_name, call.session), text)


def sweep(world, call: Call, plan: dict):
    """A CREATE that failed leaves a folder without a table, which would refuse the next CREATE of that name."""
    for name in targets(plan, call.catalog, call.schema, CREATES | REPLACES):
        if not world.objects.exists("Table", name):
            shutil.rmtree(world.objects.table_folder(name), ignore_errors=True)
