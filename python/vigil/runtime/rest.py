"""The REST shell: an application whose every error is a problem document, with OpenAPI 3.1 and a docs page.

    app = rest_app("registry", "Vigil registry", "Patients, devices and the links between them.")

    @app.post("/devices", responses={201: {"model": Registered}})
    async def register(body: OneOrMany[NewDevice]) -> Response: ...

    service.serve_asgi(serve(app))

Bodies and queries are models of `vigil.runtime.schema`. Answers are made with `answer` (camelCase JSON).
"""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from prometheus_client import Histogram
from starlette.exceptions import HTTPException

from vigil.runtime import problem
from vigil.runtime.docs_page import docs_pages
from vigil.runtime.http import AsgiApp
from vigil.runtime.logs import log
from vigil.runtime.metrics import FAST
from vigil.runtime.problem import FieldError, Problem
from vigil.runtime.schema import field_errors
from vigil.runtime.trace import trace_id_of
from vigil.store.postgres import UNAVAILABLE, is_away

BODY_BYTES_MAX = 32_000_000
RETRY_AFTER_S = 1
REQUEST_SECONDS = Histogram(
    "vigil_http_request_seconds", "Time of a REST request", ["service", "route", "method", "status"], buckets=FAST
)
_log = logging.getLogger(__name__)


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer; times must be UTC, names camelCase already."""
    return Response(msgspec.json.encode(data), status, headers, "application/json")


def trace_id(request: Request) -> str:
    """This request's trace id."""
    return str(request.scope["vigil.trace_id"])


class StrictRequest(Request):
    """A request whose body is bounded and whose JSON means one thing only."""

    async def body(self) -> bytes:
        """The body; 413 beyond `BODY_BYTES_MAX`, 415 when it is not plain JSON."""
        if not hasattr(self, "_body"):
            parts, size = [], 0
            async for part in self.stream():
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise Problem(413, "too_large", f"a body may have {BODY_BYTES_MAX} bytes")
                parts.append(part)
            self._body = b"".join(parts)
            if self._body:
                self._check_headers()
        return self._body

    def _check_headers(self) -> None:
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise Problem(
                415, "unsupported_media_type", "send application/json",
                [FieldError("content-type", "unsupported_media_type", "send application/json")],
            )  # fmt: skip
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(415, "unsupported_encoding", "send the body without content-encoding")

    async def json(self) -> Any:
        """The parsed body; 400 when it is not JSON, 422 for a doubled key."""
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """Strict JSON: no NaN or Infinity, no doubled keys, bounded depth. Raises `Problem`."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except Problem:
        raise
    except RecursionError:
        raise Problem(400, "too_deep", "the body is nested too deeply") from None
    except ValueError as error:
        detail = f"the body is not JSON: {error.msg} at {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Problem(400, "malformed_json", detail or "the body is not JSON in UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})[:20] if len(names) < 5000 else []
        errors = [FieldError(name, "duplicate_key", "stands twice in one object") for name in twice]
        raise Problem(422, "duplicate_key", "a key stands twice in one object", errors)
    return made


def _constant(name: str) -> None:
    raise Problem(400, "malformed_json", f"{name} is not JSON")


class _Route(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if any("\0" in str(value) for value in request.path_params.values()):
                raise Problem(404, "not_found", "there is nothing at this path")
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def rest_app(service: str, title: str, description: str) -> FastAPI:
    """A FastAPI application in the house style; hang routes on it, then `serve` it."""
    app = FastAPI(
        title=title,
        description=description,
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.router.route_class = _Route
    app.state.service = service
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)
    app.add_exception_handler(Exception, _defect)
    for path, (media_type, body) in docs_pages(title).items():
        _page(app, path, media_type, body)
    made: Callable[[], dict[str, Any]] = app.openapi
    app.openapi = lambda: _documented(made())  # type: ignore[method-assign]
    return app


def _page(app: FastAPI, path: str, media_type: str, body: bytes) -> None:
    async def page() -> Response:
        return Response(body, media_type=media_type)

    app.get(path, include_in_schema=False)(page)


def _documented(document: dict[str, Any]) -> dict[str, Any]:
    """Problems instead of FastAPI's own error schema."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = problem.SCHEMA
    content = {problem.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = {"description": "Wrong fields, every one named", "content": content}
            responses["default"] = {"description": "Any other refusal (RFC 9457)", "content": content}
    return document


def serve(app: FastAPI) -> AsgiApp:
    """The application with a trace id per request, measured, and never without an answer."""
    name = app.state.service

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        headers = {key.lower(): value for key, value in scope["headers"]}
        traceparent = headers.get(b"traceparent", b"").decode("latin-1")
        scope["vigil.trace_id"] = trace_id_of(traceparent)
        status, began = 0, time.perf_counter()

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-trace-id", scope["vigil.trace_id"].encode())]
            await send(message)

        try:
            await app(scope, receive, sent)
        except Exception:
            _log.exception("request_failed", extra={"fields": {"trace_id": scope["vigil.trace_id"]}})
        route = getattr(scope.get("route"), "path", "none")
        REQUEST_SECONDS.labels(name, route, scope["method"], status).observe(time.perf_counter() - began)

    return outer


# Errors -------------------------------------------------------------------------------------------


def _respond(request: Request, status: int, code: str, detail: str, errors: Any = (), **more: Any) -> Response:
    headers = more.pop("headers", None)
    body = problem.encode(status, code, detail, trace_id(request), errors, more.pop("extra", None))
    return Response(body, status, headers, problem.MEDIA_TYPE)


async def _invalid(request: Request, error: Exception) -> Response:
    errors = field_errors(error.errors()) if isinstance(error, RequestValidationError) else []
    count = f"{len(errors)} field{'s are' if len(errors) != 1 else ' is'} wrong"
    return _respond(request, 422, "invalid", count, errors[:1000])


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        more = {"headers": error.headers, "extra": error.extra}
        return _respond(request, error.status_code, error.code, error.detail, error.errors, **more)
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    detail = {404: "there is nothing at this path"}.get(error.status_code, error.detail)
    return _respond(request, error.status_code, code, detail, headers=error.headers)


async def _unavailable(request: Request, error: Exception) -> Response:
    if not is_away(error):
        _log.error("request_failed", exc_info=error, extra={"fields": {"trace_id": trace_id(request)}})
        return await _defect(request, error)
    log(_log, logging.WARNING, "store_unavailable", reason=type(error).__name__, trace_id=trace_id(request))
    headers = {"retry-after": str(RETRY_AFTER_S)}
    return _respond(request, 503, "store_unavailable", "the database does not answer; try again", headers=headers)


async def _defect(request: Request, error: Exception) -> Response:
    return _respond(request, 500, "internal", "a defect of ours; it is logged under the trace id")
