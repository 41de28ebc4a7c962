"""Views. Spark keeps them in its own catalog only, so the name in a view's statement is replaced by the one there; a SELECT finds it by
its three-level name. Who reads a view needs SELECT on it; what it is made of is read with the rights of its owner."""
import json

from . import rewriting
from .dialect import Edits, dotted, full_name, head, kind, name_at, quoted, tokenize
from .errors import SqlError, no_schema, no_table, parse_error, unsupported
from .privileges import needs
from .results import columns

VERBS = {"CREATE", "ALTER", "DROP"}
BETWEEN = {"OR", "REPLACE", "TEMP", "TEMPORARY", "GLOBAL", "MATERIALIZED"}
DEEPEST = 20


def handles(words: list[str], _) -> bool:
    if words[:2] == ["SHOW", "VIEWS"]:
        return True
    rest = [w for w in words[1:] if w not in BETWEEN]
    return words[:1] != [] and words[0] in VERBS and rest[:1] == ["VIEW"]


def run(world, call):
    words, begin = head(call.text, 2)
    if words[0] == "SHOW":  # one opaque token for the tokenizer
        return show(world, call, call.text[begin:].split(None, 2)[2:])
    text = rewriting.rewritten(world, call.text, call.parameters)
    t = tokenize(text)
    at = next(i for i, x in enumerate(t) if x.text.upper() == "VIEW")
    between = {x.text.upper() for x in t[1:at]}
    if "MATERIALIZED" in between:
        raise unsupported("materialized views")
    i = at + 1
    while i < len(t) and t[i].text.upper() in ("IF", "NOT", "EXISTS") and kind(t[i]) != "IDENTIFIER":
        i += 1
    parts, after = name_at(t, i)
    if between - {"OR", "REPLACE"}:
        return create_temporary(world, call, text, parts, body(text, t, after), between)
    if words[0] == "DROP" and len(parts) == 1 and parts[0].lower() in call.temporary:
        execute(world, call, text)
        del call.session.temporary[parts[0].lower()]
        return [], []
    name = full_name(parts, call.catalog, call.schema)
    if len(name) > 3:
        raise SqlError(f"[REQUIRES_SINGLE_PART_NAMESPACE] A name has at most three parts: {'.'.join(parts)}. SQLSTATE: 42K05", "42K05")
    edits = Edits(text)
    edits.replace(t[i].start, t[after - 1].end + 1, stored(name))
    return {"CREATE": create, "ALTER": alter, "DROP": drop}[words[0]](world, call, text, edits, name, t, after, bool(between))


def stored(name: tuple) -> str:
    """Where Spark keeps it."""
    return f"spark_catalog.{quoted(f'{name[0]}__{name[1]}')}.{quoted(name[2])}"


def body(text: str, t: list, after: int) -> str | None:
    """The query behind the first AS outside parentheses."""
    depth = 0
    for x in t[after:]:
        depth += (kind(x) == "L_PAREN") - (kind(x) == "R_PAREN")
        if depth == 0 and x.text.upper() == "AS" and kind(x) != "IDENTIFIER":
            return text[x.end + 1:].strip().rstrip(";").strip()
    return None


def create(world, call, text, edits, name, t, after, replace):
    engine, query = world.engine, body(text, t, after)
    if query is None:
        engine.read_plan(call.text)
        raise parse_error("end of input: AS <query> is missing", call.text, len(call.text) - 1)
    engine.read_plan(text)
    if rewriting.mentions_sources(query):
        raise unsupported("views over read_files and information_schema")
    authorize(world, call, engine.read_plan(query))
    world.grants.check(call.who, [("CREATE TABLE", "Schema", name[:2])])
    if not world.objects.exists("Schema", name[:2]):
        raise no_schema(".".join(name[:2]))
    known = world.objects.exists("Table", name)
    if replace and known:
        world.grants.check(call.who, [("MANAGE", "Table", name)])
    execute(world, call, edits.apply())
    if not known:
        world.objects.remember("Table", name, call.who.user_name)
    if replace or not known:
        keep(world, name, query)
    return [], []


def create_temporary(world, call, text, parts, query, between):
    """It lives in the client's session. Who reads it is asked again for the privileges that its query takes."""
    if call.session is None or "GLOBAL" in between:
        raise unsupported("global temporary views" if "GLOBAL" in between else
                          "temporary views outside a session: each such statement has a session of its own")
    wanted = []
    if query is not None:
        if rewriting.mentions_sources(query):
            raise unsupported("views over read_files and information_schema")
        wanted, _ = authorize(world, call, world.engine.read_plan(query))
    call.session.keep(world.engine)
    execute(world, call, text)
    call.session.temporary[parts[0].lower()] = wanted
    return [], []


def alter(world, call, text, edits, name, t, after, _):
    require(world, call, name)
    word = t[after].text.upper() if after < len(t) else ""
    if word == "RENAME" and after + 2 < len(t):
        new, end = name_at(t, after + 2)
        new = full_name(new, *name[:2])
        if new[:2] != name[:2]:
            raise unsupported("moving a view into another schema")
        edits.replace(t[after + 2].start, t[end - 1].end + 1, stored(new).partition(".")[2])
        execute(world, call, edits.apply())
        world.objects.rename("Table", name, new)
        return [], []
    query = body(text, t, after) if word == "AS" else None
    if query is not None:
        if rewriting.mentions_sources(query):
            raise unsupported("views over read_files and information_schema")
        authorize(world, call, world.engine.read_plan(query))
    execute(world, call, edits.apply())
    keep(world, name, query or world.objects.view(name)["definition"])
    return [], []


def drop(world, call, text, edits, name, t, after, _):
    if world.objects.exists("Table", name):
        world.grants.check(call.who, [("MANAGE", "Table", name)])
    else:
        world.grants.check(call.who, [("USE SCHEMA", "Schema", name[:2])])
    view = world.objects.view(name)
    execute(world, call, edits.apply())
    if view:
        world.objects.forget("Table", name)
    return [], []


def require(world, call, name):
    world.grants.check(call.who, [("MANAGE", "Table", name)])
    if not world.objects.exists("Table", name):
        raise no_table(dotted(name))


def execute(world, call, text):
    session = world.engine.session(call.id, call.who.user_name, call.session)
    world.engine.use(session, call.catalog, call.schema)
    world.engine.run(session, text, {n: p["value"] for n, p in call.parameters.items()})


def keep(world, name: tuple, query: str):
    """What a restart needs: Spark's catalog of views lives in memory."""
    described = json.loads(world.engine.describe_view(f"{name[0]}__{name[1]}", name[2]))
    world.objects.describe("Table", name, comment=described["comment"], altered_at=world.clock.millis(), view=described | {"definition": query})


def authorize(world, call, plan: dict) -> tuple[list, list]:
    """Checks a statement's needs, and for the views among them their owners' rights to what they are made of; answers with both."""
    read = {e["parts"][0].lower() for e in plan["names"] if len(e.get("parts", ())) == 1 and not e["target"]} & set(call.temporary)
    wanted = needs(plan | {"ctes": [*plan["ctes"], *read]}, call.catalog, call.schema, call.who)
    wanted += [need for name in read for need in call.temporary[name]]
    world.grants.check(call.who, wanted)
    return wanted, definitions(world, wanted, 0)


def definitions(world, wanted: list, depth: int) -> list:
    found = []
    for privilege, level, name in wanted:
        view = world.objects.view(name) if (privilege, level) == ("SELECT", "Table") else None
        if not view:
            continue
        owner = world.principals.named(world.objects.about("Table", name).get("owner"))
        if owner is None or depth > DEEPEST:
            raise unsupported(f"view {'.'.join(name)}: its owner is gone or views are nested too deep")
        inner = needs(world.engine.read_plan(view["text"]), *place(view, name), owner)
        world.grants.check(owner, inner)
        found += inner + definitions(world, inner, depth + 1)
    return found


def place(view: dict, name: tuple) -> tuple[str, str]:
    """The catalog and schema that were the defaults when the view was made."""
    held = view["properties"]
    parts = [held.get(f"view.catalogAndNamespace.part.{i}") for i in range(int(held.get("view.catalogAndNamespace.numParts", 0)))]
    return (parts[0], parts[1]) if len(parts) == 2 else name[:2]


def show(world, call, rest: list):
    t = tokenize(rest[0].rstrip().rstrip(";")) if rest else []
    name, i = (call.catalog, call.schema), 0
    if t and t[0].text.upper() in ("IN", "FROM"):
        parts, i = name_at(t, 1)
        name = full_name(parts, call.catalog, call.schema, 2)
    pattern = rewriting.like(call.text, t, i)
    world.grants.check(call.who, [("USE SCHEMA", "Schema", name)])
    if not world.objects.exists("Schema", name):
        raise no_schema(".".join(name))
    return columns(["namespace", "viewName", "isTemporary"]), [
        [name[1], v, "false"] for v in world.objects.views(*name)
        if pattern.fullmatch(v) and world.grants.sees(call.who, "Table", (*name, v))]
