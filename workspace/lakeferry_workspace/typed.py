"""Values from outside (TOML, JSON) into dataclasses: unknown keys and wrong types are told by name."""

import math
import types
import typing
from dataclasses import fields
from difflib import get_close_matches


class ConfigError(ValueError):
    """What was given makes no sense; the message says where, what and what to write instead."""


WORDS = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table of keys",
}


def build(kind, given, where: str):
    """An instance of the dataclass `kind` from a mapping; its annotations are the rules."""
    check(kind, given, where)
    return kind(**given)


def check(kind, given, where: str, hidden=()):
    """`hidden`: fields that are no business of the outside."""
    if not isinstance(given, dict):
        raise ConfigError(f"{where} must be a table of keys, not {shown(given)}")
    known = [f.name for f in fields(kind) if f.name not in hidden]
    hints = typing.get_type_hints(kind)
    for key, value in given.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            raise ConfigError(
                f"{where}: unknown key '{key}'"
                + (f", did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}")
            )
        if not fits(value, hints[key]):
            wanted = " or ".join(word(option) for option in options(hints[key]) if option is not type(None))
            raise ConfigError(f"{where}: '{key}' must be {wanted}, not {shown(value)}")


def word(kind) -> str:
    if typing.get_origin(kind) is list:
        return {str: "a list of strings", dict: "a list of tables"}.get(typing.get_args(kind)[0], "a list")
    return WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def options(hint) -> tuple:
    """The members of a union, or the one type itself."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def parts(hint) -> tuple:
    return tuple(typing.get_origin(option) or option for option in options(hint))


def fits(value, hint) -> bool:
    if isinstance(value, bool):
        return bool in parts(hint)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, int) and float in parts(hint):
        return True
    if not isinstance(value, parts(hint)):
        return False
    items = [typing.get_args(option)[0] for option in options(hint) if typing.get_origin(option) is list]
    return not isinstance(value, list) or not items or all(fits(item, items[0]) for item in value)


def shown(value) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:56] + " …"
