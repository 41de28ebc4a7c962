"""OAuth for machines, the bearer check, and who one is."""
import base64

from aiohttp import web

from .errors import ApiError

routes = web.RouteTableDef()
SCOPES = ["all-apis", "email", "offline_access", "openid", "profile", "sql"]


def identify(world, request):
    """The principal of a call, or the refusal in Databricks' words."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(401, 401, "Credential was not sent or was of an unsupported type for this API.",
                       headers={"WWW-Authenticate": 'Bearer realm="DatabricksRealm"'})
    who = world.principals.of_token(token.strip())
    if who is None:
        raise ApiError(403, 403, "Invalid access token.", headers={"x-databricks-reason-phrase": "Invalid access token."})
    return who


def may_use_sql(who):
    if not who.may_use_sql:
        raise ApiError(403, "PERMISSION_DENIED",
                       "This API is disabled for users without the databricks-sql-access or workspace-access entitlements")


def base(request) -> str:
    return f"http://{request.host}"


@routes.get("/.well-known/databricks-config")
async def config(request):
    return web.json_response({"oidc_endpoint": base(request) + "/oidc", "workspace_id": request.app["world"].workspace_id,
                              "host_type": "WORKSPACE_HOST", "cloud": "aws"})


@routes.get("/oidc/.well-known/oauth-authorization-server")
@routes.get("/oidc/.well-known/openid-configuration")
async def discovery(request):
    oidc = base(request) + "/oidc"
    return web.json_response({
        "issuer": oidc, "authorization_endpoint": oidc + "/v1/authorize", "token_endpoint": oidc + "/v1/token",
        "jwks_uri": oidc + "/jwks.json", "scopes_supported": SCOPES, "response_types_supported": ["code"],
        "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"]})


def oauth_error(status: int, code: str, text: str):
    return web.json_response({"error": code, "error_description": text}, status=status)


@routes.post("/oidc/v1/token")
async def token(request):
    world = request.app["world"]
    form = await request.post()
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    if scheme.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return oauth_error(400, "invalid_request", "The Authorization header is not valid Basic authentication")
    if form.get("grant_type") != "client_credentials":
        return oauth_error(400, "unsupported_grant_type", f"Grant type '{form.get('grant_type', '')}' is not supported")
    who = world.principals.login(client, secret)
    request["who"] = who
    if who is None:
        return oauth_error(401, "invalid_client", "Client authentication failed")
    scope = str(form.get("scope", "all-apis"))
    if not set(scope.split()) <= set(SCOPES):
        return oauth_error(400, "invalid_scope", f"The scope '{scope}' is not known")
    return web.json_response({"access_token": world.principals.issue(who), "token_type": "Bearer",
                              "expires_in": int(world.options.token_seconds), "scope": scope})


@routes.get("/api/2.0/preview/scim/v2/Me")
async def me(request):
    who = request["who"]
    return web.json_response({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": who.id, "userName": who.user_name,
        "displayName": who.name, "active": True, "groups": [{"display": g, "value": g, "type": "direct"} for g in who.groups]
        + ([{"display": "admins", "value": "admins", "type": "direct"}] if who.admin else []),
        "entitlements": [{"value": e} for e in who.entitlements]})
