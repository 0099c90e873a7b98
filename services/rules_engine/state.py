"""Keeps the engine's state and the input offsets together: restore, checkpoint, take back.

A checkpoint holds the state with the input offset it belongs to. The committed offset may be ahead of it:
after a crash the state's own offset decides where to read from, so nothing is evaluated twice or skipped.

A store that is away does not stop the rules. The last snapshot is then held in memory, so that a batch can
still be taken back; who has to take a partition over goes on without its state after a while, since an alarm
raised twice is better than none.

Checkpoints take a twentieth of the time at most (`SHARE`), whatever the interval asks for: with more patients they
come less often, and replay gets longer instead of the alarms later. A delta as large as the snapshot it builds on
gains nothing: when the deltas have outgrown the snapshot, the next checkpoint is whole, so the store holds, and a
restore reads, three times the state at most.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from vigil.bus.port import Bus, BusError, BusUnavailable, TopicPartition
from vigil.core import CoreError, Engine
from vigil.runtime import metrics
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.store.checkpoints import CheckpointLost, Checkpoints, NotTheOwner

TAKE_WITHOUT_STATE_AFTER_S = 15.0  # a partition whose checkpoint cannot be read waits this long for the store
SHARE = 0.05  # of the stage's time, for checkpoints
FENCED_PAUSE_S = 10.0
"""Another process has taken a partition's checkpoints, which perhaps only did not know yet that it was to own it no
more: it hears of that with its next poll. Whoever still owns the partition after so long takes them again."""
_AWAY_PAUSE_S = 2.0  # the store is not asked again before, nor before ten times what the failure took
_log = logging.getLogger(__name__)


@dataclass
class _Standing:
    """Where a partition's state stands; offsets are of the next input record, -1 = none yet."""

    segments: int = 0  # in the store; 0 = the next checkpoint is whole
    whole_bytes: int = 0  # of the snapshot in the store
    delta_bytes: int = 0  # of the deltas that follow it
    held: bytes | None = None  # the last snapshot, where the store did not take it
    checkpointed: int = -1  # of the last checkpoint, in the store or held
    seen: int = -1  # the state has seen no input from here on
    acknowledged: int = -1  # the outputs of the input before are in the log
    written_at: float = 0.0
    fenced_until: float = 0.0  # another process has taken the checkpoints over

    def begun(self) -> bool:
        """Whether there is a checkpoint of it to go back to, of this owner or found by it."""
        return self.segments > 0 or self.held is not None

    def due(self) -> bool:
        """Whether the store lacks something, and the state is not ahead of what is acknowledged."""
        lacks = self.held is not None or self.acknowledged != self.checkpointed
        return lacks and self.seen == self.acknowledged

    def whole(self, deltas_max: int) -> bool:
        """Whether the next checkpoint is a snapshot."""
        return self.segments in (0, deltas_max + 1) or self.delta_bytes > self.whole_bytes


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._store, self._bus, self._clock = engine, store, bus, clock
        self._interval_s, self._deltas_max = interval_ms / 1000, deltas_max
        self._stage, self._health = stage, health
        self._standings: dict[int, _Standing] = {}
        self._log = ""  # the input's identity
        self._away_until = 0.0
        self._rest_until = 0.0  # no checkpoint before: they would take more than their share
        self._waiting_since: float | None = None  # for the store, to take partitions over

    def take(self, position: TopicPartition) -> int | None:
        """Takes a partition over; returns the offset its state stands at, None without a checkpoint."""
        try:
            segments = self._store.acquire(position.partition)
            of_log = self._store.log(position.partition)
        except BusUnavailable as error:
            now = self._clock()
            self._waiting_since = self._waiting_since or now
            self._failed(position.partition, error, 0.0)
            if now - self._waiting_since < TAKE_WITHOUT_STATE_AFTER_S:
                raise
            log(_log, logging.ERROR, "state_unknown", partition=position.partition, reason=str(error))
            segments, of_log = [], ""
        else:
            self._waiting_since = None
        self._identify(position.topic)
        if segments and self._log and of_log and of_log != self._log:
            # Its offset says nothing about this log: what it would skip was never evaluated.
            self._refuse(position.partition, "checkpoint_of_another_log", f"of {of_log}, this one is {self._log}")
            segments = []
        return self._restore(position, segments)

    def take_back(self, position: TopicPartition, first: int) -> int:
        """Goes back to the last checkpoint (one exists since before the first batch); to `first`, where this batch
        began, if none was begun: whatever the store has then was refused, or is somebody else's."""
        former = self._standings[position.partition]
        if not former.begun():
            return first
        held = former.held
        offset = self._restore(position, self._store.segments(position.partition) if held is None else [held])
        if offset is None:
            raise BusUnavailable(f"the checkpoint of partition {position.partition} is gone")
        standing = self._standings[position.partition]
        standing.fenced_until = former.fenced_until
        if held is not None:
            standing.held, standing.segments = held, 0
        return offset

    def begin(self, position: TopicPartition, first: int, end: int) -> None:
        """Before the batch `[first, end)`. Before a partition's first one: writes the state it starts from, so
        that it can be taken back."""
        standing = self._standings.setdefault(position.partition, _Standing())
        if not standing.begun():
            self._write(position.partition, standing, first)
        standing.seen = end

    def checkpoint(self, offsets: Mapping[TopicPartition, int]) -> None:
        """`offsets` are acknowledged. Writes what changed, where the interval has passed, of all partitions."""
        for position, offset in offsets.items():
            self._standings.setdefault(position.partition, _Standing()).acknowledged = offset
        # Who has waited longest comes first: there may be no time for the others.
        for partition, standing in sorted(self._standings.items(), key=lambda item: item[1].written_at):
            now = self._clock()
            waits = now < self._rest_until or (standing.held is not None and self._closed(standing))
            if standing.due() and now - standing.written_at >= self._interval_s and not waits:
                self._write(partition, standing, standing.acknowledged)
                self._rest_until = self._clock() + (self._clock() - now) * (1 / SHARE - 1)

    def give_up(self, positions: Iterable[TopicPartition]) -> None:
        """Forgets partitions that go to another owner, who finds all that is acknowledged in the checkpoint."""
        for position in positions:
            standing = self._standings.get(position.partition)
            if standing and standing.due():
                self._store_it(position.partition, standing, standing.acknowledged)
            self.forget([position])

    def forget(self, positions: Iterable[TopicPartition]) -> None:
        """Forgets partitions that are lost: nothing of them is stored any more."""
        for position in positions:
            self._standings.pop(position.partition, None)
            self._engine.drop(position.partition)
            self._store.release(position.partition)

    def _write(self, partition: int, standing: _Standing, offset: int) -> None:
        """A checkpoint at `offset`: in the store, or else held here."""
        if not self._store_it(partition, standing, offset):
            standing.held = self._engine.checkpoint(partition, offset, True)
            standing.segments = 0
        standing.checkpointed, standing.written_at = offset, self._clock()

    def _store_it(self, partition: int, standing: _Standing, offset: int) -> bool:
        """Whether the store took it. If not, a delta is lost with its changes: the next must be a snapshot."""
        began = self._clock()
        if self._closed(standing):
            return False
        full = standing.whole(self._deltas_max)
        segment = self._engine.checkpoint(partition, offset, full)
        try:
            standing.segments = self._store.write(partition, segment, full=full, log=self._log)
        except (BusUnavailable, CheckpointLost, NotTheOwner) as error:
            self._failed(partition, error, self._clock() - began)
            if isinstance(error, NotTheOwner):
                self._store.release(partition)
                standing.fenced_until = self._clock() + FENCED_PAUSE_S
            return False
        standing.held = None
        if full:
            standing.whole_bytes, standing.delta_bytes = len(segment), 0
        else:
            standing.delta_bytes += len(segment)
        self._health.mark("checkpoints", None)
        metrics.BATCH_SECONDS.labels(self._stage, "checkpoint").observe(self._clock() - began)
        return True

    def _closed(self, standing: _Standing) -> bool:
        """Whether the store is not asked for now."""
        return self._clock() < max(self._away_until, standing.fenced_until)

    def _failed(self, partition: int, error: Exception, took_s: float) -> None:
        if isinstance(error, BusUnavailable):
            self._away_until = self._clock() + max(_AWAY_PAUSE_S, 10 * took_s)
        self._health.mark("checkpoints", str(error))
        metrics.ERRORS.labels(self._stage, "checkpoint_failed").inc()
        log(_log, logging.WARNING, "checkpoint_failed", partition=partition, reason=str(error))

    def _restore(self, position: TopicPartition, segments: list[bytes]) -> int | None:
        partition = position.partition
        self._engine.drop(partition)
        self._engine.assign(partition)
        standing = self._standings[partition] = _Standing()
        if not segments:
            return None
        try:
            offset = self._engine.restore(partition, segments)
        except CoreError as error:
            self._refuse(partition, "invalid_checkpoint", str(error))
            return None
        held = {r.position.partition: r for r in self._bus.ranges(position.topic)}
        there = held.get(partition)
        if there is None or offset > there.high:
            self._refuse(partition, "checkpoint_of_another_log", f"offset {offset}, the log has {there}")
            return None
        if offset < there.low:
            # A gap is not recovery: alarms that were active stay so, and what the log still has is evaluated.
            metrics.ERRORS.labels(self._stage, "input_trimmed").inc()
            log(_log, logging.ERROR, "input_trimmed", partition=partition, offset=offset, low=there.low)
            offset = there.low
        standing.segments = len(segments)
        standing.whole_bytes, standing.delta_bytes = len(segments[0]), sum(map(len, segments[1:]))
        standing.checkpointed = standing.seen = standing.acknowledged = offset
        patients = self._engine.patients(partition)
        log(_log, logging.INFO, "checkpoint_restored", partition=partition, offset=offset, patients=patients)
        return offset

    def _identify(self, topic: str) -> None:
        """Which log the offsets are of. One that does not say is not doubted."""
        try:
            self._log = self._bus.identity(topic)
        except BusError as error:
            self._log = ""
            log(_log, logging.WARNING, "log_not_identified", reason=str(error))

    def _refuse(self, partition: int, code: str, reason: str) -> None:
        """Goes on as if there were no checkpoint: from the committed offset, everything unknown."""
        metrics.ERRORS.labels(self._stage, code).inc()
        log(_log, logging.ERROR, code, partition=partition, reason=reason)
        self._engine.drop(partition)
        self._engine.assign(partition)
