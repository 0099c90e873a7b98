"""Asks the registry which devices may send. Fails closed: no answer, no admission."""

import asyncio
import time

import grpc
import grpc.aio

from vigil.core import Admissions
from vigil.pb import registry_pb2

LOOKUP_DEVICES_MAX = 5000


class RegistryUnavailable(Exception):
    """The registry did not answer: 503, nothing was accepted."""


class AdmissionDesk:
    """Fills the core's admission table, one look-up at a time."""

    def __init__(self, table: Admissions, target: str, timeout_ms: int, ttl_s: float) -> None:
        self.table = table
        self._channel = grpc.aio.insecure_channel(target, options=[("grpc.max_receive_message_length", 64 << 20)])
        self._call = self._channel.unary_unary(
            "/registry.Registry/GetAdmissions",
            request_serializer=registry_pb2.GetAdmissionsRequest.SerializeToString,
            response_deserializer=None,  # bytes: the core reads them
        )
        self._timeout_s, self._ttl_s = timeout_ms / 1000, ttl_s
        self._cleared_at = time.monotonic()
        self._lock = asyncio.Lock()

    async def look_up(self, device_ids: list[str]) -> None:
        """Brings these devices into the table; raises `RegistryUnavailable`."""
        async with self._lock:
            for at in range(0, len(device_ids), LOOKUP_DEVICES_MAX):
                request = registry_pb2.GetAdmissionsRequest(
                    version="1", device_ids=device_ids[at : at + LOOKUP_DEVICES_MAX]
                )
                try:
                    self.table.apply(await self._call(request, timeout=self._timeout_s))
                except grpc.RpcError as error:
                    code = error.code() if isinstance(error, grpc.aio.AioRpcError) else "unknown"
                    raise RegistryUnavailable(f"the registry does not answer ({code})") from error

    def expire(self) -> None:
        """Forgets everything when GATEWAY_ADMISSION_TTL_S has passed since it last did."""
        now = time.monotonic()
        if now - self._cleared_at > self._ttl_s:
            self._cleared_at = now
            self.table.clear()

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close(None)
