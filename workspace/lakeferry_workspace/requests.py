"""Bodies of requests."""

import json

from .errors import ApiError


def malformed(why: str) -> ApiError:
    return ApiError(400, "MALFORMED_REQUEST", f"Could not parse request object: {why}.")


async def read_json(request) -> dict:
    raw = await request.read()
    try:
        body = json.loads(raw)
        if b"\\u" in raw:
            json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    except UnicodeError:
        raise malformed("the body is not valid Unicode") from None
    except (ValueError, RecursionError):
        raise malformed("the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise malformed("expected a JSON object")
    return body
