"""Counts every scored observation once: groups in memory, written with the high-water mark before each commit.

    1. process        observations and alerts of a poll are added to the groups of their partition
    2. before_commit  groups, alarms and marks go to PostgreSQL in one transaction
    3. commit         then the stage commits the offsets

A crash before 3 has the same input read again; the marks (observations) and event ids (alerts) that 2 stored
keep it from counting twice. A crash before 2 loses nothing but memory.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from prometheus_client import Counter, Histogram

from services.analytics import merge
from services.analytics.alarms import merge_alarms
from services.analytics.columns import Dictionary, read
from services.analytics.drift import DriftTables, Reference, merge_drift
from services.analytics.kernels import WARD_BITS, Ints
from services.analytics.names import learn
from services.analytics.references import References
from services.analytics.tables import Hours, RollUps
from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.pb import events_pb2 as pb
from vigil.runtime.sink import Malformed, dead_letter, decode_alert
from vigil.runtime.stage import Outcome, Retry, Stateless
from vigil.store.postgres import UNAVAILABLE

ROWS = Counter("vigil_analytics_rows", "Groups merged into PostgreSQL", ["table"])
FLUSH_SECONDS = Histogram(
    "vigil_analytics_flush_seconds",
    "Time of one write of roll-ups",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15),
)
_DEADLINE_S = 120.0
# Writing takes at most a quarter of the time: the more groups there are, the longer they are gathered first.
_PAUSE_PER_FLUSH, _PAUSE_MAX_S = 4.0, 30.0
_GROUPS_MAX = 1_000_000  # about 200 MB; beyond them there is no waiting, and input waits in the log instead
_NOTHING = -1

_MARK = "SELECT source_offset FROM progress WHERE partition = $1"
# The mark moves only from where this process took it up: a process that lost the partition cannot count.
_MOVE = """
    INSERT INTO progress AS kept (partition, source_offset) VALUES ($1, $3)
    ON CONFLICT (partition) DO UPDATE SET source_offset = $3 WHERE kept.source_offset = $2
    RETURNING 1
"""


class Fenced(Exception):
    """Another process has counted this partition meanwhile."""


_NOT_STORED: tuple[type[BaseException], ...] = (*UNAVAILABLE, CancelledError, Fenced)


@dataclass
class Counting:
    """What a partition of telemetry.scored has gathered since the last flush."""

    stored: int  # the mark in PostgreSQL
    mark: int
    drift: DriftTables
    rollups: RollUps = field(default_factory=RollUps)
    subject_hours: Hours = field(default_factory=Hours)
    device_hours: Hours = field(default_factory=Hours)

    def add(self, values: Sequence[bytes], names: Dictionary) -> tuple[int, int]:
        """Adds scored batches; returns observations and how many of them were counted before."""
        observations, vitals, mark = read(values, names, self.mark)
        # Nothing raises from here on: a poll is counted as a whole or not at all.
        self.rollups.add(observations, vitals)
        self.subject_hours.add((observations.subject << WARD_BITS) | observations.ward, observations)
        self.device_hours.add(observations.device, observations)
        self.drift.add(observations, vitals)
        self.mark = mark
        count = len(observations.fresh)
        return count, count - int(observations.fresh.sum())

    def clear(self) -> None:
        """The groups are stored."""
        self.stored = self.mark
        for table in (self.rollups, self.subject_hours, self.device_hours):
            table.clear()
        self.drift.clear()


def warm_up(references: References) -> None:
    """Compiles the kernels, or loads them from their cache, before the first record waits for it."""
    header = pb.Header(event_id=bytes(16), source_event_id=bytes(16), trace_id=bytes(16), device_id="warm-up")
    vitals = pb.Vitals(signs=[pb.SIGN_HEART_RATE], values=[60.0], quality=[0])
    batch = pb.TelemetryBatch(observations=[pb.Observation(header=header, vitals=vitals)])
    counting = Counting(_NOTHING, _NOTHING, drift=DriftTables(references.of))
    counting.add([batch.SerializeToString()], Dictionary())
    counting.clear()
    counting.rollups.grow()
    counting.device_hours.grow()


class Count(Stateless):
    """The stage's processor. Make it on the event loop; it is used from the stage's thread.

    All is stored with each commit. Of what is read again, the marks and event ids in memory already know.
    """

    def __init__(self, stage: str, pool: Any, references: References) -> None:
        self._stage, self._pool, self._references = stage, pool, references
        self._loop = asyncio.get_running_loop()
        self._names = Dictionary()
        self._counting: dict[int, Counting] = {}
        self._alerts: dict[TopicPartition, list[pb.AlertEvent]] = {}
        self._pause_s = 0.0

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Adds a poll's records of one partition to its groups."""
        if position.topic == topology.ALERTS:
            return self._take_alerts(position, records)
        counting = self._counting.get(position.partition)
        if counting is None:
            stored = self._await(self._stored(position.partition))
            counting = self._counting[position.partition] = self._begin(stored)
        observations, read_again = counting.add([record.value for record in records], self._names)
        counts = [("counted_before", read_again)] if read_again else []
        return Outcome(observations_in=observations, observations_out=observations, counts=counts)

    def _begin(self, stored: int) -> Counting:
        return Counting(stored, stored, drift=DriftTables(self._references.of))

    def _take_alerts(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        outcome = Outcome()
        alerts = self._alerts.setdefault(position, [])
        for record in records:
            try:
                alerts.append(decode_alert(record))
            except (Malformed, DecodeError) as error:
                outcome.outputs.append(dead_letter(self._stage, record, error))
        outcome.counts = [("alert", len(records) - len(outcome.outputs)), ("malformed", len(outcome.outputs))]
        return outcome

    # The stage's turns ----------------------------------------------------------------------------

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Whatever is in memory of them is not of this ownership; the mark is asked for with the first records."""
        self.revoked(positions)
        return {}

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Stores all groups; raises `Retry` when that cannot be done now, which keeps the offsets uncommitted.

        When it is not known whether they were stored (the answer was lost), they stay in memory; the next
        attempt is fenced, the stage starts over, and the marks in PostgreSQL say what counts.
        """
        changed = {p: c for p, c in sorted(self._counting.items()) if c.mark > c.stored}
        alerts = [alert for waiting in self._alerts.values() for alert in waiting]
        if not changed and not alerts:
            return
        began = time.perf_counter()
        self._await(self._flush(changed, alerts))
        took_s = time.perf_counter() - began
        FLUSH_SECONDS.observe(took_s)
        self._pause_s = min(_PAUSE_PER_FLUSH * took_s, _PAUSE_MAX_S)
        for counting in changed.values():
            counting.clear()
        self._alerts.clear()

    @property
    def commit_pause_s(self) -> float:
        """How long the stage shall gather before the next commit, beyond its own interval."""
        full = sum(counting.rollups.used for counting in self._counting.values()) > _GROUPS_MAX
        return 0.0 if full else self._pause_s

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Forgets what was not stored: the next owner reads it again."""
        for position in positions:
            if position.topic == topology.ALERTS:
                self._alerts.pop(position, None)
            else:
                self._counting.pop(position.partition, None)

    # The store ------------------------------------------------------------------------------------

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(_DEADLINE_S)
        except _NOT_STORED as error:
            future.cancel()
            raise Retry(f"not stored: {type(error).__name__}: {error}") from error

    async def _stored(self, partition: int) -> int:
        mark = await self._pool.fetchval(_MARK, partition)
        return _NOTHING if mark is None else int(mark)

    async def _flush(self, changed: Mapping[int, Counting], alerts: Sequence[pb.AlertEvent]) -> None:
        """Everything in one transaction; only the names are numbered before it."""
        async with self._pool.acquire(timeout=10) as connection:
            await learn(connection, self._names.subjects, self._names.devices, self._names.wards)
            async with connection.transaction():
                for partition, counting in changed.items():
                    if not await connection.fetchval(_MOVE, partition, counting.stored, counting.mark):
                        raise Fenced(f"partition {partition} of {topology.SCORED} was counted by another process")
                await self._merge(connection, list(changed.values()))
                await merge_alarms(connection, alerts)

    async def _merge(self, connection: Any, changed: Sequence[Counting]) -> None:
        for counting in changed:
            groups = counting.rollups.groups()
            await merge.merge_rollups(connection, groups, self._names)
            ROWS.labels("rollup_minute").inc(len(groups))
        if changed:
            groups = np.concatenate([c.subject_hours.groups() for c in changed])
            await merge.merge_subject_hours(connection, groups, self._names)
            ROWS.labels("subject_hour").inc(len(groups))
            groups = np.concatenate([c.device_hours.groups() for c in changed])
            await merge.merge_device_hours(connection, groups, self._names)
            ROWS.labels("device_hour").inc(len(groups))
            for reference, counted in _by_model(changed):
                await merge_drift(connection, counted, self._names, reference)
                ROWS.labels("drift_hour").inc(len(counted))


def _by_model(changed: Sequence[Counting]) -> list[tuple[Reference, Ints]]:
    """The drift counts of all partitions, a model each, in the order of versions: instances wait in line."""
    found: dict[str, tuple[Reference, list[Ints]]] = {}
    for reference, groups in (pair for counting in changed for pair in counting.drift.groups()):
        found.setdefault(reference.version, (reference, []))[1].append(groups)
    return [(reference, np.concatenate(groups)) for _, (reference, groups) in sorted(found.items())]
