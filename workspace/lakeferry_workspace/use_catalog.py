"""USE CATALOG and SET CATALOG, which Spark does not parse. They hold for a session; without one they only check."""

from .dialect import is_string, literal, name_at, tokenize
from .errors import no_catalog, parse_error


def handles(words: list[str], _) -> bool:
    return words[:2] in (["USE", "CATALOG"], ["SET", "CATALOG"])


def run(world, call):
    text = call.text.rstrip().rstrip(";")
    t = tokenize(text)
    if len(t) < 3:
        raise parse_error("end of input: the catalog's name is missing", text, len(text) - 1)
    parts, end = ([literal(text, t[2])], 3) if is_string(t[2]) else name_at(t, 2)
    if len(parts) > 1 or end < len(t):
        raise parse_error(f"'{t[min(end, len(t) - 1)].text}'", text, t[min(end, len(t) - 1)].start)
    name = (parts[0].lower(),)
    world.grants.check(call.who, [("USE CATALOG", "Catalog", name)])
    if not world.objects.exists("Catalog", name):
        raise no_catalog(name[0])
    return [], []
