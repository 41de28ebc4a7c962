"""`workspace/fault`: adds, lists and removes faults of the running workspace."""
import argparse
import json
import sys

from tabulate import tabulate

from .local_client import ClientError, add_options, connect, guarded

EPILOG = """examples:
  workspace/fault --state DIR add status path='/statements$' status=503 retry_after=1 times=3
  workspace/fault --state DIR add drop method=POST path='/statements$' sql='^MERGE' after=true
  workspace/fault --state DIR add fail sql='COPY INTO' sql_state=2D521 message='[DELTA_CONCURRENT_APPEND] …'
  workspace/fault --state DIR list
  workspace/fault --state DIR clear
kinds: calls    status (answer with status, code, message or body), drop (cut the connection), slow, drip, revoke (tokens)
       statements  fail (message, sql_state), closed, gone (404 while polling), hang (seconds)
keys:  method, path, sql: regular expressions; principal; times (-1: always); skip; after=true: the effect takes place first"""


def value(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return text


def main() -> int:
    p = argparse.ArgumentParser(prog="workspace/fault", description="Faults on demand in the running local workspace.", epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(p)
    p.add_argument("action", choices=["add", "list", "clear"])
    p.add_argument("words", nargs="*", metavar="KIND KEY=VALUE")
    o = p.parse_args()
    client = connect(o)
    if o.action == "add":
        if not o.words or any("=" not in w for w in o.words[1:]):
            raise ClientError("add needs a kind and then key=value, see --help")
        text = {"path", "sql", "method", "message", "body", "sql_state", "code", "principal", "content_type"}
        pairs = (w.split("=", 1) for w in o.words[1:])
        print(json.dumps(client.call("POST", "/__workspace/faults", {"kind": o.words[0]} | {k: v if k in text else value(v) for k, v in pairs})))
    elif o.action == "clear":
        print(json.dumps(client.call("DELETE", "/__workspace/faults")))
    else:
        found = client.call("GET", "/__workspace/faults")["faults"]
        keys = ("id", "kind", "method", "path", "sql", "times", "hits", "seen")
        print(tabulate([[f[k] for k in keys] for f in found], keys, tablefmt="psql"))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
