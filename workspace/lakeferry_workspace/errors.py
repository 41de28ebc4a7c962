"""The two ways in which a call can fail: as a statement (HTTP 200, state FAILED) and as a request (a status and a body)."""


class SqlError(Exception):
    """A statement that failed. The message is what the client reads; the SQLSTATE is what it decides by."""

    def __init__(self, message: str, sql_state: str | None = None, error_code: str = "BAD_REQUEST"):
        super().__init__(message)
        self.sql_state, self.error_code = sql_state, error_code


class ApiError(Exception):
    """A refused request: status, error code, message, and what else belongs into the body or the headers."""

    def __init__(self, status: int, code, message: str, details: list | None = None, headers: dict | None = None):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details, self.headers = details or [], headers or {}

    def body(self) -> dict:
        return {"error_code": self.code, "message": self.message} | ({"details": self.details} if self.details else {})


def invalid(message: str) -> ApiError:
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def parse_error(near: str, text: str, position: int = 0) -> SqlError:
    """In the words of Spark's parser, for the statements that it does not know."""
    line, column = text.count("\n", 0, position) + 1, position - (text.rfind("\n", 0, position) + 1)
    return SqlError(f"\n[PARSE_SYNTAX_ERROR] Syntax error at or near {near}. SQLSTATE: 42601 (line {line}, pos {column})\n\n"
                    f"== SQL ==\n{text}\n{'-' * column}^^^\n", "42601")


def unsupported(what: str) -> SqlError:
    """What the local workspace cannot do is said, never pretended."""
    return SqlError(f"[LOCAL_WORKSPACE_UNSUPPORTED] The local workspace does not support {what}. SQLSTATE: 0A000", "0A000")


def no_catalog(name: str) -> SqlError:
    return SqlError(f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{name}' was not found. Please verify the catalog name and then retry the "
                    "query or command again. SQLSTATE: 42704", "42704")


def no_table(quoted: str) -> SqlError:
    """`quoted`: the name with its backticks."""
    return SqlError(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {quoted} cannot be found. Verify the spelling and correctness of the "
                    "schema and catalog. SQLSTATE: 42P01", "42P01")


def no_schema(name: str) -> SqlError:
    quoted = ".".join(f"`{p}`" for p in name.split("."))
    return SqlError(f"[SCHEMA_NOT_FOUND] The schema {quoted} cannot be found. Verify the spelling and correctness of the schema and "
                    "catalog.\nIf you did not qualify the name with a catalog, verify the current_schema() output, or qualify the name "
                    "with the correct catalog.\nTo tolerate the error on drop use DROP SCHEMA IF EXISTS. SQLSTATE: 42704", "42704")
