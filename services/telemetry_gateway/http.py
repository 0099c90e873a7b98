"""The HTTP edge, on Granian's own interface: POST /api/telemetry, the OpenAPI document and the docs page."""

import zlib
from typing import Any

import msgspec

from services.telemetry_gateway.admission import RegistryUnavailable
from services.telemetry_gateway.intake import Intake
from services.telemetry_gateway.openapi import static_pages
from vigil.core import Decoder
from vigil.runtime import metrics
from vigil.runtime.micro_batch import LogUnavailable

PROBLEM = "application/problem+json"
Headers = list[tuple[str, str]]


class Refused(Exception):
    """The request cannot be taken as it is."""

    def __init__(self, status: int, code: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.field = status, code, detail, field


class HttpEdge:
    """An RSGI application."""

    def __init__(self, intake: Intake, decoder: Decoder, max_body_bytes: int, retry_after_s: int) -> None:
        self._intake, self._decoder = intake, decoder
        self._max_body_bytes, self._retry_after_s = max_body_bytes, retry_after_s
        self._pages = static_pages()

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answers one request."""
        if scope.path == "/api/telemetry" and scope.method == "POST":
            status, headers, body = await self._telemetry(scope, protocol)
        elif scope.path == "/api/telemetry":
            status, headers, body = _problem(Refused(405, "method_not_allowed", "use POST"))
            headers.append(("allow", "POST"))
        elif scope.path in self._pages and scope.method in ("GET", "HEAD"):
            kind, body = self._pages[scope.path]
            status, headers = 200, [("content-type", kind)]
        else:
            status, headers, body = _problem(Refused(404, "not_found", "there is nothing at this path"))
        protocol.response_bytes(status, headers, body)

    async def _telemetry(self, scope: Any, protocol: Any) -> tuple[int, Headers, bytes]:
        headers = scope.headers
        try:
            body = await self._body(headers, protocol)
            key = headers.get("x-device-key") or _bearer(headers.get("authorization"))
            acceptance = await self._intake.take(self._decoder.accept_json, body, key, headers.get("traceparent"))
        except Refused as refused:
            metrics.ERRORS.labels("telemetry-gateway", refused.code).inc()
            return _problem(refused)
        except (LogUnavailable, RegistryUnavailable) as error:
            code = "log_unavailable" if isinstance(error, LogUnavailable) else "registry_unavailable"
            metrics.ERRORS.labels("telemetry-gateway", code).inc()
            status, out, body = _problem(Refused(503, code, str(error)))
            return status, [*out, ("retry-after", str(self._retry_after_s))], body
        return acceptance.status, [("content-type", acceptance.content_type)], acceptance.body

    async def _body(self, headers: Any, protocol: Any) -> bytes:
        kind = headers.get("content-type")
        if kind is not None and kind.split(";")[0].strip().lower() not in ("application/json", "text/json"):
            raise Refused(415, "unsupported_media_type", "send application/json", "content-type")
        encoding = (headers.get("content-encoding") or "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise Refused(415, "unsupported_encoding", "send gzip or nothing", "content-encoding")
        length = headers.get("content-length")
        if length is not None and length.isdigit():
            if int(length) > self._max_body_bytes:
                raise self._too_large()
            body: bytes = await protocol()
        else:
            parts, size = [], 0
            async for part in protocol:
                size += len(part)
                if size > self._max_body_bytes:
                    raise self._too_large()
                parts.append(part)
            body = b"".join(parts)
        return body if encoding == "identity" else self._gunzip(body)

    def _gunzip(self, body: bytes) -> bytes:
        """Inflates at most GATEWAY_MAX_BODY_BYTES: a bomb is refused without being unpacked."""
        inflater = zlib.decompressobj(wbits=31)
        try:
            plain = inflater.decompress(body, self._max_body_bytes + 1)
        except zlib.error as error:
            raise Refused(400, "malformed_gzip", "the body is not gzip", "content-encoding") from error
        if len(plain) > self._max_body_bytes:
            raise self._too_large()
        if not inflater.eof or inflater.unused_data:
            raise Refused(400, "malformed_gzip", "the gzip body is truncated or has trailing bytes", "content-encoding")
        return plain

    def _too_large(self) -> Refused:
        return Refused(413, "too_large", f"a body may have {self._max_body_bytes} bytes")


def _bearer(header: str | None) -> str | None:
    if header and header[:7].lower() == "bearer ":
        return header[7:].strip()
    return None


def _problem(refused: Refused) -> tuple[int, Headers, bytes]:
    body = {
        "type": f"urn:vigil:error:{refused.code}",
        "title": refused.code.replace("_", " "),
        "status": refused.status,
        "detail": refused.detail,
        "errors": [{"field": refused.field, "code": refused.code, "message": refused.detail}],
    }
    return refused.status, [("content-type", PROBLEM)], msgspec.json.encode(body)
