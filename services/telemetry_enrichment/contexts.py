"""Keeps the core's context table filled from the registry.

The table answers the hot path; only devices it does not hold cost a (batched) call. A registry that is
away is not waited for beyond its deadline: those observations go on, marked, and still raise alarms.
"""

import logging
import time

import grpc

from vigil.core import ContextTable
from vigil.pb import registry_pb2
from vigil.runtime import metrics
from vigil.runtime.logs import log

LOOKUP_DEVICES_MAX = 5000
MISSING_RETRY_S = 1.0
_log = logging.getLogger(__name__)


class Contexts:
    """Look-ups at the registry, from the stage's thread."""

    def __init__(self, target: str, timeout_ms: int, ttl_s: float, stage: str) -> None:
        self.table = ContextTable()
        self._channel = grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", 64 << 20)])
        # Bytes out: the core parses the answer, Python never sees a context.
        self._call = self._channel.unary_unary(
            "/registry.Registry/GetContexts",
            request_serializer=registry_pb2.GetContextsRequest.SerializeToString,
            response_deserializer=None,
        )
        self._timeout_s = timeout_ms / 1000
        self._ttl_s = ttl_s
        self._cleared_at = time.monotonic()
        self._away_until = 0.0
        self._stage = stage

    def fill(self, missing: list[str]) -> None:
        """Asks for `missing` devices, in batches; on failure pauses asking for a moment."""
        now = time.monotonic()
        if now - self._cleared_at > self._ttl_s:
            self._cleared_at = now
            self.table.clear()
        if not missing or now < self._away_until:
            return
        for at in range(0, len(missing), LOOKUP_DEVICES_MAX):
            request = registry_pb2.GetContextsRequest(version="1", device_ids=missing[at : at + LOOKUP_DEVICES_MAX])
            try:
                self.table.apply(self._call(request, timeout=self._timeout_s))
            except grpc.RpcError as error:
                self._away_until = time.monotonic() + MISSING_RETRY_S
                metrics.ERRORS.labels(self._stage, "registry_unavailable").inc()
                log(_log, logging.WARNING, "registry_unavailable", reason=str(error.code()), devices=len(missing))
                return

    def probe(self) -> None:
        """Raises unless the registry answers."""
        self.table.apply(self._call(registry_pb2.GetContextsRequest(version="1"), timeout=self._timeout_s))

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()
