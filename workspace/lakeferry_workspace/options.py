"""What the workspace is started with: command line over TOML file over defaults."""
import argparse
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from .typed import ConfigError, build, check

EPILOG = """configuration file (TOML, all optional; the values shown are the defaults, except below principals):
  port = 0                            state = "/path"                     memory = "2g"
  default_catalog = "main"            catalogs = ["main"]                 metastore = true
  cold_start = 2.0                    stop_seconds = 0.5                  token_seconds = 3600
  workers = 2                         warm_up = true                      history_lag_seconds = 0
  link_seconds = 900                  chunk_rows = 10000                  max_file_bytes = 5368709120
  uploads = "multipart"               # of large files by the SDK; or "resumable", or "refused"

  [[warehouses]]
  id = "w1"                           name = "Lakeferry"                  state = "STOPPED"
  auto_stop_minutes = 10              min_clusters = 1                    max_clusters = 1
  cold_start = 2.0                    cluster_size = "2X-Small"           default_level = "CAN_USE"
  acl = { etl = "CAN_MANAGE" }        # by principal or group; "NONE" for no access

  [[principals]]
  name = "etl"                        client_id = "…"                     client_secret = "…"
  access_token = "dapi…"              admin = false                       groups = ["loaders"]
  entitlements = ["databricks-sql-access", "workspace-access"]
  grants = [{ on = "CATALOG main", privileges = ["USE CATALOG", "SELECT"] },
            { on = "SCHEMA main.shop", privileges = ["ALL PRIVILEGES"] }]

The principals "lakeferry" (with the grants that Lakeferry documents) and "admin" exist unless they are configured otherwise.
Grants are given when their catalog is made; what was revoked later stays revoked. Stopped by SIGTERM or Ctrl-C."""
STATES = ("STOPPED", "STARTING", "RUNNING", "STOPPING", "DELETING", "DELETED")
LEVELS = ("CAN_VIEW", "CAN_USE", "CAN_MONITOR", "CAN_MANAGE", "IS_OWNER")
UPLOADS = ("multipart", "resumable", "refused")


@dataclass
class WarehouseOptions:
    id: str = "w1"
    name: str = "Lakeferry"
    state: str = "STOPPED"
    auto_stop_minutes: float = 10
    min_clusters: int = 1
    max_clusters: int = 1
    cold_start: float | None = None
    cluster_size: str = "2X-Small"
    default_level: str | None = "CAN_USE"
    acl: dict = field(default_factory=dict)


@dataclass
class PrincipalOptions:
    name: str = ""
    client_id: str | None = None
    client_secret: str | None = None
    access_token: str | None = None
    admin: bool = False
    entitlements: list[str] = field(default_factory=lambda: ["databricks-sql-access", "workspace-access"])
    groups: list[str] = field(default_factory=list)
    grants: list[dict] | None = None


@dataclass
class Options:
    port: int = 0
    state: Path | None = None
    fresh: bool = False
    default_catalog: str = "main"
    catalogs: list[str] = field(default_factory=lambda: ["main"])
    metastore: bool = True
    cold_start: float = 2.0
    stop_seconds: float = 0.5
    token_seconds: float = 3600
    workers: int = 2
    memory: str = "2g"
    warm_up: bool = True
    max_file_bytes: int = 5 << 30
    history_lag_seconds: float = 0
    link_seconds: float = 900
    chunk_rows: int = 10_000
    uploads: str = "multipart"
    warehouses: list[WarehouseOptions] = field(default_factory=lambda: [WarehouseOptions()])
    principals: list[PrincipalOptions] = field(default_factory=list)


LIVE = ("history_lag_seconds", "metastore", "max_file_bytes", "cold_start", "stop_seconds", "token_seconds", "link_seconds",
        "chunk_rows", "uploads")  # may be changed while the workspace runs


def read_config(path: Path) -> dict:
    try:
        given = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    for key, kind in (("warehouses", WarehouseOptions), ("principals", PrincipalOptions)):
        if key in given:
            if not isinstance(given[key], list):
                raise ConfigError(f"{path}: '{key}' is a list of tables: begin each with [[{key}]]")
            given[key] = [build(kind, item, f"{path}: {key}[{i}]") for i, item in enumerate(given[key])]
    for i, p in enumerate(given.get("principals", [])):
        if not p.name:
            raise ConfigError(f"{path}: principals[{i}]: 'name' is missing")
    if isinstance(given.get("state"), str):
        given["state"] = Path(given["state"]).expanduser()
    check(Options, given, str(path), hidden=("fresh",))
    return given


def make_parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="workspace/run", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                                description="A local workspace: Databricks' REST API on 127.0.0.1, Spark and Delta Lake behind it. "
                                            "Prints one line of JSON when it is ready; stops on SIGTERM or Ctrl-C.")
    p.add_argument("--port", type=int, help="port on 127.0.0.1; 0 takes any free one (default 0)")
    p.add_argument("--state", type=Path, metavar="DIR", help="keep tables, files, grants, history and secrets here; without it they "
                                                             "are thrown away")
    p.add_argument("--fresh", action="store_true", help="empty the state folder first")
    p.add_argument("--config", type=Path, metavar="FILE", help="TOML file with principals, catalogs and warehouses (see below)")
    p.add_argument("--cold-start", type=float, metavar="SECONDS", help="how long a stopped warehouse takes to start (default 2)")
    p.add_argument("--token-seconds", type=float, metavar="N", help="life of an OAuth token (default 3600)")
    p.add_argument("--workers", type=int, metavar="N", help="statements that execute at once (default 2)")
    p.add_argument("--memory", metavar="SIZE", help="heap limit of the Java process (default 2g)")
    p.add_argument("--no-warm-up", dest="warm_up", action="store_false", default=None,
                   help="do not exercise Spark after the start; the first statements are slower then")
    return p


def parse(argv=None) -> Options:
    p = make_parser()
    given = vars(p.parse_args(argv))
    file = given.pop("config")
    try:
        options = Options(**({} if file is None else read_config(file)))
        for key, value in given.items():
            if value is not None:
                setattr(options, key, value)
        validate(options)
    except ConfigError as error:
        p.exit(2, f"workspace/run: {error}\n")
    return options


def validate(o: Options):
    from .objects import valid_catalog_name
    for name in o.catalogs:
        if not valid_catalog_name(name):
            raise ConfigError(f"'{name}' is not a valid catalog name here: lower-case letters, digits, hyphens, single inner underscores")
    if o.default_catalog not in o.catalogs:
        raise ConfigError(f"default_catalog '{o.default_catalog}' is not among catalogs ({', '.join(o.catalogs)})")
    if not 0 <= o.port <= 65535:
        raise ConfigError(f"port {o.port} is not between 0 and 65535")
    if not re.fullmatch(r"[1-9]\d*[mg]", o.memory, re.I):
        raise ConfigError(f"memory '{o.memory}' is not a size: write for instance 1500m or 2g")
    if o.fresh and o.state and o.state.is_dir() and any(o.state.iterdir()) and not (o.state / "objects.json").exists():
        raise ConfigError(f"{o.state} is not a workspace's state folder: --fresh would empty it, so it is refused")
    validate_numbers(o)
    validate_people(o)
    ids = [w.id for w in o.warehouses]
    if not ids or len(set(ids)) != len(ids):
        raise ConfigError("warehouses need ids, each once")
    for w in o.warehouses:
        validate_warehouse(w)


def validate_numbers(o: Options):
    if o.workers < 1 or o.token_seconds < 1 or o.cold_start < 0:
        raise ConfigError("workers and token_seconds must be 1 or more, cold_start 0 or more")
    if o.chunk_rows < 1 or o.max_file_bytes < 1 or min(o.stop_seconds, o.history_lag_seconds, o.link_seconds) < 0:
        raise ConfigError("chunk_rows and max_file_bytes must be 1 or more; stop_seconds, history_lag_seconds and link_seconds 0 or more")
    if o.uploads not in UPLOADS:
        raise ConfigError(f"uploads '{o.uploads}' is not one of {', '.join(UPLOADS)}")


def read_grants(grants: list, who: str) -> list[tuple[str, tuple, list]]:
    """(kind, name, privileges) of each; all are looked at before any is given."""
    from .grants import PRIVILEGES
    read = []
    for grant in grants:
        kind, _, dotted = str(grant.get("on", "")).partition(" ")
        name, kind, wanted = tuple(dotted.strip().lower().split(".")), kind.capitalize(), grant.get("privileges")
        if {"Catalog": 1, "Schema": 2}.get(kind) != len(name) or not all(name) or not isinstance(wanted, list) or not wanted:
            raise ConfigError(f"grants of principal '{who}': write {{ on = \"CATALOG c\" or \"SCHEMA c.s\", privileges = […] }}")
        if wrong := [p for p in wanted if p not in PRIVILEGES[kind]]:
            raise ConfigError(f"grants of principal '{who}': a {kind.lower()} has no privilege '{wrong[0]}'; "
                              f"it has {', '.join(sorted(PRIVILEGES[kind]))}")
        read.append((kind, name, wanted))
    return read


def validate_people(o: Options):
    for key in ("name", "client_id", "access_token"):
        given = [getattr(p, key) for p in o.principals if getattr(p, key)]
        if twice := sorted({v for v in given if given.count(v) > 1}):
            what = "two principals have the same access_token" if key == "access_token" else f"two principals have the {key} '{twice[0]}'"
            raise ConfigError(what)
    admins = [p.admin for p in o.principals if p.name == "admin"] or [True]  # made where it is not configured
    if not any([*admins, *(p.admin for p in o.principals)]):
        raise ConfigError("no principal is an administrator: leave 'admin' out, or give one of them admin = true")
    for p in o.principals:
        for _, name, _ in read_grants(p.grants or [], p.name):
            if name[0] not in o.catalogs:
                raise ConfigError(f"grants of principal '{p.name}': catalog '{name[0]}' is not among catalogs ({', '.join(o.catalogs)})")


def validate_warehouse(w: WarehouseOptions):
    where = f"warehouse '{w.id}'"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", w.id):
        raise ConfigError(f"{where}: an id has letters, digits, hyphens and underscores only")
    if w.state not in STATES:
        raise ConfigError(f"{where}: state '{w.state}' is not one of {', '.join(STATES)}")
    if not 1 <= w.min_clusters <= w.max_clusters:
        raise ConfigError(f"{where}: min_clusters must be 1 or more, and max_clusters no less")
    if w.auto_stop_minutes < 0 or (w.cold_start or 0) < 0:
        raise ConfigError(f"{where}: auto_stop_minutes and cold_start must be 0 or more")
    for level in (*w.acl.values(), w.default_level):
        if level not in (*LEVELS, "NONE", None):
            raise ConfigError(f"{where}: '{level}' is not a permission level; they are NONE, {', '.join(LEVELS)}")
