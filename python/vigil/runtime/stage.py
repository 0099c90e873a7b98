"""The batch loop of every consuming service, once: poll, process, write, acknowledge, commit.

    1. poll        a batch of records, grouped by partition, in order
    2. process     one call into the core (stages) or one transaction (sinks) per partition, after the processor
                   has seen them all (`prepare`) and asked for what it would wait for
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter

from vigil.bus.port import Bus, BusError, Callbacks, Consumer, Producer, QueueFull, Record, TopicPartition
from vigil.runtime import metrics
from vigil.runtime.commits import UNSEEN, Commits
from vigil.runtime.dead_letter import internal_dead_letters
from vigil.runtime.gather import Gather
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.runtime.processor import Outcome, Output, Processor, Retry, Stateless
from vigil.settings import Settings

__all__ = ["Outcome", "Output", "Processor", "Retry", "Stage", "Stateless"]

_Groups = Mapping[TopicPartition, Sequence[Record]]
_PING_S = 0.5
_position = itemgetter(0, 1)  # topic and partition of a record
_log = logging.getLogger(__name__)


class _Suspect(Exception):
    """A batch holds a record that cannot be processed: read it again, record by record."""


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
        self._consumer: Consumer | None = None
        self._gather = Gather(settings, self._stop)
        self._owned: set[TopicPartition] = set()
        self._starts: dict[TopicPartition, int] = {}  # where the batch under way began; empty between batches
        self._acknowledged: dict[TopicPartition, int] = {}  # written, to be committed
        self._careful: dict[TopicPartition, int] = {}  # up to this offset, records are processed one by one
        self._committed_at = time.monotonic()
        self._commits = Commits(name, health, settings.bus_session_timeout_s)
        self._batch_failed = False  # since the last that succeeded
        self._in_doubt = False  # the last session failed: that nothing comes does not say that the log answers
        self._pause_s = 0.0
        self.batches = 0  # acknowledged so far
        self.crashed: BaseException | None = None
        self.on_crash: Callable[[str], object] = lambda reason: None  # called from the stage's thread
        health.alive_if(lambda: f"the stage's thread ended: {self.crashed}" if self.crashed else None)
        health.mark("stage", "not started")

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ends after the batch under way is acknowledged and committed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log(_log, logging.ERROR, "stage_did_not_stop", timeout_s=timeout_s)

    # The loop -------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._session()
                except (BusError, Retry) as error:
                    self._in_doubt = True
                    self._trouble(error)
        except BaseException as error:
            self.crashed = error
            self._health.mark("stage", f"crashed: {type(error).__name__}")
            _log.exception("stage_crashed")
            self.on_crash(f"the stage crashed: {type(error).__name__}")

    def _session(self) -> None:
        """A consumer's life: ends on stop, or with an error; then a new one starts from the commits."""
        callbacks = Callbacks(self._on_assign, self._on_revoke, self._on_lost)
        consumer = self._consumer = self._bus.consumer(self._topics, self._group, callbacks)
        try:
            producer = self._bus.producer()
            try:
                self._consume(consumer, producer)
            finally:
                # Before the partitions are given back: what it still held belongs to input that was not committed,
                # and must not come behind what their next owner writes.
                with suppress(BusError):
                    producer.close()
        finally:
            self._end(consumer)

    def _consume(self, consumer: Consumer, producer: Producer) -> None:
        while not self._stop.is_set():
            records = self._gather.poll(consumer)
            if records:
                self._batch(consumer, producer, records)
            elif not self._batch_failed and self._log_answers():
                self._fine()
            self._commit(consumer, force=False)
            if not records and consumer.sees_log():
                self._processor.idle()
            self._processor.between()
        self._commit(consumer, force=True)

    def _end(self, consumer: Consumer) -> None:
        """Leaves the group. What is acknowledged is committed on the way out (`_on_revoke`), but nothing of a
        partition whose batch was neither acknowledged nor taken back: its state is ahead of its offset."""
        try:
            consumer.close()
        except BusError as error:
            log(_log, logging.WARNING, "close_failed", reason=str(error))
        finally:
            if self._owned:
                self._processor.lost(sorted(self._owned))
            for kept in (self._owned, self._acknowledged, self._starts, self._careful):
                kept.clear()
            self._commits.went_well()

    def _batch(self, consumer: Consumer, producer: Producer, records: list[Record]) -> None:
        groups = {
            TopicPartition(*key): list(group) for key, group in groupby(sorted(records, key=_position), key=_position)
        }
        self._starts = {position: group[0].offset for position, group in groups.items()}
        began = time.perf_counter()
        try:
            outcomes = self._outcomes(groups)
            processed = time.perf_counter()
            for outcome in outcomes.values():
                self._write(producer, outcome.outputs)
            producer.flush(self._settings.bus_timeout_s)
        except _Suspect:
            self._take_back(consumer)
            return
        except (BusError, Retry) as error:
            self._batch_failed = True
            self._trouble(error)
            with suppress(BusError):  # what was sent of it is in the log or given up before its partitions can go away
                producer.flush(self._settings.bus_timeout_s)
            self._take_back(consumer)
            return
        metrics.BATCH_SECONDS.labels(self.name, "process").observe(processed - began)
        metrics.BATCH_SECONDS.labels(self.name, "write").observe(time.perf_counter() - processed)
        for position, group in groups.items():
            self._acknowledged[position] = group[-1].offset + 1
        self._starts = {}
        self._batch_failed = False
        self.batches += 1
        self._fine()
        metrics.RECORDS_IN.labels(self.name).inc(len(records))
        for outcome in outcomes.values():
            outcome.count(self.name)

    def _outcomes(self, groups: _Groups) -> dict[TopicPartition, Outcome]:
        careful = {p: group for p, group in groups.items() if self._careful.get(p, -1) >= group[0].offset}
        others = {p: group for p, group in groups.items() if p not in careful}
        # One by one first: nothing is prepared meanwhile that would have to wait for it.
        outcomes = {p: Outcome.merged(self._process_one(p, one) for one in group) for p, group in careful.items()}
        for position in others:
            self._careful.pop(position, None)
        if others:
            with self._suspecting(others):
                self._processor.prepare(others)
        for position, group in others.items():
            with self._suspecting({position: group}):
                outcomes[position] = self._processor.process(position, group).checked()
        return outcomes

    @contextmanager
    def _suspecting(self, groups: _Groups) -> Iterator[None]:
        """What fails in here, and not for a dependency, makes the groups be read again, record by record."""
        try:
            yield
        except (Retry, BusError):
            raise
        except Exception as error:
            # The state may have seen some of the records: so back to where it stood, and one by one from there.
            for position, group in groups.items():
                fields = {"topic": position.topic, "reason": type(error).__name__}
                _log.warning("batch_suspect", extra={"fields": fields})
                self._careful[position] = group[-1].offset
            raise _Suspect from error

    def _process_one(self, position: TopicPartition, record: Record) -> Outcome:
        try:
            return self._processor.process(position, [record]).checked()
        except (Retry, BusError):
            raise
        except Exception as error:
            metrics.ERRORS.labels(self.name, "internal").inc()
            _log.exception("record_refused", extra={"fields": {"topic": position.topic, "offset": record.offset}})
            return internal_dead_letters(self.name, [record], error)

    def _write(self, producer: Producer, outputs: Sequence[Output]) -> None:
        for output in outputs:
            while True:
                try:
                    producer.send(output.topic, output.partition, output.value, key=output.key)
                    break
                except QueueFull:
                    producer.flush(self._settings.bus_timeout_s)

    def _take_back(self, consumer: Consumer) -> None:
        """Reads the batch under way again, from where the state stands. If that fails, `_starts` is left and
        the session ends."""
        for position, offset in self._starts.items():
            back_to = self._processor.rewound(position, offset)
            if back_to < self._acknowledged.get(position, back_to):
                self._acknowledged.pop(position)
            consumer.seek(position, back_to)
        self._starts = {}

    def _commit(self, consumer: Consumer, *, force: bool) -> None:
        """Commits what is acknowledged. A failed commit keeps it for the next time: it only means repetition, and
        whether the partitions are lost is for the next poll to say. If none ever succeeds, the session ends."""
        # A processor that stores at each commit says by `commit_pause_s` how long it would rather gather.
        pause_s = max(self._settings.commit_interval_ms / 1000, getattr(self._processor, "commit_pause_s", 0.0))
        due = time.monotonic() - self._committed_at >= pause_s
        if not self._acknowledged or not (due or force):
            return
        self._committed_at = time.monotonic()
        if not consumer.sees_log():  # it may have lost its end, and the state have seen what it does not hold
            self._commits.failed(UNSEEN)
            return
        offsets = dict(self._acknowledged)
        self._processor.before_commit(offsets)
        settled = self._settled(offsets)
        try:
            consumer.commit(settled)
        except BusError as error:
            self._commits.failed(error)
            return
        self._commits.went_well()
        self._acknowledged = {p: offset for p, offset in offsets.items() if settled[p] != offset}

    def _settled(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """How far the input is done with: not beyond what the processor holds back."""
        held = {position: self._processor.held_offset(position) for position in offsets}
        return {p: offset if (at := held[p]) is None else min(offset, at) for p, offset in offsets.items()}

    # Rebalance ------------------------------------------------------------------------------------

    def _on_assign(self, positions: Sequence[TopicPartition]) -> None:
        log(_log, logging.INFO, "partitions_assigned", partitions=[list(p) for p in positions])
        self._owned.update(positions)
        starts = self._processor.assigned(positions)
        if self._consumer is not None:
            for position, offset in starts.items():
                self._consumer.seek(position, offset)

    def _on_revoke(self, positions: Sequence[TopicPartition]) -> None:
        mine = {p: o for p, o in self._acknowledged.items() if p in positions and p not in self._starts}
        if mine and self._consumer is not None:
            try:
                self._processor.before_commit(mine)
                self._consumer.commit(self._settled(mine))
            except (BusError, Retry) as error:
                log(_log, logging.WARNING, "commit_on_revoke_failed", reason=str(error))
        self._forget(positions)
        self._processor.revoked(positions)

    def _on_lost(self, positions: Sequence[TopicPartition]) -> None:
        self._forget(positions)
        self._processor.lost(positions)

    def _forget(self, positions: Sequence[TopicPartition]) -> None:
        log(_log, logging.INFO, "partitions_revoked", partitions=[list(p) for p in positions])
        self._batch_failed = False
        self._commits.went_well()
        self._gather.forget(positions)
        for position in positions:
            self._owned.discard(position)
            self._acknowledged.pop(position, None)
            self._careful.pop(position, None)

    # What is seen from outside --------------------------------------------------------------------

    def _log_answers(self) -> bool:
        if self._in_doubt:
            with suppress(BusError):
                self._bus.ping(min(_PING_S, self._settings.bus_timeout_s))
                self._in_doubt = False
        return not self._in_doubt

    def _fine(self) -> None:
        self._in_doubt, self._pause_s = False, 0.0
        self._health.mark("stage", None)

    def _trouble(self, error: BusError | Retry) -> None:
        """Says what is wrong, and pauses: longer each time until something works again."""
        code = getattr(error, "error_code", "retry")
        self._health.mark("stage", f"{code}: {error}")
        metrics.ERRORS.labels(self.name, code).inc()
        log(_log, logging.WARNING, "batch_taken_back", error_code=code, reason=str(error))
        self._pause_s = min(max(self._pause_s * 2, 0.05), 2.0)
        self._stop.wait(self._pause_s)
