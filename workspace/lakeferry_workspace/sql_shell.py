"""`workspace/sql`: statements against the running workspace, as administrator; a table or JSON."""
import argparse
import json
import math
import sys

from tabulate import tabulate

from .local_client import ClientError, add_options, connect, guarded
from .pieces import says_something, split

EPILOG = """examples:
  workspace/sql "SHOW TABLES IN main.acme_profiles"
  workspace/sql "USE main.acme_profiles; SELECT count(*) FROM user_traits"
  workspace/sql --catalog main --schema acme_profiles --json "SELECT * FROM user_traits LIMIT 10"
  workspace/sql < statements.sql"""
NUMBERS = {"BYTE": int, "SHORT": int, "INT": int, "LONG": int}


def value(text, column: dict):
    """A cell as JSON has it: numbers, booleans and nested values as such. Decimals stay text, which loses nothing; so do NaN and
    infinities, which JSON has no word for."""
    kind = column["type_name"]
    if text is None:
        return None
    if kind == "BOOLEAN":
        return text == "true"
    if kind in ("FLOAT", "DOUBLE"):
        return float(text) if math.isfinite(float(text)) else text
    if kind in ("ARRAY", "MAP", "STRUCT", "VARIANT"):
        return json.loads(text)
    return NUMBERS.get(kind, str)(text)


def distinct(names: list[str]) -> list[str]:
    """SQL may call two columns the same, an object's keys may not."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return out


def show(client, text: str, o):
    columns, rows = client.query(text)
    names = distinct([c["name"] for c in columns])
    if o.json:
        for row in rows:
            print(json.dumps({n: value(v, c) for n, v, c in zip(names, row, columns)}, ensure_ascii=False))
    elif names:
        wide = [["NULL" if v is None else v if len(v) <= o.width else v[:o.width - 1] + "…" for v in row] for row in rows]
        print(tabulate(wide, names, tablefmt="psql", disable_numparse=True,
                       colalign=["right" if c["type_name"] in (*NUMBERS, "FLOAT", "DOUBLE", "DECIMAL") else "left" for c in columns]))
        print(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")
    else:
        print("OK")


def interactive(client, o):
    """Statements from the input, each ended by a semicolon; on a terminal also by an empty line."""
    terminal = sys.stdin.isatty()
    try:
        import readline  # noqa: F401  history and editing keys
    except ImportError:
        pass
    text = ""
    while True:
        try:
            line = input("sql> " if not text.strip() else "  -> ") if terminal else input()
        except EOFError:
            break
        except KeyboardInterrupt:  # forgets what was begun
            if not terminal:
                raise
            print()
            text = ""
            continue
        ended, text = split(f"{text}\n{line}")
        if terminal and not line.strip() and says_something(text):
            ended, text = [*ended, text.strip()], ""
        for statement in ended:
            run_one(client, statement, o, terminal)
    if says_something(text):
        run_one(client, text.strip(), o, terminal)


def run_one(client, text: str, o, terminal: bool):
    """On a terminal a mistake is told and the next statement is asked for; a script ends with it."""
    try:
        show(client, text, o)
    except ClientError as error:
        if not terminal:
            raise
        print(f"error: {error}", file=sys.stderr)


def main() -> int:
    p = argparse.ArgumentParser(prog="workspace/sql", description="Runs SQL as administrator on the running local workspace. Without a "
                                "statement it reads statements from its input, each ended by a semicolon.", epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(p)
    p.add_argument("--warehouse", metavar="ID", help="SQL warehouse that runs it (default: the first)")
    p.add_argument("--catalog", help="default catalog of names (default: the workspace's)")
    p.add_argument("--schema", help="default schema of names")
    p.add_argument("--json", action="store_true", help="one JSON object a row, with numbers and nested values as JSON has them")
    p.add_argument("--width", type=int, metavar="N", default=60, help="cut cells to this many characters (default 60)")
    p.add_argument("statement", nargs="*")
    o = p.parse_args()
    if o.width < 1:
        raise ClientError(f"--width {o.width}: a cell needs at least one character")
    client = connect(o)
    client.open_session(o.catalog, o.schema)  # USE, SET and temporary views hold for the statements after them
    try:
        for text in o.statement:
            ended, rest = split(text)
            for statement in [*ended, rest] if says_something(rest) or not ended else ended:
                show(client, statement, o)
        if not o.statement:
            interactive(client, o)
    finally:
        client.close_session()
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
