"""`workspace/sql`: statements against the running workspace, as administrator; a table or JSON."""
import argparse
import json
import sys

from tabulate import tabulate

from .local_client import ClientError, add_options, connect, guarded


def show(client, text: str, o):
    names, rows = client.sql(text, o.catalog, o.schema)
    if o.json:
        for row in rows:
            print(json.dumps(dict(zip(names, row)), ensure_ascii=False))
    elif names:
        wide = [["NULL" if v is None else v if len(v) <= o.width else v[:o.width - 1] + "…" for v in row] for row in rows]
        print(tabulate(wide, names, tablefmt="psql", disable_numparse=True))
        print(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")
    else:
        print("OK")


def interactive(client, o):
    """One statement a line (or until a semicolon), until the end of input."""
    try:
        import readline  # noqa: F401  history and editing keys
    except ImportError:
        pass
    text = ""
    while True:
        try:
            line = input("sql> " if not text else "  -> ") if sys.stdin.isatty() else input()
        except EOFError:
            break
        text = f"{text}\n{line}".strip()
        if text.endswith(";") or (sys.stdin.isatty() and not line.strip() and text):
            run_one(client, text.rstrip("; \n"), o)
            text = ""
    if text:
        run_one(client, text, o)


def run_one(client, text: str, o):
    try:
        if text:
            show(client, text, o)
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        if not sys.stdin.isatty():
            raise


def main() -> int:
    p = argparse.ArgumentParser(prog="workspace/sql", description="Runs SQL as administrator on the running local workspace. Without a "
                                "statement it reads statements from its input, each ended by a semicolon.")
    add_options(p)
    p.add_argument("--warehouse", help="id of the warehouse, with --url (default w1)")
    p.add_argument("--catalog", help="default catalog of names")
    p.add_argument("--schema", help="default schema of names")
    p.add_argument("--json", action="store_true", help="one JSON object a row")
    p.add_argument("--width", type=int, default=60, help="cut cells to this many characters (default 60)")
    p.add_argument("statement", nargs="*")
    o = p.parse_args()
    client = connect(o)
    for text in o.statement:
        show(client, text, o)
    if not o.statement:
        interactive(client, o)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
