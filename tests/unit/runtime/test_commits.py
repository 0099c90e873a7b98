"""Commits that fail are said; a reader that the log refuses for good starts over, and does not read on for ever."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from tests.unit.runtime.memory_log import SETTINGS, MemoryLog, Reader, filled
from vigil import topology
from vigil.bus.port import NO_CALLBACKS, BusError, BusUnavailable, Callbacks, Record, TopicPartition
from vigil.runtime.commits import PATIENCE_SESSIONS, Commits
from vigil.runtime.health import Health
from vigil.runtime.stage import Outcome, Stateless

P0 = TopicPartition(topology.RAW, 0)
NOT_OWNER = BusError("injected", error_code="not_owner", retriable=True)
SESSION_S = 6.0
SOON = replace(SETTINGS, commit_interval_ms=0, bus_session_timeout_s=SESSION_S)


class Refusing(MemoryLog):
    """Refuses its first reader `refusals` commits, a second apart; goes on until one is taken."""

    def __init__(self, error: BusError, refusals: float) -> None:
        super().__init__(filled(1, 2).inputs)
        self.error, self.refusals = error, refusals
        self.readers = 0
        self.said: set[str] = set()
        self.now_s = 0.0

    def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> Reader:
        self.readers += 1
        assert self.stage is not None
        self.stage._commits._now = lambda: self.now_s
        return Refused(self, callbacks, self.readers)


class Refused(Reader):
    def __init__(self, log: Refusing, callbacks: Callbacks, number: int) -> None:
        super().__init__(log, callbacks)
        self.log, self.number = log, number

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        assert self.log.stage is not None
        self.log.said |= self.log.stage._health.degraded().keys()
        records = super().poll(max_records, timeout_s)
        if not self.log.committed[P0]:
            self.log.stage._stop.clear()
        return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self.number == 1 and self.log.refusals > 0:
            self.log.refusals -= 1
            self.log.now_s += 1.0
            raise self.log.error
        super().commit(offsets)


class Copying(Stateless):
    def process(self, position: TopicPartition, records: Iterable[Record]) -> Outcome:
        return Outcome()


@pytest.mark.parametrize(("refusals", "readers"), [(float("inf"), 2), (1, 1)], ids=["for good", "once"])
def test_a_reader_whose_commits_are_refused_for_good_starts_over(refusals: float, readers: int) -> None:
    log = Refusing(NOT_OWNER, refusals)
    stage = log.run(Copying(), SOON)
    assert log.committed == {P0: 2}
    assert log.readers == readers
    # The first refusal begins the count, one more is too late, and another comes on the way out.
    assert log.now_s == (PATIENCE_SESSIONS * SESSION_S + 3 if readers > 1 else 1)
    assert log.said == ({"commits"} if readers > 1 else set()), "one that failed is nothing to be told"
    assert not stage._health.degraded()


def test_a_log_that_is_away_is_waited_for_and_said() -> None:
    now, health = [0.0], Health("test")
    commits = Commits("test", health, 6.0, lambda: now[0])
    commits.failed(BusUnavailable("injected"))
    assert not health.degraded()
    for _ in range(10):
        now[0] += 6.0
        commits.failed(BusUnavailable("injected"))
        assert "bus_unavailable" in health.degraded()["commits"]
    commits.went_well()
    assert not health.degraded()
    commits.failed(NOT_OWNER)
    now[0] += PATIENCE_SESSIONS * 6.0
    commits.failed(NOT_OWNER)
    now[0] += 1.0
    with pytest.raises(BusError, match="injected"):
        commits.failed(NOT_OWNER)
