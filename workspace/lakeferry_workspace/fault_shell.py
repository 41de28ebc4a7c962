"""`workspace/fault`: adds, lists and removes faults of the running workspace."""
import argparse
import dataclasses
import json
import sys

from tabulate import tabulate

from . import calls
from .faults import Fault
from .local_client import ClientError, add_options, connect, guarded

ROOT = "/__workspace/faults"
EPILOG = """examples:
  workspace/fault add status call=submit status=503 retry_after=1 times=3
  workspace/fault add drop call=submit sql='^MERGE' after=true      the answer is lost, the MERGE is not
  workspace/fault add fail sql='COPY INTO' sql_state=2D521 message='[DELTA_CONCURRENT_APPEND] …'
  workspace/fault add slow call=poll seconds=2 times=-1
  workspace/fault add fail_start warehouse=w1 message='No machines left.'
  workspace/fault list
  workspace/fault remove 3
  workspace/fault clear

kinds of faults:
  calls       status (answers with status, code, message, retry_after; or body and content_type), drop (cuts the connection; with
              after=true bytes=N after N bytes of the answer), slow (seconds), drip (the answer bytes at a time, over seconds),
              revoke (tokens of principal, or all), expire_link (the link that is used has expired)
  statements  fail (message, sql_state; before its effect, or after=true), closed, gone (404 while polling), hang (seconds)
  starts      fail_start (message, code, type), slow_start (seconds more)
which ones they strike: call (kind of call, see below), method, path, sql (regular expressions), principal, warehouse; the next `times`
  that match (1; -1: until it is removed), after the first `skip`; after=true: the effect takes place first
kinds of calls: """


def value(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return text


TEXTS = {f.name for f in dataclasses.fields(Fault) if f.type in ("str", "str | None", str, str | None)}


def read(words: list[str]) -> dict:
    if not words or any("=" not in w for w in words[1:]):
        raise ClientError("add needs a kind and then key=value, see --help")
    pairs = (w.split("=", 1) for w in words[1:])
    return {"kind": words[0]} | {k: v if k in TEXTS else value(v) for k, v in pairs}


def main() -> int:
    p = argparse.ArgumentParser(prog="workspace/fault", description="Faults on demand in the running local workspace.",
                                epilog=EPILOG + ", ".join(calls.KINDS), formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(p)
    p.add_argument("--json", action="store_true", help="list as JSON, one fault a line")
    p.add_argument("action", choices=["add", "list", "remove", "clear"])
    p.add_argument("words", nargs="*", metavar="KIND KEY=VALUE")
    o = p.parse_args()
    client = connect(o)
    if o.action == "add":
        print(json.dumps(client.call("POST", ROOT, read(o.words))))
    elif o.action == "remove":
        if not o.words or not all(w.isdecimal() for w in o.words):
            raise ClientError("remove needs the ids of faults, see list")
        print(json.dumps({"removed": sum(client.call("DELETE", f"{ROOT}/{w}")["removed"] for w in o.words)}))
    elif o.action == "clear":
        print(json.dumps(client.call("DELETE", ROOT)))
    else:
        show(client.call("GET", ROOT)["faults"], o.json)
    return 0


def show(found: list[dict], as_json: bool):
    keys = ("id", "kind", "call", "method", "path", "sql", "principal", "times", "skip", "hits", "seen")
    if as_json:
        for f in found:
            print(json.dumps(f))
    elif found:
        print(tabulate([[f[k] for k in keys] for f in found], keys, tablefmt="psql"))
    else:
        print("no faults")


if __name__ == "__main__":
    sys.exit(guarded(main))
