"""Micro-batches: what requests bring is joined per partition and sent as one record.

At low load a record leaves at once; while records of its partition are unacknowledged, what arrives is joined
until it is large enough or GATEWAY_LINGER_MS old. A request is answered only when the log has all its records.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from vigil import topology
from vigil.bus.port import BusError, Producer, QueueFull
from vigil.settings import Settings

BATCH_BYTES_MAX = 1_000_000
"""Not joined beyond: large requests must not become a record together that the log refuses."""


class LogUnavailable(Exception):
    """The log does not take observations now: 503, nothing was accepted."""


class _Waiter:
    """A request waiting for several partitions' acknowledgements."""

    __slots__ = ("future", "left")

    def __init__(self, future: "asyncio.Future[None]", left: int) -> None:
        self.future, self.left = future, left

    def done(self, error: BusError | None) -> None:
        self.left -= 1
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(LogUnavailable(str(error)))
        elif self.left == 0:
            self.future.set_result(None)


@dataclass
class _Open:
    """A partition's batch under construction."""

    parts: list[bytes] = field(default_factory=list)
    waiters: list[_Waiter] = field(default_factory=list)
    observations: int = 0
    size: int = 0
    timer: asyncio.TimerHandle | None = None
    in_flight: int = 0


class Batcher:
    """Used from the event loop's thread only; acknowledgements are brought back to it."""

    def __init__(
        self, producer: Producer, partitions: int, observations_max: int, linger_ms: float, bytes_max: int
    ) -> None:
        self._producer = producer
        self._open = [_Open() for _ in range(partitions)]
        self._observations_max, self._linger_s, self._bytes_max = observations_max, linger_ms / 1000, bytes_max
        self._loop = asyncio.get_running_loop()
        self.waiting_bytes = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    def of(cls, settings: Settings, producer: Producer) -> "Batcher":
        """A batcher as the gateway's settings say."""
        return cls(
            producer,
            settings.bus_partitions,
            settings.gateway_batch_observations,
            settings.gateway_linger_ms,
            settings.gateway_inflight_bytes_max,
        )

    def full(self) -> bool:
        """Whether too much waits for acknowledgement to take more."""
        return self.waiting_bytes >= self._bytes_max

    async def submit(self, records: Sequence[tuple[int, int, bytes]], timeout_s: float) -> None:
        """Returns when the log has all `records`; raises `LogUnavailable` when it does not in time.

        A timeout does not take back what was sent: the log may still get it. The device's retry then has
        the same event id, so nothing is doubled."""
        waiter = _Waiter(self._loop.create_future(), len(records))
        for partition, observations, value in records:
            self._add(partition, observations, value, waiter)
        try:
            await asyncio.wait_for(waiter.future, timeout_s)
        except TimeoutError:
            raise LogUnavailable("the log did not acknowledge in time") from None

    def flush(self) -> None:
        """Sends every open batch."""
        for partition in range(len(self._open)):
            self._send(partition)

    async def settled(self, timeout_s: float) -> bool:
        """Sends what is open and waits until nothing waits for acknowledgement; False when time ran out."""
        self.flush()
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def _add(self, partition: int, observations: int, value: bytes, waiter: _Waiter) -> None:
        batch = self._open[partition]
        if batch.size + len(value) > BATCH_BYTES_MAX:
            self._send(partition)
        batch.parts.append(value)
        batch.waiters.append(waiter)
        batch.observations += observations
        batch.size += len(value)
        self.waiting_bytes += len(value)
        self._idle.clear()
        if batch.in_flight == 0 or batch.observations >= self._observations_max:
            self._send(partition)
        elif batch.timer is None:
            batch.timer = self._loop.call_later(self._linger_s, self._send, partition)

    def _send(self, partition: int) -> None:
        batch = self._open[partition]
        if batch.timer is not None:
            batch.timer.cancel()
            batch.timer = None
        if not batch.parts:
            return
        # Encoded batches concatenate to the encoded joint batch (see events.proto).
        value = b"".join(batch.parts) if len(batch.parts) > 1 else batch.parts[0]
        waiters, size = batch.waiters, batch.size
        batch.parts, batch.waiters, batch.observations, batch.size = [], [], 0, 0
        batch.in_flight += 1

        def acknowledged(error: BusError | None) -> None:
            self._loop.call_soon_threadsafe(self._settle, partition, waiters, size, error)

        try:
            self._producer.send(topology.RAW, partition, value, on_ack=acknowledged)
        except (QueueFull, BusError) as error:
            self._settle(partition, waiters, size, error)

    def _settle(self, partition: int, waiters: list[_Waiter], size: int, error: BusError | None) -> None:
        batch = self._open[partition]
        batch.in_flight -= 1
        self.waiting_bytes -= size
        if self.waiting_bytes == 0:
            self._idle.set()
        for waiter in waiters:
            waiter.done(error)
        if batch.in_flight == 0 and batch.parts:
            self._send(partition)
