"""One request's way, the same for HTTP and gRPC: decide in the core, look up who is new, write, then answer."""

import asyncio
import time
from collections.abc import Callable

from services.telemetry_gateway.admission import AdmissionDesk, RegistryUnavailable
from vigil.core import Acceptance
from vigil.runtime import metrics
from vigil.runtime.micro_batch import Batcher, LogUnavailable

# From this size on decoding moves off the event loop, so that small requests do not wait behind it.
INLINE_BYTES_MAX = 32_768
LOOKUPS_MAX = 3
STAGE = "telemetry-gateway"

Decide = Callable[[bytes, str | None, str | None, int], Acceptance]


class Intake:
    """Takes bodies; gives back what may be said of them once the log has them."""

    def __init__(self, desk: AdmissionDesk, batcher: Batcher, ack_timeout_s: float) -> None:
        self._desk, self._batcher, self._ack_timeout_s = desk, batcher, ack_timeout_s
        self._draining = False

    async def take(self, decide: Decide, body: bytes, key: str | None, traceparent: str | None) -> Acceptance:
        """Decides about `body` and writes what is accepted.

        Raises `LogUnavailable` or `RegistryUnavailable`: then nothing is acknowledged and the sender tries again.
        """
        if self._draining:
            raise LogUnavailable("this gateway is stopping")
        if self._batcher.full():
            raise LogUnavailable("too much waits for the log's acknowledgement")
        ingest_time_us = time.time_ns() // 1000
        self._desk.expire()
        for _ in range(LOOKUPS_MAX):
            if len(body) > INLINE_BYTES_MAX:
                acceptance = await asyncio.to_thread(decide, body, key, traceparent, ingest_time_us)
            else:
                acceptance = decide(body, key, traceparent, ingest_time_us)
            if not acceptance.unknown_devices:
                break
            await self._desk.look_up(acceptance.unknown_devices)
        else:
            raise RegistryUnavailable("the registry's answers changed while they were used")
        records = acceptance.records
        if records:
            await self._batcher.submit(records, self._ack_timeout_s)
            metrics.RECORDS_OUT.labels(STAGE).inc(len(records))
        accepted, rejected = acceptance.accepted, acceptance.rejected
        metrics.OBSERVATIONS_IN.labels(STAGE).inc(accepted + rejected)
        metrics.OBSERVATIONS_OUT.labels(STAGE).inc(accepted)
        for code, count in acceptance.error_counts:
            metrics.ERRORS.labels(STAGE, code).inc(count)
        metrics.BATCH_SECONDS.labels(STAGE, "request").observe(time.time_ns() / 1e9 - ingest_time_us / 1e6)
        return acceptance

    async def drain(self) -> None:
        """Takes nothing new and returns when what was taken is acknowledged or given up."""
        self._draining = True
        await self._batcher.settled(self._ack_timeout_s)
