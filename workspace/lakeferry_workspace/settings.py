"""SET and RESET: the parameters that Databricks' SQL has. They hold for a session; outside of one, for nothing but their own answer."""
import re
from dataclasses import dataclass

from .dialect import head
from .errors import SqlError, parse_error
from .results import columns

BOOLEAN, SECONDS, ANYTHING = re.compile("true|false", re.I), re.compile(r"\d{1,6}"), re.compile(r"[^\n]*")


@dataclass(frozen=True)
class Setting:
    default: str
    spark: str | None = None  # what does the same in Spark; None: accepted, and nothing depends on it here
    form: re.Pattern = ANYTHING
    wanted: str = ""


KNOWN = {
    "ansi_mode": Setting("true", "spark.sql.ansi.enabled", BOOLEAN, "true or false"),
    "enable_photon": Setting("true", None, BOOLEAN, "true or false"),
    "legacy_time_parser_policy": Setting("EXCEPTION", "spark.sql.legacy.timeParserPolicy", re.compile("exception|corrected|legacy", re.I),
                                         "EXCEPTION, CORRECTED or LEGACY"),
    "max_file_partition_bytes": Setting("128m", "spark.sql.files.maxPartitionBytes", re.compile(r"[1-9]\d*[bkmgt]?b?", re.I), "a size, such as 128m"),
    "query_tags": Setting(""),
    "read_only_external_metastore": Setting("false", None, BOOLEAN, "true or false"),
    "statement_timeout": Setting("172800", None, SECONDS, "a number of seconds, 0 for none"),
    "timezone": Setting("UTC", "spark.sql.session.timeZone"),
    "use_cached_result": Setting("true", None, BOOLEAN, "true or false"),
}
SET = re.compile(r"SET\s+([A-Za-z_][\w.\-]*)\s*(?:(=)\s*(.*))?", re.S | re.I)
TIME_ZONE = re.compile(r"SET\s+TIME\s+ZONE\s+(.+)", re.S | re.I)
OTHERS = {"CATALOG", "RECIPIENT", "TAG", "VARIABLE", "VAR"}


def handles(words: list[str], text: str) -> bool:
    return words[:1] in (["SET"], ["RESET"]) and not (words[1:] and words[1] in OTHERS) and not re.match(r"\s*\(", text[head(text, 1)[1] + 3:])


def run(world, call):
    text = call.text[head(call.text, 1)[1]:].rstrip().rstrip(";").rstrip()
    held = call.session.settings if call.session else {}
    if text[:5].upper() == "RESET":
        return reset(text, held)
    if text.upper() == "SET":
        return shown({n: held.get(n, s.default) for n, s in KNOWN.items()})
    if m := TIME_ZONE.fullmatch(text):
        name, value = "timezone", zone(m[1])
    else:
        m = SET.fullmatch(text)
        if not m:
            raise parse_error(f"'{text.split()[1]}'", call.text, call.text.index(text.split()[1]))
        name, value = m[1].lower(), unquoted(m[3]) if m[2] else None
    if name not in KNOWN:
        raise not_available(m[1])
    if value is None:
        return shown({name: held.get(name, KNOWN[name].default)})
    held[name] = checked(world, name, value)
    return shown({name: value})


def shown(found: dict):
    return columns(["key", "value"]), [[k, v] for k, v in sorted(found.items())]


def reset(text: str, held: dict):
    name = text[5:].strip().lower()
    if name and name not in KNOWN:
        raise not_available(text[5:].strip())
    for known in [name] if name else list(held):
        held.pop(known, None)
    return [], []


def zone(text: str) -> str:
    """LOCAL is that of the warehouse; an INTERVAL is read as hours and minutes."""
    if text.strip().upper() == "LOCAL":
        return KNOWN["timezone"].default
    m = re.fullmatch(r"INTERVAL\s+'?([+-]?)(\d{1,2})(?::(\d{2}))?'?\s+HOURS?(?:\s+TO\s+MINUTE)?", text.strip(), re.I)
    return f"{m[1] or '+'}{int(m[2]):02}:{m[3] or '00'}" if m else unquoted(text)


def unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def checked(world, name: str, value: str) -> str:
    setting = KNOWN[name]
    if not setting.form.fullmatch(value):
        raise wrong(name, value, f"It must be {setting.wanted or 'one line of text'}.")
    if name == "timezone" and not world.engine.knows_time_zone(value):
        raise SqlError(f"[INVALID_CONF_VALUE.TIME_ZONE] The value '{value}' in the config \"timezone\" is invalid. Cannot resolve the given "
                       "timezone. SQLSTATE: 22022", "22022")
    return value


def wrong(name: str, value: str, why: str) -> SqlError:
    return SqlError(f"[INVALID_CONF_VALUE] The value '{value}' in the config \"{name}\" is invalid. {why} SQLSTATE: 22022", "22022")


def not_available(name: str) -> SqlError:
    return SqlError(f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available. SQLSTATE: 42K0I", "42K0I")


def given(world, confs) -> dict[str, str]:
    """The settings that a session is opened with."""
    found = {}
    for key, value in (confs or {}).items():
        name, value = key.lower(), str(value).lower() if isinstance(value, bool) else str(value)
        if name not in KNOWN:
            raise not_available(key)
        found[name] = checked(world, name, value)
    return found


def in_spark(held: dict[str, str], all_of_them: bool) -> dict[str, str]:
    """By Spark's names; `all_of_them` also says the defaults, for a session of Spark's that lives on."""
    return {s.spark: held.get(n, s.default) for n, s in KNOWN.items() if s.spark and (all_of_them or n in held)}
