"""The gRPC edge: telemetry.gateway.TelemetryGateway. Request bytes go to the core as they came."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from services.telemetry_gateway.admission import RegistryUnavailable
from services.telemetry_gateway.intake import Intake
from vigil.core import Decoder
from vigil.pb import telemetry_gateway_pb2 as pb
from vigil.runtime.micro_batch import LogUnavailable

STREAM_REQUESTS_MAX = 10_000


class GrpcEdge:
    """Method handlers over raw bytes: a batch is the unit, a single request a batch of one."""

    def __init__(self, intake: Intake, decoder: Decoder, stream_bytes_max: int) -> None:
        self._intake, self._decoder, self._stream_bytes_max = intake, decoder, stream_bytes_max

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """The service's handlers."""
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_unary_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            "telemetry.gateway.TelemetryGateway",
            {
                "SendMeasurements": unary(self._single),
                "SendMeasurementsBatch": unary(self._batch),
                "StreamMeasurements": stream(self._stream),
            },
        )

    async def _single(self, request: bytes, context: Any) -> bytes:
        answer = await self._take(_as_batch([request]), context)
        return pb.SendMeasurementsBatchResponse.FromString(answer).results[0].SerializeToString()

    async def _batch(self, request: bytes, context: Any) -> bytes:
        return await self._take(request, context)

    async def _stream(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        held: list[bytes] = []
        size = 0
        async for request in requests:
            held.append(request)
            size += len(request)
            if len(held) > STREAM_REQUESTS_MAX or size > self._stream_bytes_max:
                limits = f"at most {STREAM_REQUESTS_MAX} requests and {self._stream_bytes_max} bytes a stream"
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, limits)
        return await self._take(_as_batch(held), context)

    async def _take(self, request: bytes, context: Any) -> bytes:
        metadata = {key.lower(): value for key, value in context.invocation_metadata()}
        key = metadata.get("x-device-key")
        try:
            acceptance = await self._intake.take(self._decoder.accept_grpc, request, key, metadata.get("traceparent"))
        except (LogUnavailable, RegistryUnavailable) as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise AssertionError("abort does not return") from error
        return acceptance.body


def _as_batch(requests: list[bytes]) -> bytes:
    """Encoded requests as the encoded `SendMeasurementsBatchRequest` (field 2, length-delimited)."""
    return b"".join(b"\x12" + _varint(len(request)) + request for request in requests)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
