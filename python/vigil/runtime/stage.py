"""The batch loop of every consuming service, once: poll, process, write, acknowledge, commit.

    1. poll        a batch of records, grouped by partition, in order
    2. process     one call into the core (stages) or one transaction (sinks) per partition
    3. write       outputs and dead letters go to the log
    4. acknowledge everything written is in the log (`flush`), or the batch is taken back
    5. commit      the input offsets, at intervals; always after 4

A stage fails towards repetition: whatever goes wrong before 5, the same input is read again, and ids that
derive from the input make the repetition harmless. Nothing is skipped: input that cannot be processed
becomes a dead letter, acknowledged before its offset is committed.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, Protocol

from vigil.bus.port import Bus, BusError, Callbacks, Consumer, Producer, QueueFull, Record, TopicPartition
from vigil.runtime import metrics
from vigil.runtime.dead_letter import internal_dead_letters
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.settings import Settings

_log = logging.getLogger(__name__)


class Output(NamedTuple):
    """A record to write."""

    topic: str
    partition: int
    value: bytes
    key: bytes | None = None


@dataclass
class Outcome:
    """What became of the records of one partition: in = out + dead-lettered."""

    outputs: list[Output] = field(default_factory=list)
    observations_in: int = 0
    observations_out: int = 0
    dead_lettered: int = 0
    counts: Sequence[tuple[str, int]] = ()


class Processor(Protocol):
    """A stage's own work. All methods are called from the stage's thread."""

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Turns records of one partition into outputs. Raising makes the records be tried one by one,
        and the one that still fails a dead letter; raising `Retry` takes the batch back instead."""

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Partitions came. Returns where to read from, for those whose state says so."""

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Outputs up to `offsets` are acknowledged; state may be checkpointed. Raising stops the commit;
        raising `Retry` (or a `BusError`) makes the stage start over from the last commit."""

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Partitions went away (after the last commit, or lost): forget their state."""

    def rewound(self, position: TopicPartition, offset: int) -> int:
        """The batch at `offset` is taken back. Returns the offset the state now stands at."""


class Stateless:
    """The answers of a stage that keeps nothing between batches."""

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Read from the committed offset."""
        return {}

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing to keep."""

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Nothing to forget."""

    def rewound(self, position: TopicPartition, offset: int) -> int:
        """Read the same input again."""
        return offset


class Retry(Exception):
    """A dependency of the stage is away; the batch is to be tried again after a pause."""


class Stage:
    """Runs a processor over topics in its own thread until `stop`."""

    def __init__(
        self,
        name: str,
        bus: Bus,
        topics: Sequence[str],
        processor: Processor,
        settings: Settings,
        health: Health,
        group: str | None = None,
    ) -> None:
        self.name = name
        self._bus, self._topics, self._processor, self._settings = bus, topics, processor, settings
        self._group = group or name
        self._health = health
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stage-{name}", daemon=True)
        self._acknowledged: dict[TopicPartition, int] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._committed_at = time.monotonic()
        self._pause_s = 0.0
        self.crashed: BaseException | None = None
        health.alive_if(lambda: None if self._thread.is_alive() else f"the stage's thread ended: {self.crashed}")
        health.mark("stage", "not started")

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ends after the batch under way is acknowledged and committed."""
        self._stop.set()
        self._thread.join(timeout_s)

    # The loop -------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._session()
                except (BusError, Retry) as error:
                    self._trouble(getattr(error, "error_code", "retry"), str(error))
        except BaseException as error:
            self.crashed = error
            self._health.mark("stage", f"crashed: {error}")
            _log.exception("stage_crashed")
            raise

    def _session(self) -> None:
        """A consumer's life: ends on stop, or with a `BusError`; then a new one starts from the commits."""
        producer = self._bus.producer()
        callbacks = Callbacks(self._on_assign, self._on_revoke, self._on_lost)
        consumer = self._bus.consumer(self._topics, self._group, callbacks)
        self._consumer = consumer
        try:
            while not self._stop.is_set():
                records = consumer.poll(self._settings.poll_records_max, self._settings.poll_timeout_ms / 1000)
                self._health.mark("stage", None)
                if records:
                    self._batch(consumer, producer, records)
                self._commit(consumer, force=False)
            self._commit(consumer, force=True)
        finally:
            lost = list(self._starts) or list(self._acknowledged)
            for resource in (consumer, producer):
                try:
                    resource.close()
                except BusError as error:
                    log(_log, logging.WARNING, "close_failed", reason=str(error))
            self._processor.revoked(lost)
            self._acknowledged.clear()
            self._starts.clear()

    def _batch(self, consumer: Consumer, producer: Producer, records: list[Record]) -> None:
        groups = {
            TopicPartition(*key): list(group) for key, group in groupby(sorted(records, key=_position), key=_position)
        }
        self._starts = {position: group[0].offset for position, group in groups.items()}
        began = time.perf_counter()
        try:
            outcomes = {position: self._process(position, group) for position, group in groups.items()}
            processed = time.perf_counter()
            for outcome in outcomes.values():
                self._write(producer, outcome.outputs)
            producer.flush(self._settings.bus_timeout_s)
        except (BusError, Retry) as error:
            self._trouble(getattr(error, "error_code", "retry"), str(error))
            self._take_back(consumer)
            return
        metrics.BATCH_SECONDS.labels(self.name, "process").observe(processed - began)
        metrics.BATCH_SECONDS.labels(self.name, "write").observe(time.perf_counter() - processed)
        for position, group in groups.items():
            self._acknowledged[position] = group[-1].offset + 1
        self._starts = {}
        self._pause_s = 0.0
        self._count(len(records), outcomes.values())

    def _process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        try:
            return self._processor.process(position, records)
        except (Retry, BusError):
            raise
        except Exception as error:
            if len(records) == 1:
                metrics.ERRORS.labels(self.name, "internal").inc()
                _log.exception(
                    "record_refused", extra={"fields": {"topic": position.topic, "offset": records[0].offset}}
                )
                return internal_dead_letters(self.name, records, error)
        merged = Outcome()
        for record in records:
            one = self._process(position, [record])
            merged.outputs += one.outputs
            merged.observations_in += one.observations_in
            merged.observations_out += one.observations_out
            merged.dead_lettered += one.dead_lettered
            merged.counts = [*merged.counts, *one.counts]
        return merged

    def _write(self, producer: Producer, outputs: Sequence[Output]) -> None:
        for output in outputs:
            while True:
                try:
                    producer.send(output.topic, output.partition, output.value, key=output.key)
                    break
                except QueueFull:
                    producer.flush(self._settings.bus_timeout_s)

    def _take_back(self, consumer: Consumer) -> None:
        for position, offset in self._starts.items():
            back_to = self._processor.rewound(position, offset)
            self._acknowledged.pop(position, None) if back_to < offset else None
            consumer.seek(position, back_to)
        self._starts = {}

    def _commit(self, consumer: Consumer, *, force: bool) -> None:
        due = time.monotonic() - self._committed_at >= self._settings.commit_interval_ms / 1000
        if not self._acknowledged or not (due or force):
            return
        offsets = dict(self._acknowledged)
        self._processor.before_commit(offsets)
        consumer.commit(offsets)
        self._acknowledged.clear()
        self._committed_at = time.monotonic()

    # Rebalance ------------------------------------------------------------------------------------

    def _on_assign(self, positions: Sequence[TopicPartition]) -> None:
        log(_log, logging.INFO, "partitions_assigned", partitions=[list(p) for p in positions])
        for position, offset in self._processor.assigned(positions).items():
            self._consumer.seek(position, offset)

    def _on_revoke(self, positions: Sequence[TopicPartition]) -> None:
        mine = {p: o for p, o in self._acknowledged.items() if p in positions}
        if mine:
            try:
                self._processor.before_commit(mine)
                self._consumer.commit(mine)
            except (BusError, Retry) as error:
                log(_log, logging.WARNING, "commit_on_revoke_failed", reason=str(error))
        self._on_lost(positions)

    def _on_lost(self, positions: Sequence[TopicPartition]) -> None:
        log(_log, logging.INFO, "partitions_revoked", partitions=[list(p) for p in positions])
        for position in positions:
            self._acknowledged.pop(position, None)
        self._processor.revoked(positions)

    # What is seen from outside --------------------------------------------------------------------

    def _trouble(self, code: str, reason: str) -> None:
        self._health.mark("stage", f"{code}: {reason}")
        metrics.ERRORS.labels(self.name, code).inc()
        log(_log, logging.WARNING, "batch_taken_back", error_code=code, reason=reason)
        self._pause_s = min(max(self._pause_s * 2, 0.05), 2.0)
        self._stop.wait(self._pause_s)

    def _count(self, records: int, outcomes: "Sequence[Outcome] | object") -> None:
        metrics.RECORDS_IN.labels(self.name).inc(records)
        for outcome in outcomes:  # type: ignore[attr-defined]
            metrics.OBSERVATIONS_IN.labels(self.name).inc(outcome.observations_in)
            metrics.OBSERVATIONS_OUT.labels(self.name).inc(outcome.observations_out)
            metrics.OBSERVATIONS_DEAD.labels(self.name).inc(outcome.dead_lettered)
            metrics.RECORDS_OUT.labels(self.name).inc(len(outcome.outputs))
            for name, count in outcome.counts:
                metrics.NOTICES.labels(self.name, name).inc(count)


def _position(record: Record) -> tuple[str, int]:
    return record.topic, record.partition
