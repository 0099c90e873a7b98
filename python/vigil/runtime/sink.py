"""A sink: records from the log into a store, one transaction per batch, nothing lost and nothing doubled.

    run_stage(service, log, [topology.ALERTS], Sink(service.name, pool, decode_alert, store_alerts))

`handle` runs on the service's event loop inside one transaction and must be idempotent by event id. A store
that is away, or broken, takes the batch back; a record that cannot be decoded becomes a dead letter, and so does
one whose values the store refuses.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError

from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.pb import events_pb2
from vigil.runtime import metrics
from vigil.runtime.stage import Outcome, Output, Retry, Stateless
from vigil.store.postgres import is_refusal

T = TypeVar("T")
Counts = Iterable[tuple[str, int]]
Handle = Callable[[Any, list[T]], Awaitable[Counts | None]]
DEADLINE_S = 60.0


class Malformed(Exception):
    """A record that no handler can use: its error code, the field, a sentence without payload."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code, self.field, self.message = code, field, message


class Sink(Stateless, Generic[T]):
    """A processor that stores. Make it on the event loop; it is used from the stage's thread."""

    def __init__(
        self, stage: str, pool: Any, decode: Callable[[Record], T], handle: Handle[T], deadline_s: float = DEADLINE_S
    ) -> None:
        self._stage, self._pool, self._decode, self._handle = stage, pool, decode, handle
        self._deadline_s = deadline_s
        self._loop = asyncio.get_running_loop()

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Decodes, stores, and answers with the dead letters and counts."""
        outcome, items = Outcome(), []
        for record in records:
            try:
                items.append(self._decode(record))
            except (Malformed, DecodeError) as error:
                outcome.outputs.append(dead_letter(self._stage, record, error))
        counts = self._run(items) if items else []
        dead = len(records) - len(items)
        outcome.counts = [*counts, *([("malformed", dead)] if dead else [])]
        return outcome

    def _run(self, items: list[T]) -> Counts:
        future = asyncio.run_coroutine_threadsafe(self._store(items), self._loop)
        try:
            return future.result(self._deadline_s) or []
        except (Exception, CancelledError) as error:
            future.cancel()
            if is_refusal(error) and not isinstance(error, CancelledError):
                raise
            raise Retry(f"the store does not take it: {type(error).__name__}") from error

    async def _store(self, items: list[T]) -> Counts | None:
        async with self._pool.acquire(timeout=10) as connection, connection.transaction():
            return await self._handle(connection, items)


def dead_letter(stage: str, record: Record, error: Exception) -> Output:
    """A record that cannot be decoded (`Malformed` or protobuf's own error), as a dead letter."""
    known = error if isinstance(error, Malformed) else Malformed("malformed_protobuf", "", "not the expected message")
    metrics.ERRORS.labels(stage, known.code).inc()
    letter = events_pb2.DeadLetter(
        original=record.value,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        stage=stage,
        error_code=known.code,
        error_message=known.message,
        field=known.field,
        time_us=time.time_ns() // 1000,
    )
    return Output(topology.DEAD_LETTER, record.partition, letter.SerializeToString())


def decode_alert(record: Record) -> events_pb2.AlertEvent:
    """An alert whose identity is whole. Raises `Malformed` or protobuf's `DecodeError`."""
    alert = events_pb2.AlertEvent.FromString(record.value)
    wrong = [
        ("header.event_id", len(alert.header.event_id) != 16),
        ("episode_id", len(alert.episode_id) != 16),
        ("phase", alert.phase not in (1, 2, 3, 4)),
        ("kind", alert.kind not in (1, 2)),
        ("priority", alert.priority not in (1, 2, 3)),
        ("alert_type", not alert.alert_type),
        ("header.version", alert.header.version > 1),
    ]
    for field, is_wrong in wrong:
        if is_wrong:
            raise Malformed("malformed_protobuf", field, "missing or not understood")
    return alert
