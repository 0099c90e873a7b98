"""Asks the registry which devices may send. Fails closed: no answer, no admission.

Devices that were admitted go on while the registry is away: what it revokes comes as a change, and while it is
away it revokes nothing.
"""

import asyncio
import threading
import time
from collections.abc import Sequence

import grpc
import grpc.aio

from vigil.core import Admissions
from vigil.pb import registry_pb2

LOOKUP_DEVICES_MAX = 5000
_RENEW_PAUSE_S = 1.0


class RegistryUnavailable(Exception):
    """The registry did not answer: 503, nothing was accepted."""


class AdmissionDesk:
    """Fills the core's admission table, one look-up at a time. Changes come from a thread of their own; an answer
    may be older than a change that came while it was under way, so what changed meanwhile is forgotten again."""

    def __init__(self, table: Admissions, target: str, timeout_ms: int, ttl_s: float) -> None:
        self.table = table
        self._channel = grpc.aio.insecure_channel(target, options=[("grpc.max_receive_message_length", 64 << 20)])
        self._call = self._channel.unary_unary(
            "/registry.Registry/GetAdmissions",
            request_serializer=registry_pb2.GetAdmissionsRequest.SerializeToString,
            response_deserializer=None,  # bytes: the core reads them
        )
        self._timeout_s, self._ttl_s = timeout_ms / 1000, ttl_s
        self._renew_at = time.monotonic() + ttl_s
        self._renewing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._guard = threading.Lock()
        self._asking = False
        self._overtaken: set[str] = set()
        self._all_overtaken = False

    async def look_up(self, device_ids: list[str]) -> None:
        """Brings these devices into the table; raises `RegistryUnavailable`."""
        async with self._lock:
            with self._guard:
                self._asking = True
            try:
                for at in range(0, len(device_ids), LOOKUP_DEVICES_MAX):
                    self.table.apply(await self._ask(device_ids[at : at + LOOKUP_DEVICES_MAX]))
            finally:
                self._settle()

    def invalidate(self, device_ids: Sequence[str]) -> None:
        """Forgets these devices; they are asked for again. Any thread."""
        with self._guard:
            if self._asking:
                self._overtaken.update(device_ids)
            self.table.invalidate(device_ids)

    def clear(self) -> None:
        """Forgets all devices and hub keys. Any thread."""
        with self._guard:
            self._all_overtaken |= self._asking
            self.table.clear()

    def expire(self) -> None:
        """Forgets everything when GATEWAY_ADMISSION_TTL_S has passed since it last did, and the registry answers."""
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + self._timeout_s + _RENEW_PAUSE_S
            self._renewing = asyncio.create_task(self._renew())

    async def close(self) -> None:
        """Closes the channel."""
        if self._renewing is not None:
            self._renewing.cancel()
        await self._channel.close(None)

    async def _renew(self) -> None:
        try:
            await self._ask([])
        except RegistryUnavailable:
            return
        self._renew_at = time.monotonic() + self._ttl_s
        self.clear()

    async def _ask(self, device_ids: list[str]) -> bytes:
        request = registry_pb2.GetAdmissionsRequest(version="1", device_ids=device_ids)
        try:
            answer: bytes = await self._call(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.aio.AioRpcError) else "unknown"
            raise RegistryUnavailable(f"the registry does not answer ({code})") from error
        return answer

    def _settle(self) -> None:
        with self._guard:
            if self._all_overtaken:
                self.table.clear()
            elif self._overtaken:
                self.table.invalidate(list(self._overtaken))
            self._asking = self._all_overtaken = False
            self._overtaken.clear()
