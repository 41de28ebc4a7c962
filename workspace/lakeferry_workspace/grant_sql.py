"""GRANT, REVOKE and SHOW GRANTS: read by tokens, because Spark has no grants."""
from .dialect import full_name, head, kind, name_at, tokenize
from .errors import SqlError, parse_error
from .grants import PRIVILEGES, above
from .objects import HIVE
from .results import columns

LEVEL_WORDS = {"CATALOG": "Catalog", "SCHEMA": "Schema", "DATABASE": "Schema", "TABLE": "Table", "VIEW": "Table", "VOLUME": "Volume"}
SIZE = {"Catalog": 1, "Schema": 2, "Table": 3, "Volume": 3}


def handles(words: list[str], _) -> bool:
    return words[:1] in (["GRANT"], ["REVOKE"]) or words[:2] in (["SHOW", "GRANTS"], ["SHOW", "GRANT"])


def run(world, call):
    words, begin = head(call.text, 2)
    # sqlglot takes SHOW … for one opaque token: read what follows it.
    body = call.text[begin:].split(None, 1)[1] if len(call.text[begin:].split(None, 1)) > 1 else ""
    if words[0] == "SHOW":
        body = body.split(None, 1)[1] if len(body.split(None, 1)) > 1 else ""
    t = tokenize(body.rstrip().rstrip(";"))
    on = next((i for i, x in enumerate(t) if x.text.upper() == "ON" and kind(x) != "IDENTIFIER"), None)
    if on is None or on + 1 >= len(t):
        raise parse_error("end of input: ON <securable> is missing", call.text, len(call.text) - 1)
    word = t[on + 1].text.upper() if kind(t[on + 1]) != "IDENTIFIER" else ""
    level = LEVEL_WORDS.get(word)
    parts, after = name_at(t, on + 1 + bool(level))
    level = level or "Table"
    name = full_name(parts, call.catalog, call.schema, SIZE[level]) if SIZE[level] > 1 else (parts[0].lower(),)
    if name[0] == HIVE:
        raise SqlError("[UC_COMMAND_NOT_SUPPORTED.WITHOUT_RECOMMENDATION] The command(s): GRANT/REVOKE are not supported in Unity Catalog "
                       "for catalog hive_metastore. SQLSTATE: 0AKUC", "0AKUC")
    require(world, level, name)
    if words[0] == "SHOW":
        return show(world, call, level, name, t[0].text if on else None)
    if after + 1 >= len(t) or t[after].text.upper() not in ("TO", "FROM"):
        raise parse_error("end of input: TO or FROM <principal> is missing", call.text, len(call.text) - 1)
    return change(world, call, words[0], level, name, t[:on], t[after + 1].text)


def require(world, level: str, name: tuple):
    for k, n in above(level, name):
        if not world.objects.exists(k, n):
            code, state = {"Catalog": ("NO_SUCH_CATALOG_EXCEPTION", "42704"), "Schema": ("SCHEMA_NOT_FOUND", "42704"),
                           "Table": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"), "Volume": ("VOLUME_NOT_FOUND", "42704")}[k]
            raise SqlError(f"[{code}] {k} '{'.'.join(n)}' was not found. SQLSTATE: {state}", state)


def change(world, call, verb: str, level: str, name: tuple, tokens: list, principal: str):
    world.grants.check(call.who, [("MANAGE", level, name)])
    named = [" ".join(p.split()) for p in " ".join(x.text.upper() for x in tokens).split(",")]
    named = {{"ALL": "ALL PRIVILEGES", "USAGE": "USE SCHEMA" if level == "Schema" else "USE CATALOG"}.get(p, p) for p in named}
    if wrong := sorted(named - PRIVILEGES[level]):
        raise SqlError(f"[INVALID_PARAMETER_VALUE] Privilege {wrong[0]} is not applicable to this entity "
                       f"[{name and '.'.join(name)}:{level.upper()}]. SQLSTATE: 22023", "22023", "INVALID_PARAMETER_VALUE")
    if principal not in world.principals.known():
        raise SqlError(f"PRINCIPAL_DOES_NOT_EXIST: Could not find principal with name {principal}", None, "NOT_FOUND")
    world.grants.change(level, name, principal, **{"add" if verb == "GRANT" else "remove": named})
    return [], []


def show(world, call, level: str, name: tuple, principal: str | None):
    if not world.grants.holds(call.who, "MANAGE", level, name) and principal not in call.who.identities:
        world.grants.check(call.who, [("MANAGE", level, name)])
    rows = [[who, p, k.upper(), ".".join(n)] for k, n in above(level, name)
            for who, privileges in sorted(world.grants.direct(k, n).items()) for p in privileges if principal in (None, who)]
    return columns(["Principal", "ActionType", "ObjectType", "ObjectKey"]), rows
