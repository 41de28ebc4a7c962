"""Tags and owners of catalogs, schemas, tables, views, volumes and columns: what Unity Catalog keeps and Spark has no place for."""
from .dialect import closing, full_name, is_string, kind, literal, name_at, tokenize
from .errors import SqlError, parse_error
from .grant_sql import LEVEL_WORDS, SIZE, require

MOST_TAGS = 50


def handles(words: list[str], text: str) -> bool:
    upper = " ".join(text.upper().split())
    if words[:2] in (["SET", "TAG"], ["UNSET", "TAG"]):
        return True
    return words[:1] == ["ALTER"] and words[1:2] != [] and words[1] in LEVEL_WORDS and any(
        f" {w}" in upper for w in ("SET TAGS", "UNSET TAGS", "OWNER TO"))


def run(world, call):
    """None where the words stood in a text or a name only."""
    text = call.text.rstrip().rstrip(";")
    t = tokenize(text)
    if t[1].text.upper() == "TAG":
        return set_tag(world, call, text, t)
    level = LEVEL_WORDS[t[1].text.upper()]
    parts, i = name_at(t, 2)
    name = securable(parts, call, level)
    words = [x.text.upper() if kind(x) not in ("STRING", "IDENTIFIER") else "" for x in t]
    column = None
    if words[i:i + 2] in (["ALTER", "COLUMN"], ["CHANGE", "COLUMN"]):
        column, i = t[i + 2].text, i + 3
    if words[i:i + 3] == ["SET", "OWNER", "TO"] or words[i:i + 2] == ["OWNER", "TO"]:
        return own(world, call, level, name, t[-1].text)
    if words[i:i + 2] not in (["SET", "TAGS"], ["UNSET", "TAGS"]):
        return None
    if i + 2 >= len(t) or kind(t[i + 2]) != "L_PAREN":
        raise parse_error("end of input: a list of tags is missing", text, len(text) - 1)
    given = read_tags(text, t[i + 3:closing(t, i + 2, text)])
    return change(world, call, level, name, column, given if words[i] == "SET" else {k: None for k in given})


def securable(parts: list, call, level: str) -> tuple:
    return (parts[0].lower(),) if level == "Catalog" else full_name(parts, call.catalog, call.schema, SIZE[level])


def set_tag(world, call, text, t):
    """SET TAG ON <kind> <name> key [= value] and UNSET TAG ON <kind> <name> key"""
    word = t[3].text.upper() if len(t) > 3 else ""
    if t[2].text.upper() != "ON" or (word not in LEVEL_WORDS and word != "COLUMN"):
        raise parse_error(f"'{t[min(3, len(t) - 1)].text}'", text, t[min(3, len(t) - 1)].start)
    parts, i = name_at(t, 4)
    column = parts.pop() if word == "COLUMN" else None
    level = LEVEL_WORDS.get(word, "Table")
    if i >= len(t):
        raise parse_error("end of input: the tag's key is missing", text, len(text) - 1)
    key = literal(text, t[i]) if is_string(t[i]) else t[i].text
    value = "" if i + 2 >= len(t) else literal(text, t[i + 2]) if is_string(t[i + 2]) else t[i + 2].text
    return change(world, call, level, securable(parts, call, level), column, {key: value if t[0].text.upper() == "SET" else None})


def read_tags(text: str, t: list) -> dict[str, str]:
    found, i = {}, 0
    while i < len(t):
        if not is_string(t[i]):
            raise parse_error(f"'{t[i].text}'", text, t[i].start)
        key, value = literal(text, t[i]), ""
        if i + 2 < len(t) and t[i + 1].text == "=":
            value, i = literal(text, t[i + 2]), i + 2
        found[key], i = value, i + 2
    return found


def change(world, call, level: str, name: tuple, column: str | None, tags: dict):
    in_unity(world, name, "SET TAG")
    require(world, level, name)
    world.grants.check(call.who, [("APPLY TAG", level, name)])
    held = dict(world.objects.about(level, name).get("tags", {}))
    where = ""
    if column is not None:
        known = [f["name"] for f in world.objects.columns(name) if f["name"].lower() == column.lower()]
        if not known:
            raise SqlError(f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column with name `{column}` cannot be resolved. SQLSTATE: 42703", "42703")
        where = known[0]
    mine = dict(held.get(where, {}))
    for key, value in tags.items():
        if value is None:
            mine.pop(key, None)
        elif not key.strip() or len(key) > 255 or len(value) > 1000:
            raise SqlError(f"[INVALID_PARAMETER_VALUE] '{key}' is not a valid tag: a key has 1 to 255 characters, a value at most 1000. "
                           "SQLSTATE: 22023", "22023", "INVALID_PARAMETER_VALUE")
        else:
            mine[key] = value
    if len(mine) > MOST_TAGS:
        raise SqlError(f"[RESOURCE_EXHAUSTED] An object has at most {MOST_TAGS} tags. SQLSTATE: 54000", "54000", "RESOURCE_EXHAUSTED")
    world.objects.describe(level, name, tags={k: v for k, v in (held | {where: mine}).items() if v})
    return [], []


def own(world, call, level: str, name: tuple, principal: str):
    in_unity(world, name, "SET OWNER")
    require(world, level, name)
    world.grants.check(call.who, [("MANAGE", level, name)])
    if principal not in world.principals.known():
        raise SqlError(f"PRINCIPAL_DOES_NOT_EXIST: Could not find principal with name {principal}", None, "NOT_FOUND")
    world.objects.describe(level, name, owner=principal)
    return [], []


def in_unity(world, name: tuple, what: str):
    if not world.objects.is_unity(name[0]):
        raise SqlError(f"[UC_COMMAND_NOT_SUPPORTED.WITHOUT_RECOMMENDATION] The command(s): {what} are not supported outside Unity Catalog: "
                       f"{name[0]} is not in it. SQLSTATE: 0AKUC", "0AKUC")
