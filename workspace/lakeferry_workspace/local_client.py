"""How the command lines reach the running workspace: its address and the administrator's credentials from workspace.json.

Standard library only, so that a command answers in tenths of a second."""
import base64
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import running


class ClientError(Exception):
    pass


class Client:
    def __init__(self, about: dict):
        self.url, self.warehouse, self.catalog = about["url"], about["warehouse_id"], about["catalog"]
        self.admin, self.token, self.session = about["admin"], None, None

    def call(self, method: str, path: str, body=None, form: dict | None = None):
        data = urllib.parse.urlencode(form).encode() if form else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, method=method)
        if form:
            pair = f"{self.admin['client_id']}:{self.admin['client_secret']}".encode()
            request.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
        elif path.startswith("/api/"):
            self.token = self.token or self.call("POST", "/oidc/v1/token", form={"grant_type": "client_credentials"})["access_token"]
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                text = json.loads(text).get("message", text)
            except ValueError:
                pass
            raise ClientError(f"{error.code}: {text}") from None
        except ValueError:
            raise ClientError(f"{self.url} does not answer like a workspace") from None
        except OSError as error:
            raise ClientError(f"no workspace answers on {self.url} ({getattr(error, 'reason', error)}); start one with workspace/run") from None

    def open_session(self, catalog=None, schema=None):
        body = {"warehouse_id": self.warehouse, "catalog": catalog or self.catalog, "schema": schema}
        self.session = self.call("POST", "/api/2.0/sql/sessions", {k: v for k, v in body.items() if v})["session_id"]

    def close_session(self):
        try:
            self.call("DELETE", f"/api/2.0/sql/sessions/{self.session}")
        except ClientError:
            pass  # the workspace may be gone, which was told before
        self.session = None

    def sql(self, text: str, catalog=None, schema=None) -> tuple[list[str], list[list]]:
        """Names of the columns and all rows, as texts; statements that fail raise."""
        columns, rows = self.query(text, catalog, schema)
        return [c["name"] for c in columns], rows

    def query(self, text: str, catalog=None, schema=None) -> tuple[list[dict], list[list]]:
        """Columns (name, type_name, …) and all rows, however many; statements that fail raise."""
        body = {"warehouse_id": self.warehouse, "statement": text, "wait_timeout": "0s", "disposition": "EXTERNAL_LINKS"}
        body |= {"session_id": self.session} if self.session else {"catalog": catalog or self.catalog, "schema": schema}
        path, pause = "/api/2.0/sql/statements", 0.01
        reply = self.call("POST", path, {k: v for k, v in body.items() if v is not None})
        try:  # from here on its id is known, so that Ctrl-C can cancel it
            while reply["status"]["state"] in ("PENDING", "RUNNING"):
                time.sleep(pause)
                pause = min(pause * 1.5, 0.2)
                reply = self.call("GET", f"{path}/{reply['statement_id']}")
        except KeyboardInterrupt:
            self.call("POST", f"{path}/{reply['statement_id']}/cancel", {})
            raise ClientError("cancelled") from None
        if reply["status"]["state"] != "SUCCEEDED":
            raise ClientError(reply["status"].get("error", {}).get("message", reply["status"]["state"]).strip())
        part, rows = reply.get("result") or {}, []
        while part:
            link = part["external_links"][0]
            with urllib.request.urlopen(link["external_link"], timeout=120) as data:
                rows += json.load(data)
            part = self.call("GET", link["next_chunk_internal_link"]) if link.get("next_chunk_internal_link") else None
        return reply["manifest"]["schema"].get("columns", []), rows


def add_options(parser):
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder of the running workspace; not needed where only one runs")
    parser.add_argument("--url", help="its address, if its state folder cannot be read from here; needs --token")
    parser.add_argument("--token", help="an access token of an administrator, with --url")


def connect(o) -> Client:
    if o.url:
        if not o.token:
            raise ClientError("--url needs --token; or name the state folder with --state")
        client = Client({"url": o.url.rstrip("/"), "warehouse_id": getattr(o, "warehouse", None) or "w1", "catalog": None, "admin": {}})
        client.token = o.token
        return client
    state = o.state or only_one()
    try:
        about = json.loads((state / "workspace.json").read_text())
    except OSError as error:
        why = f"there is no {state / 'workspace.json'}" if isinstance(error, FileNotFoundError) else str(error)
        raise ClientError(f"no workspace runs on {state} ({why}); start one with workspace/run --state {state}") from None
    return Client(about | ({"warehouse_id": o.warehouse} if getattr(o, "warehouse", None) else {}))


def only_one() -> Path:
    found = running.states()
    if not found:
        raise ClientError("no workspace runs on this machine; start one with workspace/run")
    if len(found) > 1:
        raise ClientError("several workspaces run; name one with --state:" + "".join(f"\n  --state {f}" for f in found))
    return found[0]


def guarded(main) -> int:
    try:
        return main() or 0
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
