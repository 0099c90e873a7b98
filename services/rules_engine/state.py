"""Keeps the engine's state and the input offsets together: restore, checkpoint, take back.

A checkpoint holds the state with the input offset it belongs to. The committed offset may be ahead of it:
after a crash the state's own offset decides where to read from, so nothing is evaluated twice or skipped.
"""

import logging
import time
from collections.abc import Iterable, Mapping

from vigil.bus.port import Bus, BusUnavailable, TopicPartition
from vigil.core import CoreError, Engine
from vigil.runtime import metrics
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.store.checkpoints import Checkpoints, NotTheOwner

_log = logging.getLogger(__name__)


class EngineState:
    """The state of the partitions this process owns. Used from the stage's thread."""

    def __init__(
        self,
        engine: Engine,
        store: Checkpoints,
        bus: Bus,
        interval_ms: int,
        deltas_max: int,
        stage: str,
        health: Health,
    ) -> None:
        self._engine, self._store, self._bus = engine, store, bus
        self._interval_s, self._deltas_max = interval_ms / 1000, deltas_max
        self._stage, self._health = stage, health
        self._written_at: dict[int, float] = {}
        self._segments: dict[int, int] = {}

    def take(self, position: TopicPartition) -> int | None:
        """Takes a partition over; returns the offset its state stands at, None without a checkpoint."""
        segments = self._store.acquire(position.partition)
        return self._restore(position, segments)

    def take_back(self, position: TopicPartition) -> int:
        """Goes back to the last checkpoint (one exists since before the first batch)."""
        self._engine.drop(position.partition)
        offset = self._restore(position, self._store.segments(position.partition))
        if offset is None:
            raise BusUnavailable(f"the checkpoint of partition {position.partition} is gone")
        return offset

    def begin(self, position: TopicPartition, offset: int) -> None:
        """Before a partition's first batch: writes the state it starts from, so that it can be taken back."""
        if self._segments.get(position.partition, 0) == 0:
            self._write(position.partition, offset, full=True)

    def checkpoint(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Writes what changed, where the interval has passed. A store that is away does not stop the rules:
        the older checkpoint stays valid, and the next one is whole."""
        for position, offset in offsets.items():
            partition = position.partition
            if time.monotonic() - self._written_at.get(partition, 0.0) < self._interval_s:
                continue
            full = self._segments.get(partition, 0) in (0, self._deltas_max + 1)
            try:
                self._write(partition, offset, full=full)
                self._health.mark("checkpoints", None)
            except (BusUnavailable, NotTheOwner) as error:
                # The delta just made is lost with this failure, so the next one must be a snapshot.
                self._segments[partition] = 0
                self._written_at[partition] = time.monotonic()
                self._health.mark("checkpoints", str(error))
                metrics.ERRORS.labels(self._stage, "checkpoint_failed").inc()
                log(_log, logging.WARNING, "checkpoint_failed", partition=partition, reason=str(error))

    def give_up(self, positions: Iterable[TopicPartition]) -> None:
        """Forgets partitions that went to another owner."""
        for position in positions:
            self._engine.drop(position.partition)
            self._store.release(position.partition)
            self._segments.pop(position.partition, None)
            self._written_at.pop(position.partition, None)

    def _write(self, partition: int, offset: int, *, full: bool) -> None:
        began = time.perf_counter()
        segment = self._engine.checkpoint(partition, offset, full)
        self._segments[partition] = self._store.write(partition, segment, full=full)
        self._written_at[partition] = time.monotonic()
        metrics.BATCH_SECONDS.labels(self._stage, "checkpoint").observe(time.perf_counter() - began)

    def _restore(self, position: TopicPartition, segments: list[bytes]) -> int | None:
        self._engine.assign(position.partition)
        self._segments[position.partition] = 0
        if not segments:
            return None
        try:
            offset = self._engine.restore(position.partition, segments)
        except CoreError as error:
            log(_log, logging.ERROR, "checkpoint_refused", partition=position.partition, reason=str(error))
            metrics.ERRORS.labels(self._stage, "invalid_checkpoint").inc()
            self._engine.drop(position.partition)
            self._engine.assign(position.partition)
            return None
        held = {r.position.partition: r for r in self._bus.ranges(position.topic)}
        there = held.get(position.partition)
        if there is None or not there.low <= offset <= there.high:
            log(_log, logging.ERROR, "checkpoint_of_another_log", partition=position.partition, offset=offset)
            metrics.ERRORS.labels(self._stage, "checkpoint_of_another_log").inc()
            self._engine.drop(position.partition)
            self._engine.assign(position.partition)
            return None
        self._segments[position.partition] = len(segments)
        log(
            _log,
            logging.INFO,
            "checkpoint_restored",
            partition=position.partition,
            offset=offset,
            segments=len(segments),
            patients=self._engine.patients(position.partition),
        )
        return offset
