"""The batch loop asks a processor to prepare a whole poll, and whatever then happens nothing is lost or doubled."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from tests.unit.runtime.memory_log import SETTINGS, MemoryLog, Reader, filled
from vigil import topology
from vigil.bus.port import NO_CALLBACKS, BusUnavailable, Callbacks, Record, TopicPartition
from vigil.pb import events_pb2
from vigil.runtime.stage import Outcome, Output, Retry, Stateless

P0, P1, P2 = (TopicPartition(topology.RAW, partition) for partition in range(3))


class Copying(Stateless):
    """Copies; `log` is what it was called with, `prepared` what it has begun and not finished."""

    def __init__(self) -> None:
        self.log: list[tuple[str, list[bytes]]] = []
        self.prepared: dict[TopicPartition, Sequence[Record]] = {}
        self.dropped: list[tuple[str, TopicPartition]] = []

    def prepare(self, groups: Mapping[TopicPartition, Sequence[Record]]) -> None:
        self.log.append(("prepare", [record.value for group in groups.values() for record in group]))
        self.prepared = dict(groups)

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        self.log.append(("process", [record.value for record in records]))
        if position in self.prepared:
            assert self.prepared.pop(position) is records
        outputs = [Output(topology.NORMALIZED, record.partition, record.value) for record in records]
        return Outcome(outputs, observations_in=len(records), observations_out=len(records))

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        self.dropped += [("revoked", position) for position in positions if self.prepared.pop(position, None)]

    def rewound(self, position: TopicPartition, offset: int) -> int:
        if self.prepared.pop(position, None):
            self.dropped.append(("rewound", position))
        return offset


def values(partition: int, *offsets: int) -> list[bytes]:
    return [f"{partition}.{offset}".encode() for offset in offsets]


def test_all_partitions_of_a_poll_are_prepared_before_any_is_processed() -> None:
    log, copying = filled(3, 2), Copying()
    log.run(copying)
    everything = values(0, 0, 1) + values(1, 0, 1) + values(2, 0, 1)
    assert copying.log == [("prepare", everything), *[("process", values(p, 0, 1)) for p in range(3)]]
    assert [value for _, _, value in log.outputs] == everything
    assert log.committed == {P0: 2, P1: 2, P2: 2}


def test_a_suspect_partition_is_tried_one_by_one_while_nothing_is_prepared() -> None:
    class Picky(Copying):
        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            if any(record.value == b"1.1" for record in records):
                self.log.append(("refuse", [record.value for record in records]))
                self.prepared.pop(position, None)
                raise ValueError("poison")
            return super().process(position, records)

    log, picky = filled(3, 3), Picky()
    log.run(picky)
    assert picky.log == [
        ("prepare", values(0, 0, 1, 2) + values(1, 0, 1, 2) + values(2, 0, 1, 2)),
        ("process", values(0, 0, 1, 2)),
        ("refuse", values(1, 0, 1, 2)),
        ("process", values(1, 0)),
        ("refuse", values(1, 1)),
        ("process", values(1, 2)),
        ("prepare", values(0, 0, 1, 2) + values(2, 0, 1, 2)),
        ("process", values(0, 0, 1, 2)),
        ("process", values(2, 0, 1, 2)),
    ]
    assert picky.dropped == [("rewound", P2)], "what was begun behind the suspect is dropped"
    assert Counter(topic for topic, _, _ in log.outputs) == {topology.NORMALIZED: 8, topology.DEAD_LETTER: 1}
    letters = [value for topic, _, value in log.outputs if topic == topology.DEAD_LETTER]
    assert [events_pb2.DeadLetter.FromString(letter).original for letter in letters] == [b"1.1"]
    assert log.committed == {P0: 3, P1: 3, P2: 3}


def test_a_prepare_that_fails_makes_all_be_tried_one_by_one() -> None:
    class Broken(Copying):
        def prepare(self, groups: Mapping[TopicPartition, Sequence[Record]]) -> None:
            super().prepare(groups)
            raise ValueError("a defect")

    log, broken = filled(2, 2), Broken()
    log.run(broken)
    assert [name for name, _ in broken.log] == ["prepare"] + ["process"] * 4
    assert sorted(value for _, _, value in log.outputs) == sorted(values(0, 0, 1) + values(1, 0, 1))
    assert broken.dropped == [("rewound", P0), ("rewound", P1)]
    assert log.committed == {P0: 2, P1: 2}


@pytest.mark.parametrize("error", [Retry("it is away"), BusUnavailable("it is away")], ids=["retry", "bus"])
@pytest.mark.parametrize("where", ["prepare", "process"])
def test_what_was_prepared_is_dropped_when_a_dependency_is_away(error: Exception, where: str) -> None:
    class Dependent(Copying):
        fails = 1

        def prepare(self, groups: Mapping[TopicPartition, Sequence[Record]]) -> None:
            super().prepare(groups)
            self.fail("prepare")

        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            if position == P1:
                self.fail("process")
            return super().process(position, records)

        def fail(self, at: str) -> None:
            if at == where and self.fails:
                self.fails -= 1
                raise error

    log, dependent = filled(3, 2), Dependent()
    log.run(dependent)
    kept = [P0] if where == "process" else []  # finished: its state is taken back, nothing of it is pending
    assert dependent.dropped == [("rewound", position) for position in (P0, P1, P2) if position not in kept]
    assert [value for _, _, value in log.outputs] == values(0, 0, 1) + values(1, 0, 1) + values(2, 0, 1)
    assert [len(said) for name, said in dependent.log if name == "prepare"] == [6, 6], "together again"
    assert log.committed == {P0: 2, P1: 2, P2: 2}


def test_what_was_prepared_is_dropped_when_its_partitions_go() -> None:
    class Stuck(Copying):
        fails = 1

        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            if self.fails:
                raise Retry("it is away")
            return super().process(position, records)

        def rewound(self, position: TopicPartition, offset: int) -> int:
            self.fails = 0
            raise BusUnavailable("the store of the state does not answer")

    log, stuck = filled(2, 2), Stuck()
    log.run(stuck)
    assert stuck.dropped == [("revoked", P0), ("revoked", P1)]
    assert [value for _, _, value in log.outputs] == values(0, 0, 1) + values(1, 0, 1)
    assert log.committed == {P0: 2, P1: 2}


def test_what_was_polled_of_a_partition_that_then_went_away_is_left_to_its_next_owner() -> None:
    class Sharing(Reader):
        """Hands out one record a partition and poll; gives the first partition up while company is polled."""

        def poll(self, max_records: int, timeout_s: float) -> list[Record]:
            if not timeout_s and P0 in self._next:
                self._callbacks.on_revoke([P0])
                self._log.inputs = {p: records for p, records in self._log.inputs.items() if p != P0}
                del self._next[P0]
            came = super().poll(max_records, timeout_s)
            first = {(r.topic, r.partition): r for r in reversed(came)}
            for position, record in first.items():
                self._next[TopicPartition(*position)] = record.offset + 1
            return sorted(first.values())

    class Shared(MemoryLog):
        def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> Reader:
            return Sharing(self, callbacks)

    log, copying = Shared(filled(2, 3).inputs), Copying()
    log.run(copying, replace(SETTINGS, poll_gather_ms=5.0, commit_interval_ms=0))
    assert [value for _, _, value in log.outputs] == values(0, 0) + values(1, 0, 1, 2)
    assert log.committed == {P0: 1, P1: 3}


class Refusing(MemoryLog):
    """Holds what is sent until it is flushed or closed, and refuses one record, once."""

    held: list[tuple[str, int, bytes]]
    refuses = 1

    def producer(self) -> MemoryLog:
        self.held = []
        return self

    def send(self, topic: str, partition: int, value: bytes, *, key: bytes | None = None) -> None:
        if value == b"1.0" and self.refuses:
            self.refuses -= 1
            raise BusUnavailable("injected")
        self.held.append((topic, partition, value))

    def flush(self, timeout_s: float) -> None:
        self.outputs += self.held
        self.held = []

    def close(self) -> None:
        self.flush(0.0)

    def written(self) -> list[bytes | str]:
        """Values in their order, with what else was noted."""
        return [value or note for note, _, value in self.outputs]


def test_what_a_producer_still_holds_is_written_before_its_partitions_are_given_back() -> None:
    class Leaving(Reader):
        def close(self) -> None:
            super().close()
            self._log.outputs.append(("left", 0, b""))

    class Log(Refusing):
        def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> Reader:
            return Leaving(self, callbacks)

    class Stuck(Copying):
        def rewound(self, position: TopicPartition, offset: int) -> int:
            raise BusUnavailable("the store of the state does not answer")

    log = Log(filled(2, 1).inputs)
    log.run(Stuck())
    assert log.written() == [b"0.0", "left", b"0.0", b"1.0", "left"]


def test_what_was_sent_of_a_batch_taken_back_is_written_before_its_partitions_can_go_away() -> None:
    class Sharing(Reader):
        def poll(self, max_records: int, timeout_s: float) -> list[Record]:
            if self._joined and P0 in self._next:
                self._callbacks.on_revoke([P0])
                self._log.outputs.append(("gone", 0, b""))
                del self._log.inputs[P0], self._next[P0]
            return super().poll(max_records, timeout_s)

    class Log(Refusing):
        def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> Reader:
            return Sharing(self, callbacks)

    log = Log(filled(2, 1).inputs)
    log.run(Copying())
    assert log.written() == [b"0.0", "gone", b"1.0"]


def test_what_is_revoked_and_what_is_lost_are_told_apart() -> None:
    class Losing(Reader):
        def close(self) -> None:
            self._callbacks.on_lost([P0])
            self._callbacks.on_revoke([P1])

    class Log(MemoryLog):
        def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> Reader:
            return Losing(self, callbacks)

    class Told(Copying):
        def __init__(self) -> None:
            super().__init__()
            self.told: list[tuple[str, Sequence[TopicPartition]]] = []

        def revoked(self, positions: Sequence[TopicPartition]) -> None:
            self.told.append(("revoked", positions))

        def lost(self, positions: Sequence[TopicPartition]) -> None:
            self.told.append(("lost", positions))

    told = Told()
    Log(filled(3, 1).inputs).run(told)
    assert told.told == [("lost", [P0]), ("revoked", [P1]), ("lost", [P2])], "nobody said what became of the last"
