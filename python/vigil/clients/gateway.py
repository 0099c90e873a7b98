"""The gateway's two edges as transports: HTTP with array bodies, gRPC with batch requests."""

from typing import Any

from vigil.clients.sending import Answer, NotTaken, Transport

RETRY_AFTER_S = 0.5
"""Pause before a body is sent again when the gateway does not say how long."""
TIMEOUT_S = 30.0


class HttpTransport:
    """POST /api/telemetry over kept-alive connections."""

    def __init__(self, url: str, connections: int, device_key: str = "") -> None:
        import aiohttp

        self._error = (aiohttp.ClientError, TimeoutError, OSError)
        headers = {"content-type": "application/json"}
        if device_key:
            headers["x-device-key"] = device_key
        self._url = url.rstrip("/") + "/api/telemetry"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            headers=headers,
            auto_decompress=False,
        )

    async def send(self, body: bytes, observations: int) -> Answer:
        """202: all of it; 207: a result per item; other 4xx: none of it; the rest: not taken."""
        try:
            async with self._session.post(self._url, data=body) as response:
                status, content = response.status, await response.read()
                retry_after = response.headers.get("retry-after", "")
        except self._error as error:
            raise NotTaken(f"the gateway does not answer ({type(error).__name__})", RETRY_AFTER_S) from error
        if status in (200, 202):
            return Answer(observations, 0)
        if status == 207:
            return _partial(content, observations)
        if status == 429 or status >= 500:
            raise NotTaken(f"HTTP {status}", float(retry_after) if retry_after.isdigit() else RETRY_AFTER_S)
        return Answer(0, observations, f"HTTP {status}: {_detail(content)}")

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()


class GrpcTransport:
    """SendMeasurementsBatch; the request is bytes that are already encoded."""

    def __init__(self, target: str, device_key: str = "") -> None:
        import grpc.aio

        from vigil.pb import telemetry_gateway_pb2 as pb

        self._channel = grpc.aio.insecure_channel(target, options=[("grpc.max_receive_message_length", 64 << 20)])
        self._call = self._channel.unary_unary(
            "/telemetry.gateway.TelemetryGateway/SendMeasurementsBatch",
            request_serializer=bytes,
            response_deserializer=pb.SendMeasurementsBatchResponse.FromString,
        )
        self._metadata = (("x-device-key", device_key),) if device_key else ()
        self._error = grpc.aio.AioRpcError
        code = grpc.StatusCode
        self._retriable = {code.UNAVAILABLE, code.RESOURCE_EXHAUSTED, code.DEADLINE_EXCEEDED, code.INTERNAL}

    async def send(self, body: bytes, observations: int) -> Answer:
        """The counts of the answer; an unavailable gateway has taken nothing."""
        try:
            answer = await self._call(body, timeout=TIMEOUT_S, metadata=self._metadata)
        except self._error as error:
            if error.code() in self._retriable:
                raise NotTaken(f"gRPC {error.code().name}", RETRY_AFTER_S) from error
            return Answer(0, observations, f"gRPC {error.code().name}: {str(error.details())[:200]}")
        problem = next((r.message for r in answer.results if r.status != 1), "") if answer.rejected else ""
        return Answer(answer.accepted, answer.rejected, problem)

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close(grace=None)


def transport(kind: str, settings: Any, connections: int, device_key: str = "") -> Transport:
    """`http` or `grpc`, to the gateway that the settings name."""
    if kind == "http":
        return HttpTransport(settings.http_url("telemetry-gateway"), connections, device_key)
    if kind == "grpc":
        return GrpcTransport(settings.grpc_target("telemetry-gateway"), device_key)
    raise ValueError(f"the transport is http or grpc, not '{kind}'")


def _partial(content: bytes, observations: int) -> Answer:
    import msgspec

    answer = msgspec.json.decode(content)
    rejected = int(answer["rejected"])
    errors: list[dict[str, str]] = next((r["errors"] for r in answer["results"] if not r["success"]), [])
    first = f"{errors[0]['field']}: {errors[0]['code']}" if errors else "refused"
    return Answer(observations - rejected, rejected, first)


def _detail(content: bytes) -> str:
    import msgspec

    try:
        problem = msgspec.json.decode(content)
        errors = problem.get("errors") or []
        return f"{errors[0]['field']}: {errors[0]['code']}" if errors else str(problem.get("detail", ""))[:200]
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return content[:100].decode(errors="replace")
