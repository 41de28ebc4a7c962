"""Discovery, tokens, refusals, and who one is."""
import base64

import pytest
import requests


def test_discovery_says_where_tokens_are(workspace):
    found = requests.get(workspace.url + "/oidc/.well-known/oauth-authorization-server").json()
    assert found["token_endpoint"] == workspace.url + "/oidc/v1/token"
    assert {"client_credentials"} <= set(found["grant_types_supported"])
    assert {"client_secret_basic", "client_secret_post"} <= set(found["token_endpoint_auth_methods_supported"])
    config = requests.get(workspace.url + "/.well-known/databricks-config").json()
    assert config["oidc_endpoint"] == workspace.url + "/oidc" and config["host_type"] == "WORKSPACE_HOST"


def ask(workspace, data, **options):
    return requests.post(workspace.url + "/oidc/v1/token", data=data, **options)


GRANT = {"grant_type": "client_credentials", "scope": "all-apis"}


def test_token_by_header_and_by_form(workspace):
    pair = (workspace.lakeferry.client_id, workspace.lakeferry.secret)
    by_header = ask(workspace, GRANT, auth=pair).json()
    assert by_header["token_type"] == "Bearer" and by_header["expires_in"] == 3600 and by_header["scope"] == "all-apis"
    assert "refresh_token" not in by_header
    by_form = ask(workspace, GRANT | {"client_id": pair[0], "client_secret": pair[1]})
    assert by_form.status_code == 200 and by_form.json()["access_token"] != by_header["access_token"]


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_secret(workspace, secret):
    reply = ask(workspace, GRANT, auth=(workspace.lakeferry.client_id, secret))
    assert reply.status_code == 401
    assert reply.json() == {"error": "invalid_client", "error_description": "Client authentication failed"}


def test_an_unknown_client(workspace):
    assert ask(workspace, GRANT, auth=("nobody", "x")).json()["error"] == "invalid_client"


@pytest.mark.parametrize(("change", "error"), [({"grant_type": "password"}, "unsupported_grant_type"), ({"scope": "everything"}, "invalid_scope")])
def test_requests_that_oauth_refuses(workspace, change, error):
    reply = ask(workspace, GRANT | change, auth=(workspace.lakeferry.client_id, workspace.lakeferry.secret))
    assert reply.status_code == 400 and reply.json()["error"] == error


def test_a_basic_header_that_is_not_base64(workspace):
    reply = ask(workspace, GRANT, headers={"Authorization": "Basic §§§".encode()})
    assert reply.status_code == 400 and reply.json()["error"] == "invalid_request"


def test_no_credential(workspace):
    reply = requests.get(workspace.url + "/api/2.0/preview/scim/v2/Me")
    assert reply.status_code == 401 and reply.headers["www-authenticate"] == 'Bearer realm="DatabricksRealm"'
    assert reply.json() == {"error_code": 401, "message": "Credential was not sent or was of an unsupported type for this API."}
    basic = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
    assert requests.get(workspace.url + "/api/2.0/sql/warehouses", headers=basic).status_code == 401


def test_a_token_that_is_not_ours(workspace):
    reply = requests.get(workspace.url + "/api/2.0/sql/warehouses", headers={"Authorization": "Bearer eyJfoo"})
    assert reply.status_code == 403 and reply.headers["x-databricks-reason-phrase"] == "Invalid access token."
    assert reply.json() == {"error_code": 403, "message": "Invalid access token."}


def test_a_token_expires_on_the_workspaces_clock(workspace):
    other, token = workspace.other, workspace.other.fresh_token()
    header = {"Authorization": f"Bearer {token}"}
    assert other.call("GET", "/api/2.0/preview/scim/v2/Me", headers=header).status_code == 200
    workspace.advance(3601)
    assert other.call("GET", "/api/2.0/preview/scim/v2/Me", headers=header).status_code == 403


def test_revocation_ends_the_tokens_of_one_principal(workspace):
    other, token = workspace.other, workspace.other.fresh_token()
    assert workspace.admin.post("/__workspace/tokens/revoke", {"principal": "other"})["revoked"] >= 1
    assert other.call("GET", "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert workspace.lakeferry.call("GET", "/api/2.0/preview/scim/v2/Me").status_code == 200
    other.forget_token()


def me(workspace, token):
    return requests.get(workspace.url + "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"})


def test_access_tokens_expire_and_are_revoked(workspace):
    made = workspace.other.post("/api/2.0/token/create", {"lifetime_seconds": 600, "comment": "for a while"})
    info, token = made["token_info"], made["token_value"]
    assert token.startswith("dapi") and info["comment"] == "for a while" and info["expiry_time"] - info["creation_time"] == 600_000
    assert me(workspace, token).json()["userName"] == workspace.other.client_id
    assert info in workspace.other.get("/api/2.0/token/list")["token_infos"]
    assert workspace.lakeferry.get("/api/2.0/token/list")["token_infos"] == []  # each sees its own
    workspace.advance(601)
    assert me(workspace, token).status_code == 403 and me(workspace, token).json()["message"] == "Invalid access token."
    lasting = workspace.other.post("/api/2.0/token/create", {})
    wanted = {"token_id": lasting["token_info"]["token_id"]}
    assert lasting["token_info"]["expiry_time"] == -1
    assert workspace.lakeferry.post("/api/2.0/token/delete", wanted, 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert workspace.other.post("/api/2.0/token/delete", wanted) == {} and me(workspace, lasting["token_value"]).status_code == 403
    for wrong in ({"lifetime_seconds": 0}, {"lifetime_seconds": "1"}, {"comment": 5}):
        assert workspace.other.post("/api/2.0/token/create", wrong, 400)["error_code"] == "INVALID_PARAMETER_VALUE"


def test_configured_access_tokens_can_be_revoked_and_set(workspace):
    token = workspace.people["other"]["access_token"]
    assert me(workspace, token).status_code == 200
    workspace.admin.post("/__workspace/tokens/revoke", {"principal": "other", "access_tokens": True})
    assert me(workspace, token).status_code == 403 and me(workspace, workspace.people["lakeferry"]["access_token"]).status_code == 200
    workspace.admin.post("/__workspace/principals", {"name": "other", "access_token": token})
    assert me(workspace, token).status_code == 200
    workspace.other.forget_token()


def test_a_secret_that_was_changed(workspace):
    secret = workspace.people["other"]["client_secret"]
    pair = (workspace.other.client_id, secret)
    workspace.admin.post("/__workspace/principals", {"name": "other", "client_secret": "new"})
    try:
        assert ask(workspace, GRANT, auth=pair).json()["error"] == "invalid_client"
        assert ask(workspace, GRANT, auth=(pair[0], "new")).status_code == 200
    finally:
        workspace.admin.post("/__workspace/principals", {"name": "other", "client_secret": secret})


def test_the_life_of_tokens_can_be_set(workspace):
    workspace.admin.post("/__workspace/options", {"token_seconds": 60})
    try:
        reply = ask(workspace, GRANT, auth=(workspace.other.client_id, workspace.other.secret)).json()
        assert reply["expires_in"] == 60 and me(workspace, reply["access_token"]).status_code == 200
        workspace.advance(61)
        assert me(workspace, reply["access_token"]).status_code == 403
    finally:
        workspace.admin.post("/__workspace/options", {"token_seconds": 3600})


def test_headers_that_tell_the_workspace(workspace):
    reply = workspace.lakeferry.call("GET", "/api/2.0/sql/warehouses")
    assert reply.headers["x-databricks-org-id"] == "1" and reply.headers["x-request-id"]


def test_legacy_access_tokens(workspace):
    token = workspace.people["lakeferry"]["access_token"]
    assert token.startswith("dapi")
    reply = requests.get(workspace.url + "/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"})
    assert reply.json()["userName"] == workspace.lakeferry.client_id


def test_who_am_i(workspace):
    me = workspace.lakeferry.get("/api/2.0/preview/scim/v2/Me")
    assert me["userName"] == workspace.lakeferry.client_id and me["displayName"] == "lakeferry" and me["active"] is True
    assert {"value": "databricks-sql-access"} in me["entitlements"]
    assert [g["display"] for g in workspace.other.get("/api/2.0/preview/scim/v2/Me")["groups"]] == ["analysts"]


class TestEntitlement:
    TEXT = "This API is disabled for users without the databricks-sql-access or workspace-access entitlements"

    def test_without_it_the_sql_apis_are_closed(self, workspace):
        for path in ("/api/2.0/sql/warehouses", "/api/2.0/sql/warehouses/w1", "/api/2.0/sql/history/queries"):
            assert workspace.unentitled.get(path, 403) == {"error_code": "PERMISSION_DENIED", "message": self.TEXT}
        assert workspace.unentitled.submit("SELECT 1", 403)["message"] == self.TEXT
        assert workspace.unentitled.get("/api/2.0/preview/scim/v2/Me")["entitlements"] == []

    def test_it_can_be_taken_and_given_while_running(self, workspace):
        workspace.admin.post("/__workspace/principals", {"name": "other", "entitlements": []})
        assert workspace.other.submit("SELECT 1", 403)["message"] == self.TEXT
        workspace.admin.post("/__workspace/principals", {"name": "other", "entitlements": ["databricks-sql-access"]})
        assert workspace.other.sql("SELECT 1").rows == [["1"]]
