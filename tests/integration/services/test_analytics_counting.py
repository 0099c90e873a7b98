"""Counting into real PostgreSQL: correct averages, each observation once, whatever crashes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import numpy as np
import pytest
import pytest_asyncio

from services.analytics import alarm_queries, queries
from services.analytics.alarm_queries import alarms_by
from services.analytics.copy import copy_into
from services.analytics.period import Period
from services.analytics.processor import Count
from services.analytics.references import References
from services.analytics.service import MIGRATIONS
from tests.unit.services.analytics.scored import T0, batch, scored
from tests.unit.services.notification_service.alerts import alert
from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.core import CoreError
from vigil.pb import events_pb2 as pb
from vigil.runtime.stage import Outcome, Retry
from vigil.store.postgres import open_pool

REFERENCES = References("no-such-model")  # no drift is counted


class Bench:
    """The processor, called as the stage calls it: from another thread."""

    def __init__(self, pool: Any, dsn: str) -> None:
        self.pool, self.dsn, self.count, self._offset = pool, dsn, Count("analytics", pool, REFERENCES), 0

    def restart(self) -> None:
        """What was not stored is gone."""
        self.count = Count("analytics", self.pool, REFERENCES)

    async def take(self, *records: list[pb.Observation] | pb.AlertEvent, partition: int = 0) -> Outcome:
        made = []
        topic = topology.ALERTS if isinstance(records[0], pb.AlertEvent) else topology.SCORED
        for record in records:
            value = record.SerializeToString() if isinstance(record, pb.AlertEvent) else batch(record)
            made.append(Record(topic, partition, self._offset, None, value, 0))
            self._offset += 1
        return await asyncio.to_thread(self.count.process, TopicPartition(topic, partition), made)

    async def flush(self) -> None:
        await asyncio.to_thread(self.count.before_commit, {})

    async def vitals(self, patient: str = "patient-7", period: Period | None = None) -> dict[str, Any]:
        return await queries.vital_signs(self.pool, patient, period or Period())


@pytest_asyncio.fixture
async def bench(new_database: Callable[[], str]) -> AsyncIterator[Bench]:
    dsn = new_database()
    pool = await open_pool(dsn, "analytics", MIGRATIONS, 4)
    yield Bench(pool, dsn)
    await pool.close()


async def test_repeated_equal_values_do_not_collapse_in_the_averages(bench: Bench):
    values = [80.0, 80.0, 80.0, 80.0, 120.0]
    for i, value in enumerate(values):  # same patient, sign, minute; over several flushes
        await bench.take([scored(i, {"heart_rate": value}, at_s=i)])
        await bench.flush()
    rate = (await bench.vitals())["heart_rate"]
    assert rate == {
        "unit": "/min",
        "count": 5,
        "unusable": 0,
        "mean": 88.0,
        "standardDeviation": pytest.approx(np.std(values, ddof=1)),
        "min": 80.0,
        "max": 120.0,
        "last": 120.0,
        "lastTime": "2026-01-01T09:00:04.000000Z",
    }


async def test_duplicates_are_in_no_average_and_late_values_are(bench: Bench):
    await bench.take(
        [
            scored(1, {"heart_rate": 80.0}, at_s=60),
            scored(1, {"heart_rate": 200.0}, flags=pb.OBSERVATION_FLAG_DUPLICATE, at_s=60),
            scored(1, {"heart_rate": 90.0}, flags=pb.OBSERVATION_FLAG_LATE, at_s=30),
            scored(1, {"heart_rate": -100.0}, quality=pb.QUALITY_SENTINEL, at_s=61),
            scored(1, {"heart_rate": 85.0}, quality=pb.QUALITY_CONVERTED, at_s=59),
        ]
    )
    await bench.flush()
    rate = (await bench.vitals())["heart_rate"]
    assert (rate["count"], rate["mean"], rate["min"], rate["max"], rate["last"]) == (3, 85.0, 80.0, 90.0, 80.0)
    assert rate["unusable"] == 1
    (device,), total = await queries.devices(bench.pool, Period(), 10, 0)
    assert (device["observations"], device["duplicates"], device["late"], total) == (4, 1, 1, 1)


async def test_only_unusable_values_have_no_average(bench: Bench):
    await bench.take([scored(1, {"spo2": 0.0}, quality=pb.QUALITY_DISCONNECTED)])
    await bench.flush()
    spo2 = (await bench.vitals())["spo2"]
    assert (spo2["count"], spo2["unusable"], spo2["mean"], spo2["min"], spo2["last"]) == (0, 1, None, None, None)


async def test_read_again_after_a_crash_counts_once(bench: Bench):
    first, second = [scored(1), scored(2, at_s=1)], [scored(3, at_s=2), scored(3, at_s=2)]
    await bench.take(first)
    await bench.flush()  # stored, and then the process dies before its commit
    bench.restart()
    outcome = await bench.take(first, second)
    assert dict(outcome.counts) == {"counted_before": 2}
    bench.restart()  # dies again, before the flush: the second record is in no table yet
    await bench.take(first, second)
    await bench.take(second)  # and the engine wrote the second record twice
    await bench.flush()
    assert (await bench.vitals())["heart_rate"]["count"] == 4


async def test_marks_are_kept_per_partition(bench: Bench):
    await bench.take([scored(5, patient="a")], partition=0)
    await bench.take([scored(5, patient="b")], partition=1)
    await bench.flush()
    await bench.take([scored(6, patient="a")], [scored(5, patient="a")], partition=0)
    await bench.flush()
    counts = [(await bench.vitals(patient))["heart_rate"]["count"] for patient in "ab"]
    assert counts == [2, 1]


async def test_a_process_that_lost_the_partition_cannot_count(bench: Bench):
    stale = bench.count
    await bench.take([scored(1)])
    bench.restart()
    await bench.take([scored(1)])
    await bench.flush()
    bench.count = stale
    with pytest.raises(Retry):
        await bench.flush()
    assert (await bench.vitals())["heart_rate"]["count"] == 1
    bench.count.assigned([TopicPartition(topology.SCORED, 0)])  # the stage starts over
    await bench.take([scored(1)], [scored(2)])
    await bench.flush()
    assert (await bench.vitals())["heart_rate"]["count"] == 2


async def test_a_failing_store_keeps_everything_for_the_next_attempt(bench: Bench):
    await bench.take([scored(1)])
    await bench.take(alert())
    await bench.pool.close()
    with pytest.raises(Retry):
        await bench.flush()
    bench.pool = bench.count._pool = await open_pool(bench.dsn, "analytics", MIGRATIONS, 4)
    await bench.flush()
    assert (await bench.vitals())["heart_rate"]["count"] == 1
    assert len(await alarms_by(bench.pool, "true", Period())) == 1


async def test_a_record_that_cannot_be_read_changes_nothing(bench: Bench):
    position = TopicPartition(topology.SCORED, 0)
    good, bad = (Record(topology.SCORED, 0, i, None, v, 0) for i, v in enumerate((batch([scored(1)]), b"\xff\xff")))
    with pytest.raises(CoreError):
        await asyncio.to_thread(bench.count.process, position, [good, bad])
    await asyncio.to_thread(bench.count.process, position, [good])  # as the stage does then, one by one
    await bench.flush()
    assert (await bench.vitals())["heart_rate"]["count"] == 1


async def test_an_alert_that_cannot_be_read_is_a_dead_letter(bench: Bench):
    record = Record(topology.ALERTS, 2, 7, None, pb.AlertEvent(alert_type="x").SerializeToString(), 0)
    outcome = await asyncio.to_thread(bench.count.process, TopicPartition(topology.ALERTS, 2), [record])
    (output,) = outcome.outputs
    letter = pb.DeadLetter.FromString(output.value)
    assert (output.topic, letter.offset, letter.stage) == (topology.DEAD_LETTER, 7, "analytics")
    assert letter.original == record.value


async def test_orphans_are_kept_apart_by_device(bench: Bench):
    await bench.take([scored(1, {"spo2": v}, patient="", device=f"d{v}") for v in (90.0, 70.0)])
    await bench.flush()
    rows = await bench.pool.fetch("SELECT device_id, sum FROM rollup_minute JOIN subject ON id = subject_id ORDER BY 1")
    assert [tuple(row) for row in rows] == [("d70.0", 70.0), ("d90.0", 90.0)]


async def test_a_device_in_two_partitions_of_one_flush(bench: Bench):
    await bench.take([scored(1, patient="a", device="d")], partition=0)
    await bench.take([scored(1, patient="b", device="d")], partition=1)
    await bench.flush()
    (device,), _ = await queries.devices(bench.pool, Period(), 10, 0)
    assert device["observations"] == 2


async def test_names_that_postgres_cannot_hold_do_not_block(bench: Bench):
    await bench.take([scored(1, patient="a\0b", device="d\0", ward="w\0"), scored(1, patient="", device="d\0")])
    await bench.flush()
    assert (await bench.vitals("a\N{REPLACEMENT CHARACTER}b"))["heart_rate"]["count"] == 1


async def test_many_observations_sum_up(bench: Bench):
    rng = np.random.default_rng(1)
    values = rng.normal(80, 10, (20, 500))
    for offset, row in enumerate(values):
        await bench.take([scored(offset, {"heart_rate": x}, patient=f"p{i % 7}", at_s=i) for i, x in enumerate(row)])
        if offset % 3 == 0:
            await bench.flush()
    await bench.flush()
    for p in range(7):
        mine = values[:, np.arange(500) % 7 == p]
        rate = (await bench.vitals(f"p{p}"))["heart_rate"]
        assert rate["count"] == mine.size
        assert rate["mean"] == pytest.approx(mine.mean())
        assert rate["standardDeviation"] == pytest.approx(mine.std(ddof=1))
        assert (rate["min"], rate["max"]) == (mine.min(), mine.max())


async def test_a_period_is_event_time_from_inclusive_to_exclusive(bench: Bench):
    await bench.take([scored(1, {"heart_rate": 60.0 + m}, at_s=60 * m) for m in range(5)])
    await bench.flush()
    period = Period(T0 + 60_000_000, T0 + 3 * 60_000_000)
    assert (await bench.vitals(period=period))["heart_rate"]["mean"] == 61.5


async def test_alarm_burden(bench: Bench):
    lengths = {"a": [10, 5, 100], "b": [14]}
    for hour in range(12):
        await bench.take([scored(hour, patient=p, at_s=3600 * hour) for p in ("a", "b")])
    for patient, seconds in lengths.items():
        for i, length in enumerate(seconds):
            priority = "HIGH" if length == 100 else "LOW"
            episode = bytes([i, ord(patient)]) * 8
            start = alert(priority=priority, patient=patient, episode=episode)
            end = alert("END", priority, patient=patient, episode=episode, step=1, at_s=length)
            await bench.take(start, end)
            await bench.take(start)
    await bench.take(alert("UPDATE", "HIGH", patient="b", episode=bytes([0, ord("b")]) * 8, step=2))
    await bench.flush()
    bench.restart()
    await bench.take(start, end)  # read again
    await bench.flush()
    days, monitored = await alarm_queries.bed_days(bench.pool, Period())
    assert (days, monitored) == (1.0, 2)
    total = alarm_queries.total_of(await alarms_by(bench.pool, "true", Period(), days))
    expected = {"alarms": 4, "active": 0, "perBedDay": 4.0, "shareUnder15s": 0.75, "timeInAlarmS": 129.0}
    assert {name: total[name] for name in expected} == expected
    assert (total["suppressed"], total["acknowledged"], total["timeToAcknowledgeS"]) == (0, 0, None)
    by = {row["key"]: row["alarms"] for row in await alarms_by(bench.pool, "priority", Period())}
    assert by == {"low": 2, "high": 2}, "the highest priority of the episode counts"
    assert [r["key"] for r in await alarms_by(bench.pool, "sign", Period())] == ["heart_rate"]
    assert await alarm_queries.top_tenth_share(bench.pool, Period(), monitored) == 0.75
    (ward,) = await queries.wards(bench.pool, Period())
    assert (ward["ward"], ward["patients"], ward["bedDays"], ward["alarmsPerBedDay"]) == ("C3", 2, 1.0, 4.0)


async def test_an_alarm_that_goes_on_counts_until_its_patient_was_last_seen(bench: Bench):
    await bench.take([scored(1, at_s=40)])
    await bench.take(alert())
    await bench.flush()
    total = alarm_queries.total_of(await alarms_by(bench.pool, "true", Period()))
    assert (total["active"], total["timeInAlarmS"], total["shareUnder15s"]) == (1, 40.0, None)


async def test_costly_writes_are_gathered_longer_but_memory_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    await bench.take([scored(1)])
    assert bench.count.commit_pause_s == 0.0
    await bench.flush()
    assert 0.0 < bench.count.commit_pause_s <= 30.0
    monkeypatch.setattr("services.analytics.processor._GROUPS_MAX", 0)
    await bench.take([scored(2)])
    assert bench.count.commit_pause_s == 0.0


async def test_binary_copy_is_what_postgres_reads(bench: Bench):
    connection: asyncpg.Connection = await asyncpg.connect(bench.dsn)
    await connection.execute("CREATE TEMP TABLE t (a smallint, b int, c bigint, d float8)")
    columns = [("i2", [-3, 7]), ("i4", [1, -(2**31)]), ("i8", [2**62, -1]), ("f8", [0.1, np.inf])]
    await copy_into(connection, "t", list("abcd"), [(kind, np.array(values)) for kind, values in columns])
    rows = [tuple(row) for row in await connection.fetch("SELECT * FROM t")]
    assert rows == [(-3, 1, 2**62, 0.1), (7, -(2**31), -1, float("inf"))]
    await connection.close()
