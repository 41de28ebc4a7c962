"""What kind of call a request is: one word, for the ledger's sums and for faults that mean all calls of a kind."""

import re

FILE, DIRECTORY, SQL = "/api/2.0/fs/files/", "/api/2.0/fs/directories/", "/api/2.0/sql/"
RULES = [
    (word, re.compile(method), re.compile(path))
    for word, method, path in (
        ("token", "POST", r"/oidc/v1/token"),
        ("discovery", "GET|HEAD", r"/oidc/.*|/\.well-known/.*"),
        ("submit", "POST", SQL + r"statements/?"),
        ("poll", "GET|HEAD", SQL + r"statements/[^/]+"),
        ("chunk", "GET|HEAD", SQL + r"statements/[^/]+/result/chunks/.*"),
        ("cancel", "POST", SQL + r"statements/[^/]+/cancel"),
        ("close", "DELETE", SQL + r"statements/[^/]+"),
        ("session", ".*", SQL + r"sessions.*"),
        ("history", "GET|HEAD", SQL + r"history/queries"),
        ("warehouse", "GET|HEAD", SQL + r"warehouses.*"),
        ("start", "POST", SQL + r"warehouses/[^/]+/start"),
        ("stop", "POST", SQL + r"warehouses/[^/]+/stop"),
        ("link", ".*", r"/presigned/.*"),
        ("download", "GET", FILE + ".*"),
        ("file-info", "HEAD", FILE + ".*"),
        ("delete-file", "DELETE", FILE + ".*"),
        ("upload", "PUT|POST", FILE + r".*|/api/2\.0/fs/create-.*"),
        ("list-files", "GET", DIRECTORY + ".*"),
        ("directory", ".*", DIRECTORY + ".*"),
        ("permissions", ".*", r"/api/2\.[01]/(permissions|unity-catalog/(effective-)?permissions)/.*"),
        ("catalog", ".*", r"/api/2\.1/unity-catalog/.*"),
        ("me", "GET", r"/api/2\.0/preview/scim/v2/Me"),
    )
]
KINDS = tuple(word for word, _, _ in RULES) + ("other",)


def kind_of(method: str, path: str) -> str:
    return next(
        (word for word, methods, paths in RULES if methods.fullmatch(method) and paths.fullmatch(path)), "other"
    )
