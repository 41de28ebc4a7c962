"""A plain HTTP client for the tests: shapes are looked at raw, without a library that would smooth them."""
import time

import requests

SQL = "/api/2.0/sql"
UC = "/api/2.1/unity-catalog"
END = ("SUCCEEDED", "FAILED", "CANCELED", "CLOSED")


def until(condition):
    """What it answers once that is true of something; other work may share the machine, so it is given time."""
    for _ in range(3000):
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about")


class Failed(AssertionError):
    """A statement that was expected to succeed."""

    def __init__(self, text, reply):
        self.reply, self.status = reply, reply["status"]
        super().__init__(f"{text[:300]}\n{reply['status']}")


class Result:
    def __init__(self, reply: dict, rows: list):
        self.reply, self.rows = reply, rows
        self.columns = [c["name"] for c in reply.get("manifest", {}).get("schema", {}).get("columns", [])]

    @property
    def dicts(self):
        return [dict(zip(self.columns, row)) for row in self.rows]

    @property
    def counts(self) -> tuple:
        """The numbers that DML answers with."""
        return tuple(int(v) for v in self.rows[0])


class Caller:
    """One principal of one workspace."""

    def __init__(self, url: str, client_id: str, secret: str, warehouse: str = "w1", catalog: str | None = None):
        self.url, self.client_id, self.secret, self.warehouse, self.catalog = url, client_id, secret, warehouse, catalog
        self.http, self._token = requests.Session(), None

    def with_catalog(self, catalog: str) -> "Caller":
        return Caller(self.url, self.client_id, self.secret, self.warehouse, catalog)

    def fresh_token(self) -> str:
        reply = self.http.post(self.url + "/oidc/v1/token", auth=(self.client_id, self.secret),
                               data={"grant_type": "client_credentials", "scope": "all-apis"})
        assert reply.status_code == 200, reply.text
        return reply.json()["access_token"]

    @property
    def token(self) -> str:
        if self._token is None:
            self._token = self.fresh_token()
        return self._token

    def forget_token(self):
        self._token = None

    def call(self, method: str, path: str, **options) -> requests.Response:
        """A token that died since, because a test moved the clock, is renewed; `renew=False` shows the refusal."""
        renew, given = options.pop("renew", True), options.pop("headers", {})
        reply = self.http.request(method, self.url + path, headers={"Authorization": f"Bearer {self.token}"} | given, timeout=120, **options)
        if reply.status_code == 403 and renew and "Authorization" not in given and "Invalid access token" in reply.text:
            self.forget_token()
            return self.call(method, path, headers=given, renew=False, **options)
        return reply

    def get(self, path: str, status: int = 200, **options) -> dict:
        reply = self.call("GET", path, **options)
        assert reply.status_code == status, f"{reply.status_code} {reply.text}"
        return reply.json()

    def post(self, path: str, body: dict | None = None, status: int = 200) -> dict:
        reply = self.call("POST", path, json=body if body is not None else {})
        assert reply.status_code == status, f"{reply.status_code} {reply.text}"
        return reply.json()

    # -- statements --------------------------------------------------------------------------------------------------
    def submit(self, text: str, status: int = 200, **body) -> dict:
        default = {"warehouse_id": self.warehouse, "statement": text, "wait_timeout": "0s"}
        if self.catalog:
            default["catalog"] = self.catalog
        return self.post(SQL + "/statements", default | body, status)

    def wait(self, statement_id: str) -> dict:
        for _ in range(9000):  # 3 minutes: other work may share the machine
            reply = self.get(f"{SQL}/statements/{statement_id}")
            if reply["status"]["state"] in END:
                return reply
            time.sleep(0.02)
        raise AssertionError(f"statement {statement_id} did not end")

    def run(self, text: str, parameters: list | None = None, **body) -> dict:
        """Whatever its end: the last reply. Waits in the call, because polling takes its share of the machine."""
        if parameters is not None:
            body["parameters"] = parameters
        reply = self.submit(text, **{"wait_timeout": "50s"} | body)
        return reply if reply["status"]["state"] in END else self.wait(reply["statement_id"])

    def sql(self, text: str, parameters: list | None = None, **body) -> Result:
        reply = self.run(text, parameters, **body)
        if reply["status"]["state"] != "SUCCEEDED":
            raise Failed(text, reply)
        part, rows = reply.get("result") or {}, []
        while True:
            rows += part.get("data_array") or []
            if "next_chunk_internal_link" not in part:
                return Result(reply, rows)
            part = self.get(part["next_chunk_internal_link"])

    def fails(self, text: str, parameters: list | None = None, **body) -> dict:
        """The status of a statement that must fail: sql_state (or None) and message."""
        reply = self.run(text, parameters, **body)
        assert reply["status"]["state"] == "FAILED", reply
        status = reply["status"]
        return {"sql_state": status.get("sql_state"), "message": status["error"]["message"], "code": status["error"]["error_code"]}

    # -- files -------------------------------------------------------------------------------------------------------
    def put(self, path: str, data: bytes, overwrite: str | None = "true") -> requests.Response:
        query = {} if overwrite is None else {"overwrite": overwrite}
        return self.call("PUT", "/api/2.0/fs/files" + path, data=data, params=query, headers={"Content-Type": "application/octet-stream"})


def text(name: str, value, kind: str = "STRING") -> dict:
    return {"name": name, "value": None if value is None else str(value), "type": kind}
