"""A quiet moment's record is taken at once; continuous records come in company."""

import threading
from dataclasses import dataclass, field

from vigil.bus.port import Record
from vigil.runtime.gather import Gather
from vigil.settings import Settings


@dataclass
class FakeConsumer:
    """Answers polls from a list; keeps what was asked."""

    answers: list[list[Record]]
    asked: list[tuple[int, float]] = field(default_factory=list)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.asked.append((max_records, timeout_s))
        return self.answers.pop(0) if self.answers else []


def record(offset: int) -> Record:
    return Record("telemetry.raw", 0, offset, None, b"", 0)


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
