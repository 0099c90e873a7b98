"""Errors at the REST edge: RFC 9457 `application/problem+json`, naming every wrong field at once.

The codes are those of the core's error table, and beside them the few that only a REST service has.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class FieldError(NamedTuple):
    """One wrong field: its path as the client wrote it (`[3].age`), a bounded code, a sentence."""

    field: str
    code: str
    message: str


class Problem(HTTPException):
    """A request that cannot be done; raised anywhere below a route. `extra` members go into the document."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code, self.errors, self.extra = code, list(errors), extra


def not_found(field: str, what: str) -> Problem:
    """404: `what` is not there."""
    detail = f"there is no such {what}"
    return Problem(404, "not_found", detail, [FieldError(field, "not_found", detail)])


def encode(
    status: int, code: str, detail: str, trace_id: str, errors: Sequence[FieldError], extra: Any = None
) -> bytes:
    """The problem document; an error of the request as a whole has the empty field."""
    body = {
        "type": f"urn:vigil:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "trace_id": trace_id,
        "errors": [_clean(error) for error in errors or [FieldError("", code, detail)]],
        **(extra or {}),
    }
    return msgspec.json.encode(body)


def _clean(error: FieldError) -> dict[str, str]:
    """A client's own words may hold what UTF-8 cannot; they are shown, cut short, and never fail the answer."""
    return {name: str(text).encode("utf-8", "replace").decode()[:300] for name, text in error._asdict().items()}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "trace_id", "errors"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:vigil:error:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string", "description": "32 hex digits"},
        "errors": {
            "type": "array",
            "description": "every wrong field",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
            },
        },
    },
}
