"""Statements about volumes and catalogs, which Spark has no words for."""
from .dialect import full_name, head, is_string, kind, literal, name_at, tokenize
from .errors import SqlError, no_catalog, no_schema, parse_error, unsupported
from .objects import HIVE, valid_catalog_name
from .results import columns
from .volume_paths import valid_name


def handles(words: list[str], _) -> bool:
    if "CATALOG" in words[1:2] and words[0] in ("CREATE", "DROP", "DESCRIBE", "DESC") or words[:3] == ["COMMENT", "ON", "CATALOG"]:
        return True
    return (words[:2] in (["CREATE", "VOLUME"], ["DROP", "VOLUME"], ["SHOW", "VOLUMES"], ["DESCRIBE", "VOLUME"], ["DESC", "VOLUME"],
                          ["ALTER", "VOLUME"]) or words[:3] in (["CREATE", "EXTERNAL", "VOLUME"], ["COMMENT", "ON", "VOLUME"]))


def run(world, call):
    words, begin = head(call.text, 3)
    text = call.text[begin:].rstrip().rstrip(";")
    if words[0] == "SHOW":  # one opaque token for the tokenizer
        return show(world, call, tokenize(text.split(None, 2)[2] if len(text.split(None, 2)) > 2 else ""))
    t = tokenize(text)
    if words[1] == "CATALOG" and words[0] in ("DESCRIBE", "DESC") or words[2:3] == ["CATALOG"]:
        return about_catalog(world, call, words[0], text, t)
    if words[1] == "CATALOG":
        return catalog(world, call, words[0], t)
    name, flags, comment = read(call, words, begin, text, t)
    place(world, name)
    return {"CREATE": create, "DROP": drop, "DESCRIBE": describe, "DESC": describe, "COMMENT": annotate}[words[0]](
        world, call, name, flags, comment)


def read(call, words: list[str], begin: int, text: str, t: list) -> tuple[tuple, bool, str | None]:
    """The volume's name, whether there is an IF, and the comment."""
    if words[1] == "EXTERNAL" or words[0] == "ALTER":
        raise unsupported("external volumes" if words[1] == "EXTERNAL" else "ALTER VOLUME")
    flags, i = conditions(t, 3 if words[0] == "COMMENT" else 2)
    if i >= len(t):
        raise parse_error("end of input: the volume's name is missing", call.text, len(call.text) - 1)
    parts, i = name_at(t, i)
    comment = literal(text, t[i + 1]) if i + 1 < len(t) and t[i].text.upper() in ("COMMENT", "IS") and is_string(t[i + 1]) else None
    if i < len(t) and (comment is None or i + 2 < len(t)):
        wrong = t[i if comment is None else i + 2]
        raise parse_error(f"'{wrong.text}'", call.text, begin + wrong.start)
    return full_name(parts, call.catalog, call.schema), flags, comment


def check(call):
    """The grammar of a statement about a volume; one about a catalog is read in its turn."""
    words, begin = head(call.text, 3)
    text = call.text[begin:].rstrip().rstrip(";")
    if "CATALOG" not in words[1:]:
        read(call, words, begin, text, tokenize(text))


def conditions(t: list, i: int) -> tuple[bool, int]:
    """IF EXISTS and IF NOT EXISTS."""
    if i < len(t) and t[i].text.upper() == "IF" and kind(t[i]) != "IDENTIFIER":
        while i < len(t) and t[i].text.upper() in ("IF", "NOT", "EXISTS"):
            i += 1
        return True, i
    return False, i


def place(world, name: tuple):
    if not world.objects.exists("Catalog", name[:1]):
        raise no_catalog(name[0])
    if name[0] == HIVE:
        raise SqlError("[UC_VOLUMES_NOT_SUPPORTED] Volumes are not supported in catalog 'hive_metastore': it is not in Unity Catalog. "
                       "SQLSTATE: 0A000", "0A000")


def create(world, call, name, if_not_exists, comment):
    world.grants.check(call.who, [("CREATE VOLUME", "Schema", name[:2])])
    if not world.objects.exists("Schema", name[:2]):
        raise no_schema(".".join(name[:2]))
    if not valid_name(name[2]):
        raise SqlError(f"[INVALID_PARAMETER_VALUE] '{name[2]}' is not a valid name of a volume: no spaces, dots, slashes or control characters. "
                       "SQLSTATE: 22023", "22023")
    if world.objects.exists("Volume", name):
        if if_not_exists:
            return [], []
        raise SqlError(f"[VOLUME_ALREADY_EXISTS] Cannot create volume `{'`.`'.join(name)}` because it already exists. SQLSTATE: 42000", "42000")
    world.objects.add_volume(name, call.who.user_name, comment)
    return [], []


def must_exist(world, name):
    if not world.objects.exists("Volume", name):
        raise SqlError(f"[VOLUME_NOT_FOUND] The volume `{'`.`'.join(name)}` cannot be found. Verify the spelling and correctness of the "
                       "schema and catalog. SQLSTATE: 42704", "42704")


def drop(world, call, name, if_exists, _):
    if if_exists and not world.objects.exists("Volume", name):
        return [], []
    world.grants.check(call.who, [("MANAGE", "Volume", name)])
    must_exist(world, name)
    world.objects.drop_volume(name)
    return [], []


def describe(world, call, name, *_):
    world.grants.check(call.who, [("READ VOLUME", "Volume", name)])
    must_exist(world, name)
    about = world.objects.about("Volume", name)
    return columns(["name", "catalog", "database", "owner", "volumeType", "comment"]), [
        [name[2], name[0], name[1], about["owner"], "MANAGED", about.get("comment")]]


def annotate(world, call, name, _, comment):
    world.grants.check(call.who, [("MANAGE", "Volume", name)])
    must_exist(world, name)
    world.objects.describe("Volume", name, comment=comment)
    return [], []


def show(world, call, t):
    name = (call.catalog, call.schema)
    if t and t[0].text.upper() in ("IN", "FROM"):
        name = full_name(name_at(t, 1)[0], call.catalog, call.schema, 2)
    world.grants.check(call.who, [("USE SCHEMA", "Schema", name)])
    if not world.objects.exists("Schema", name):
        raise no_schema(".".join(name))
    return columns(["database", "volume_name"]), [[name[1], v] for v in world.objects.volumes(*name)
                                                  if world.grants.sees(call.who, "Volume", (*name, v))]


def catalog(world, call, verb: str, t: list):
    flag, i = conditions(t, 2)
    name = name_at(t, i)[0][0].lower()
    if not call.who.admin:
        raise SqlError(f"PERMISSION_DENIED: User does not have {verb} CATALOG on Metastore 'local'. (SQLSTATE: HY000)", "HY000")
    if verb == "CREATE":
        if world.objects.exists("Catalog", (name,)):
            if flag:
                return [], []
            raise SqlError(f"[CATALOG_ALREADY_EXISTS] Catalog '{name}' already exists. SQLSTATE: 42710", "42710")
        if not valid_catalog_name(name):
            raise SqlError(f"[INVALID_PARAMETER_VALUE] '{name}' is not a valid catalog name here: lower-case letters, digits, hyphens and "
                           "single inner underscores. SQLSTATE: 22023", "22023")
        world.add_catalog(name, call.who.user_name)
        return [], []
    if not world.objects.exists("Catalog", (name,)):
        if flag:
            return [], []
        raise no_catalog(name)
    left = [s for s in world.objects.schemas(name) if s != "default" or world.objects.tables(name, s) or world.objects.volumes(name, s)]
    if left and t[-1].text.upper() != "CASCADE":
        raise SqlError(f"[CATALOG_NOT_EMPTY] Catalog '{name}' is not empty: it has schema '{left[0]}'. Use CASCADE. SQLSTATE: 2BP01", "2BP01")
    world.drop_catalog(name)
    return [], []


def about_catalog(world, call, verb: str, text: str, t: list):
    """DESCRIBE CATALOG and COMMENT ON CATALOG."""
    at = 3 if verb == "COMMENT" else 2 + (len(t) > 3 and t[2].text.upper() == "EXTENDED")
    if at >= len(t):
        raise parse_error("end of input: the catalog's name is missing", call.text, len(call.text) - 1)
    name = ((literal(text, t[at]) if is_string(t[at]) else t[at].text).lower(),)
    if not world.objects.exists("Catalog", name):
        raise no_catalog(name[0])
    world.grants.check(call.who, [("MANAGE" if verb == "COMMENT" else "USE CATALOG", "Catalog", name)])
    if verb == "COMMENT":
        world.objects.describe("Catalog", name, comment=literal(text, t[-1]) if is_string(t[-1]) else None)
        return [], []
    about = world.objects.about("Catalog", name)
    return columns(["info_name", "info_value"]), [["Catalog Name", name[0]], ["Comment", about.get("comment")], ["Owner", about.get("owner")],
                                                  ["Catalog Type", "Regular"]]
