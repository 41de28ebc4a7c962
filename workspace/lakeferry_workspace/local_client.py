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


class ClientError(Exception):
    pass


class Client:
    def __init__(self, about: dict):
        self.url, self.warehouse, self.catalog = about["url"], about["warehouse_id"], about["catalog"]
        self.admin, self.token = about["admin"], None

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
        except OSError as error:
            raise ClientError(f"no workspace answers on {self.url} ({getattr(error, 'reason', error)}); start one with workspace/run") from None

    def sql(self, text: str, catalog=None, schema=None) -> tuple[list[str], list[list]]:
        """Columns and all rows; statements that fail raise."""
        body = {"warehouse_id": self.warehouse, "statement": text, "wait_timeout": "50s", "catalog": catalog, "schema": schema}
        path = "/api/2.0/sql/statements"
        reply = self.call("POST", path, {k: v for k, v in body.items() if v})
        while reply["status"]["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.2)
            reply = self.call("GET", f"{path}/{reply['statement_id']}")
        if reply["status"]["state"] != "SUCCEEDED":
            raise ClientError(reply["status"].get("error", {}).get("message", reply["status"]["state"]).strip())
        part, rows = reply.get("result") or {}, []
        while True:
            rows += part.get("data_array") or []
            if not part.get("next_chunk_internal_link"):
                break
            part = self.call("GET", part["next_chunk_internal_link"])
        return [c["name"] for c in reply["manifest"]["schema"].get("columns", [])], rows


def add_options(parser):
    parser.add_argument("--state", type=Path, metavar="DIR", help="the running workspace's state folder (reads DIR/workspace.json)")
    parser.add_argument("--url", help="its address, if there is no state folder; needs --token")
    parser.add_argument("--token", help="an access token of an administrator, with --url")


def connect(o) -> Client:
    if o.url:
        client = Client({"url": o.url.rstrip("/"), "warehouse_id": getattr(o, "warehouse", None) or "w1", "catalog": "main", "admin": {}})
        if not o.token:
            raise ClientError("--url needs --token; or name the state folder with --state")
        client.token = o.token
        return client
    if not o.state:
        raise ClientError("name the workspace: --state DIR (as given to workspace/run), or --url with --token")
    try:
        return Client(json.loads((o.state / "workspace.json").read_text()))
    except OSError:
        raise ClientError(f"no workspace runs on {o.state} (there is no {o.state / 'workspace.json'})") from None


def guarded(main) -> int:
    try:
        return main() or 0
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
