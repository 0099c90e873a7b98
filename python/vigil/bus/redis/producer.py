"""The Redis producer: a bounded queue, written in batches, in order per partition, each batch once.

`flush` writes in the caller's thread; what nobody flushes is written by a thread of the producer's own after
a short linger. A batch that was not answered is repeated under its number, which Redis remembers, so a lost
answer does not double it. What is not in the log after BUS_TIMEOUT_S is given up, and everything queued behind
it in its partition with it: order before completeness, since the sender sends it all again.
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from vigil import topology
from vigil.bus.port import (
    RECORD_BYTES_MAX,
    AckCallback,
    BusError,
    BusUnavailable,
    DeliveryFailed,
    QueueFull,
    TopicPartition,
)
from vigil.bus.redis.client import Backoff, Connection, Names, script
from vigil.bus.redis.scripts import APPEND
from vigil.settings import Settings

_log = logging.getLogger(__name__)

_BATCH_RECORDS_MAX = 500
_BATCH_BYTES_MAX = 4_000_000
_OVERHEAD_BYTES = 100  # of a record in the queue, so that empty records are bounded too
_BATCH_REMEMBERED_S = 600
_COMPACTED = {topic.name for topic in topology.TOPICS if topic.compacted}


@dataclass
class _Waiting:
    """What waits for one partition: its records, and the batch on its way, which keeps its number."""

    records: deque[tuple[bytes, bytes, float, AckCallback | None]] = field(default_factory=deque)
    number: int = 1
    batch: int = 0  # how many records at the front are on their way; 0 = none


class RedisProducer:
    """See the port."""

    def __init__(self, settings: Settings, partitions: Mapping[str, int]) -> None:
        self._settings = settings
        self._partitions = partitions
        self._names = Names(settings.bus_prefix)
        self._id = uuid.uuid4().hex[:12]
        self._connection = Connection(settings)
        self._backoff = Backoff()
        self._waiting: dict[TopicPartition, _Waiting] = {}
        self._bytes = 0
        self._failed: BusError | None = None
        self._failures = 0
        self._refused: BusError | None = None  # why the log takes nothing at the moment
        self._closed = False
        self._queue = threading.Condition()  # guards all of the above but the connection
        self._sending = threading.RLock()  # guards the connection, and the order of batches
        self._thread = threading.Thread(target=self._write_behind, name="redis-producer", daemon=True)
        self._thread.start()

    # The port ---------------------------------------------------------------------------------------

    def send(
        self,
        topic: str,
        partition: int,
        value: bytes,
        *,
        key: bytes | None = None,
        on_ack: AckCallback | None = None,
    ) -> None:
        """Queues a record; see the port."""
        if len(value) > RECORD_BYTES_MAX:
            raise BusError(
                f"a record of {len(value)} bytes for {topic}", error_code="record_too_large", retriable=False
            )
        if not 0 <= partition < self._partitions.get(topic, 0):  # nobody would ever read it
            raise BusError(f"{topic} has no partition {partition}", error_code="unknown_topic", retriable=True)
        size = len(value) + len(key or b"") + _OVERHEAD_BYTES
        with self._queue:
            if self._closed:
                raise BusError("the producer is closed", error_code="closed", retriable=False)
            if self._bytes and (self._bytes + size > self._settings.bus_queue_bytes_max or self._is_full()):
                raise QueueFull(str(self._refused or "the producer's queue is full"))
            waiting = self._waiting.setdefault(TopicPartition(topic, partition), _Waiting())
            waiting.records.append((key or b"", value, time.monotonic(), on_ack))
            if not self._bytes:
                self._queue.notify_all()
            self._bytes += size

    def _is_full(self) -> bool:
        return isinstance(self._refused, QueueFull)

    def flush(self, timeout_s: float) -> None:
        """Writes everything and waits for it; see the port."""
        deadline = time.monotonic() + timeout_s
        while self._bytes and time.monotonic() < deadline:
            if not self._write(deadline - time.monotonic()):
                self._backoff.wait(deadline - time.monotonic())
        if self._bytes:
            if not self._sending.acquire(timeout=max(self._settings.bus_timeout_s, 0.1)):
                raise DeliveryFailed("a write is under way for too long")
            try:
                self._give_up(None, self._refused or BusUnavailable("not acknowledged in time"))
            finally:
                self._sending.release()
        with self._queue:
            failed, failures = self._failed, self._failures
            self._failed, self._failures = None, 0
        if failed is not None:
            raise DeliveryFailed(f"{failures} records were not acknowledged: {failed}")

    def close(self) -> None:
        """Writes what can be written within BUS_TIMEOUT_S and gives the rest up; may be called twice."""
        if self._closed:
            return
        try:
            self.flush(self._settings.bus_timeout_s)
        finally:
            with self._queue:
                self._closed = True
                self._queue.notify_all()
            self._thread.join(self._settings.bus_timeout_s)
            self._connection.close()

    # Writing ----------------------------------------------------------------------------------------

    def _write_behind(self) -> None:
        linger_s = max(self._settings.kafka_linger_ms / 1000, 0.0005)
        while True:
            with self._queue:
                self._queue.wait_for(lambda: self._bytes or self._closed)
                if self._closed:
                    return
            time.sleep(linger_s)
            try:
                if self._bytes and not self._write(1.0):
                    self._backoff.wait(0.5)
            except Exception:
                _log.exception("write_behind_failed")

    def _write(self, wait_s: float) -> bool:
        """One batch for each partition that has something waiting. False when nothing could be written."""
        if not self._sending.acquire(timeout=max(wait_s, 0.001)):
            return True  # another thread writes
        try:
            with self._queue:
                batches = {p: self._batch(waiting) for p, waiting in self._waiting.items() if waiting.records}
            if not batches:
                return True
            commands = [self._append(position, batch) for position, batch in batches.items()]
            try:
                answers = self._connection.calls(commands)
            except BusError as error:
                answers = [error] * len(commands)
            for position, answer in zip(batches, answers, strict=True):
                if isinstance(answer, BusError):
                    self._not_written(position, answer)
                else:
                    self._settle(position, len(batches[position]), None)
            good = any(not isinstance(answer, BusError) for answer in answers)
            if good:
                self._backoff.reset()
            return good
        finally:
            self._sending.release()

    def _batch(self, waiting: _Waiting) -> list[tuple[bytes, bytes]]:
        """The batch on its way, or the next one: a repetition must be the same batch."""
        if not waiting.batch:
            size = 0
            for key, value, *_ in waiting.records:
                size += len(key) + len(value)
                if waiting.batch and (size > _BATCH_BYTES_MAX or waiting.batch >= _BATCH_RECORDS_MAX):
                    break
                waiting.batch += 1
        return [(key, value) for key, value, *_ in islice(waiting.records, waiting.batch)]

    def _append(self, position: TopicPartition, batch: list[tuple[bytes, bytes]]) -> list[object]:
        names = self._names
        keys = names.keys(position) if position.topic in _COMPACTED else ""
        arguments = [part for record in batch for part in record]
        number = self._waiting[position].number
        where = [names.stream(position), names.next(position), names.batch(position, self._id), keys]
        return script(APPEND, where, number, _BATCH_REMEMBERED_S, *arguments)

    def _not_written(self, position: TopicPartition, error: BusError) -> None:
        with self._queue:
            self._refused = error
            oldest = self._waiting[position].records[0][2]
        if not error.retriable or time.monotonic() - oldest > self._settings.bus_timeout_s:
            self._give_up(position, error)

    def _give_up(self, position: TopicPartition | None, error: BusError) -> None:
        """Everything that waits for one partition, or for all, fails. Whether the batch on its way is in
        the log is unknown; the next one has another number, so that it is not taken for a repetition."""
        for one in [position] if position else list(self._waiting):
            count = len(self._waiting[one].records)
            if count:
                self._settle(one, count, error)

    def _settle(self, position: TopicPartition, count: int, error: BusError | None) -> None:
        with self._queue:
            waiting = self._waiting[position]
            done = [waiting.records.popleft() for _ in range(count)]
            waiting.number += 1
            waiting.batch = 0
            self._bytes -= sum(len(key) + len(value) + _OVERHEAD_BYTES for key, value, *_ in done)
            if error is None or not self._bytes:
                self._refused = None
            if error is not None:
                self._failed = self._failed or error
                self._failures += count
        for *_, on_ack in done:
            if on_ack is not None:
                try:
                    on_ack(error)
                except Exception:
                    _log.exception("ack_callback_failed")
