"""A quiet moment's record is taken at once; continuous records come in company."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from vigil.bus.port import BusUnavailable, Record, TopicPartition
from vigil.runtime.gather import Gather
from vigil.settings import Settings


@dataclass
class FakeConsumer:
    """Answers polls from a list; keeps what was asked."""

    answers: list[list[Record]]
    asked: list[tuple[int, float]] = field(default_factory=list)
    rebalance: Callable[[], None] = lambda: None  # what happens inside a poll for company

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.asked.append((max_records, timeout_s))
        if not timeout_s:
            self.rebalance()
        return self.answers.pop(0) if self.answers else []


def record(offset: int, partition: int = 0) -> Record:
    return Record("telemetry.raw", partition, offset, None, b"", 0)


def gather(**env: str) -> Gather:
    return Gather(Settings.load({"POLL_RECORDS_MAX": "3", "POLL_GATHER_MS": "50", **env}), threading.Event())


def offsets(records: list[Record]) -> list[int]:
    return [r.offset for r in records]


def test_the_first_record_does_not_wait() -> None:
    consumer = FakeConsumer([[record(0)], [record(1)]])
    assert offsets(gather().poll(consumer)) == [0]
    assert consumer.asked == [(3, 0.1)]


def test_records_that_follow_at_once_come_in_company() -> None:
    consumer, polling = FakeConsumer([[record(0)], [record(1)], [record(2), record(3)]]), gather()
    polling.poll(consumer)
    assert offsets(polling.poll(consumer)) == [1, 2, 3]
    assert consumer.asked[1:] == [(3, 0.1), (2, 0.0)]


def test_a_full_poll_asks_for_no_more() -> None:
    consumer, polling = FakeConsumer([[record(0)], [record(1), record(2), record(3)], [record(4)]]), gather()
    polling.poll(consumer)
    assert offsets(polling.poll(consumer)) == [1, 2, 3]


def test_nothing_is_gathered_when_it_is_switched_off() -> None:
    consumer, polling = FakeConsumer([[record(0)], [record(1)], [record(2)]]), gather(POLL_GATHER_MS="0")
    polling.poll(consumer)
    assert offsets(polling.poll(consumer)) == [1]


def test_what_was_polled_of_a_partition_that_then_goes_away_is_forgotten() -> None:
    polling = gather()
    consumer = FakeConsumer([[record(0)], [record(1), record(7, partition=1)], [record(1)]])
    consumer.rebalance = lambda: polling.forget([TopicPartition("telemetry.raw", 0)])
    polling.poll(consumer)
    again = polling.poll(consumer)  # partition 0 came back in the same poll, from where it was committed
    assert [(r.partition, r.offset) for r in again] == [(1, 7), (0, 1)]


def test_nothing_is_kept_of_a_poll_whose_company_failed() -> None:
    polling = gather()
    consumer = FakeConsumer([[record(0)], [record(1)], [record(2)]])

    def fail() -> None:
        raise BusUnavailable("injected")

    consumer.rebalance = fail
    polling.poll(consumer)
    with pytest.raises(BusUnavailable):
        polling.poll(consumer)
    consumer.rebalance = lambda: None
    assert offsets(polling.poll(consumer)) == [2], "a new reader starts from the commits"
