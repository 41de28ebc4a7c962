"""What the workspace is started with: command line over TOML file over defaults."""
import argparse
import tomllib
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

EPILOG = """configuration file (TOML, all optional):
  default_catalog = "main"            catalogs = ["main", "sandbox"]      metastore = true
  cold_start = 2.0                    token_seconds = 3600                workers = 2
  max_file_bytes = 5368709120         history_lag_seconds = 0
  [[warehouses]]  id = "w1"  name = "Lakeferry"  state = "STOPPED"  auto_stop_minutes = 10  max_clusters = 1  cold_start = 2.0
  [[principals]]  name = "etl"  client_id = "…"  client_secret = "…"  access_token = "dapi…"  admin = false
                  entitlements = ["databricks-sql-access"]  groups = ["loaders"]
                  grants = [{ on = "CATALOG main", privileges = ["USE CATALOG", "SELECT"] }]
The principals "lakeferry" (with the grants that Lakeferry documents) and "admin" exist unless they are configured otherwise."""


class ConfigError(ValueError):
    pass


@dataclass
class WarehouseOptions:
    id: str = "w1"
    name: str = "Lakeferry"
    state: str = "STOPPED"
    auto_stop_minutes: float = 10
    max_clusters: int = 1
    cold_start: float | None = None
    cluster_size: str = "2X-Small"


@dataclass
class PrincipalOptions:
    name: str = ""
    client_id: str | None = None
    client_secret: str | None = None
    access_token: str | None = None
    admin: bool = False
    entitlements: list = field(default_factory=lambda: ["databricks-sql-access", "workspace-access"])
    groups: list = field(default_factory=list)
    grants: list | None = None


@dataclass
class Options:
    port: int = 0
    state: Path | None = None
    fresh: bool = False
    default_catalog: str = "main"
    catalogs: list = field(default_factory=lambda: ["main"])
    metastore: bool = True
    cold_start: float = 2.0
    stop_seconds: float = 0.5
    token_seconds: int = 3600
    workers: int = 2
    memory: str = "2g"
    warm_up: bool = True
    max_file_bytes: int = 5 << 30
    history_lag_seconds: float = 0
    warehouses: list = field(default_factory=lambda: [WarehouseOptions()])
    principals: list = field(default_factory=list)


def build(kind, given: dict, where: str):
    known = {f.name: f for f in fields(kind)}
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, 1)
            raise ConfigError(f"{where}: unknown key '{key}'" + (f", did you mean '{near[0]}'?" if near else ""))
    made = kind(**given)
    for name, f in known.items():
        value, wanted = getattr(made, name), type(getattr(kind(), name))
        if name in given and wanted is not type(None) and not isinstance(value, wanted) and not (wanted is float and isinstance(value, int)):
            raise ConfigError(f"{where}: '{name}' must be {wanted.__name__}, not {type(value).__name__}")
    return made


def read_config(path: Path) -> dict:
    try:
        given = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    for key, kind in (("warehouses", WarehouseOptions), ("principals", PrincipalOptions)):
        if key in given:
            given[key] = [build(kind, item, f"{path}: {key}[{i}]") for i, item in enumerate(given[key])]
    for i, p in enumerate(given.get("principals", [])):
        if not p.name:
            raise ConfigError(f"{path}: principals[{i}]: 'name' is missing")
    build(Options, given, str(path))
    return given


def parse(argv=None) -> Options:
    p = argparse.ArgumentParser(prog="workspace/run", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                                description="A local workspace: Databricks' REST API on 127.0.0.1, Spark and Delta Lake behind it. "
                                            "Prints one line of JSON when it is ready; stops on SIGTERM or Ctrl-C.")
    p.add_argument("--port", type=int, help="port on 127.0.0.1; 0 takes any free one (default 0)")
    p.add_argument("--state", type=Path, metavar="DIR", help="keep tables, files, grants and secrets here; without it they are thrown away")
    p.add_argument("--fresh", action="store_true", help="empty the state folder first")
    p.add_argument("--config", type=Path, metavar="FILE", help="TOML file with principals, catalogs and warehouses (see below)")
    p.add_argument("--cold-start", type=float, metavar="SECONDS", help="how long a stopped warehouse takes to start (default 2)")
    p.add_argument("--token-seconds", type=int, metavar="N", help="life of an OAuth token (default 3600)")
    p.add_argument("--workers", type=int, metavar="N", help="statements that execute at once (default 2)")
    p.add_argument("--memory", metavar="SIZE", help="heap limit of the Java process (default 2g)")
    p.add_argument("--no-warm-up", dest="warm_up", action="store_false", default=None,
                   help="do not exercise Spark after the start; the first statements are slower then")
    given = vars(p.parse_args(argv))
    file = given.pop("config")
    try:
        options = Options(**({} if file is None else read_config(file)))
        for key, value in given.items():
            if value is not None:
                setattr(options, key, value)
        check(options)
    except ConfigError as error:
        p.exit(2, f"workspace/run: {error}\n")
    return options


def check(o: Options):
    from .objects import valid_catalog_name
    for name in o.catalogs:
        if not isinstance(name, str) or not valid_catalog_name(name):
            raise ConfigError(f"'{name}' is not a valid catalog name here: lower-case letters, digits, hyphens, single inner underscores")
    if o.default_catalog not in o.catalogs:
        raise ConfigError(f"default_catalog '{o.default_catalog}' is not among catalogs")
    if o.workers < 1 or o.token_seconds < 1 or o.cold_start < 0:
        raise ConfigError("workers and token_seconds must be 1 or more, cold_start 0 or more")
    if o.fresh and o.state and o.state.exists() and any(o.state.iterdir()) and not (o.state / "objects.json").exists():
        raise ConfigError(f"{o.state} is not a workspace's state folder: --fresh would empty it, so it is refused")
    ids = [w.id for w in o.warehouses]
    if not ids or len(set(ids)) != len(ids):
        raise ConfigError("warehouses need ids, each once")
