"""How far a stage is behind is measured for as long as the service runs, and a standstill is said."""

import asyncio
import math
from typing import Any

import pytest
from prometheus_client import REGISTRY

from vigil.bus.port import BusUnavailable, PartitionRange, TopicPartition
from vigil.runtime import lag
from vigil.runtime.health import Health
from vigil.runtime.lag import PATIENCE_SESSIONS, Lag

SESSION_S = 6.0
LASTS_S = PATIENCE_SESSIONS * SESSION_S


class Log:
    """A topic of two partitions, and a stage that reads it, with a clock that is set."""

    def __init__(self) -> None:
        self.ends, self.commits, self.batches, self.now_s = [0, 0], [0, 0], 0, 1000.0
        self.error: Exception | None = None
        self.health = Health("test")
        log: Any = self
        self.lag = Lag("lagging", log, ["t"], lambda: self.batches, self.health, SESSION_S, lambda: self.now_s)

    def committed(self, group: str, topic: str) -> dict[int, int | None]:
        if self.error:
            raise self.error
        return {partition: at or None for partition, at in enumerate(self.commits)}

    def ranges(self, topic: str) -> list[PartitionRange]:
        return [PartitionRange(TopicPartition(topic, partition), 0, end) for partition, end in enumerate(self.ends)]

    def after(self, seconds: float) -> dict[str, str]:
        """What is said after one more look."""
        self.now_s += seconds
        self.lag.look()
        assert not self.health.problems(), "it stays ready"
        return self.health.degraded()


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"stage": "lagging", **labels}) or 0.0


def behind() -> float:
    return sample("vigil_consumer_lag_records", topic="t")


def test_records_that_wait_while_nothing_is_read_are_said_until_a_batch_is_acknowledged() -> None:
    log = Log()
    log.ends = [4, 3]
    assert not log.after(0)
    assert behind() == 7
    assert not log.after(LASTS_S - 1)
    log.ends = [9, 3]
    assert log.after(1) == {"reading": "nothing is read although 12 records wait for 60 s"}
    log.batches += 1
    assert not log.after(5)
    assert not log.after(LASTS_S - 1)
    assert "wait for 60 s" in log.after(1)["reading"]
    log.commits = [9, 3]
    assert not log.after(5)
    assert behind() == 0


def test_a_partition_that_stands_still_is_said_although_others_go_on() -> None:
    """Theirs is another member: this one is stuck, or waits for one that is."""
    log = Log()
    log.ends = [100, 3]
    said: dict[str, str] = {}
    for _ in range(14):
        log.commits[0] += 1
        said = log.after(5)
    assert said == {"reading": "nothing is read although 3 records wait for 65 s"}


def test_who_is_slow_or_waits_beside_others_that_work_is_not_stuck() -> None:
    log = Log()
    for spare in (False, True):
        for _ in range(40):
            log.ends = [end + 50 for end in log.ends]
            log.commits = [at + spare for at in log.commits]
            log.batches += not spare
            assert not log.after(SESSION_S)


def test_a_lag_that_stays_unknown_is_said() -> None:
    log = Log()
    log.error = BusUnavailable("injected")
    assert not log.after(5)
    assert math.isnan(behind())
    assert "bus_unavailable" in log.after(LASTS_S)["lag"]
    log.error = None
    assert not log.after(5)


async def test_a_defect_met_in_one_measurement_is_counted_and_ends_nothing(monkeypatch: Any, caplog: Any) -> None:
    log = Log()
    log.ends = [7, 0]
    answers: list[Exception | None] = [ValueError("injected"), None]
    said = []

    async def sleep(seconds: float) -> None:
        said.append((behind(), sample("vigil_errors_total", error_code="internal") - errors))
        if not answers:
            raise asyncio.CancelledError
        log.error = answers.pop(0)

    errors = sample("vigil_errors_total", error_code="internal")
    monkeypatch.setattr(lag.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await log.lag.measure()
    assert [(math.isnan(shown), count) for shown, count in said] == [(False, 0), (True, 1), (False, 1)]
    assert said[-1][0] == 7
    assert "lag_not_measured" in caplog.messages
