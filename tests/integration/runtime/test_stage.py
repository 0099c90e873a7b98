"""The batch loop on both logs: killed, taken back, poisoned, rebalanced — nothing lost, order kept."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.bus.support import Child, await_true, send
from tests.integration.runtime.identity import Identity, stage
from vigil import topology
from vigil.bus import connect
from vigil.bus.port import Bus, BusUnavailable, DeliveryFailed, Record, TopicPartition
from vigil.pb import events_pb2
from vigil.runtime.stage import Outcome, Retry, Stage
from vigil.settings import Settings

GROUP = "telemetry-normalizer"


@pytest.fixture
def settings(bus_settings: Settings) -> Settings:
    return replace(bus_settings, bus_session_timeout_s=1.0, poll_records_max=16, commit_interval_ms=20)


@pytest.fixture
def run(bus: Bus, settings: Settings) -> Iterator[Callable[..., Stage]]:
    running: list[Stage] = []

    def make(processor: Identity, log: Bus = bus, settings: Settings = settings) -> Stage:
        running.append(stage(log, settings, processor))
        running[-1].start()
        return running[-1]

    yield make
    for one in running:
        one.stop(10)
        assert one.crashed is None


class Faulty:
    """The real log, with a fault put into chosen calls. What is not overridden goes to the real thing."""

    def __init__(self, real: Any, **faults: Callable[..., Any]) -> None:
        self._real, self._faults = real, faults

    def __getattr__(self, name: str) -> Any:
        return self._faults.get(name) or getattr(self._real, name)


def written(bus: Bus, topic: str = topology.NORMALIZED) -> list[Record]:
    return [r for held in bus.ranges(topic) for r in bus.read(held.position, held.low, held.high)]


def count(bus: Bus, topic: str = topology.NORMALIZED) -> int:
    return sum(held.high for held in bus.ranges(topic))


def assert_complete_and_in_order(bus: Bus, total: int) -> None:
    """Every value, and each partition in order once repetitions of what went before are left out."""
    for partition in range(4):
        seen = [int(r.value) for r in written(bus) if r.partition == partition]
        first = list(dict.fromkeys(seen))
        assert first == list(range(partition, total, 4)), f"partition {partition}"


def test_killed_in_the_middle_and_started_again(bus: Bus, bus_environment: dict[str, str], settings: Settings) -> None:
    environment = {
        **bus_environment,
        "BUS_SESSION_TIMEOUT_S": "1",
        "POLL_RECORDS_MAX": "8",
        "COMMIT_INTERVAL_MS": "5",
    }
    total = 3000
    send(bus, (str(number) for number in range(total)))
    code = "import runpy; runpy.run_module('tests.integration.runtime.identity', run_name='__main__')"
    child = Child(code, environment)
    await_true(lambda: count(bus) > 100, "the first run has written something")
    child.kill()
    at_kill = count(bus)
    child = Child(code, environment)
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    child.kill()
    assert 100 < at_kill < total, "the kill did not hit the middle"
    assert_complete_and_in_order(bus, total)


def test_offsets_are_committed_after_the_outputs_are_in_the_log(bus: Bus, run: Callable[..., Stage]) -> None:
    checks: list[bool] = []

    def consumer(*args: Any, **options: Any) -> Any:
        real = bus.consumer(*args, **options)

        def commit(offsets: Mapping[TopicPartition, int]) -> None:
            held = {part.position.partition: part.high for part in bus.ranges(topology.NORMALIZED)}
            checks.append(all(held[p.partition] >= offset for p, offset in offsets.items()))
            real.commit(offsets)

        return Faulty(real, commit=commit)

    run(Identity(), Faulty(bus, consumer=consumer))
    send(bus, (str(number) for number in range(400)))
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    assert checks
    assert all(checks)
    assert count(bus) == 400


def test_a_failed_flush_takes_the_batch_back(bus: Bus, run: Callable[..., Stage]) -> None:
    failures = [0]

    def producer() -> Any:
        real = bus.producer()

        def flush(timeout_s: float) -> None:
            real.flush(timeout_s)
            failures[0] += 1
            if failures[0] in (2, 3):
                raise DeliveryFailed("injected")

        return Faulty(real, flush=flush)

    processor = Identity()
    running = run(processor, Faulty(bus, producer=producer))
    send(bus, (str(number) for number in range(200)))
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    assert processor.rewinds
    await_true(lambda: not running._health.problems(), "healthy again")
    assert_complete_and_in_order(bus, 200)


def test_a_poison_record_becomes_a_dead_letter_before_its_offset_is_committed(
    bus: Bus, run: Callable[..., Stage]
) -> None:
    class Picky(Identity):
        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            if any(r.value in (b"57", b"58") for r in records):
                raise ValueError("poison")
            return super().process(position, records)

    letters_at_commit: list[tuple[int, int]] = []

    def consumer(*args: Any, **options: Any) -> Any:
        real = bus.consumer(*args, **options)

        def commit(offsets: Mapping[TopicPartition, int]) -> None:
            passed = sum(offsets.get(TopicPartition(topology.RAW, p), 0) > 14 for p in (1, 2))
            letters_at_commit.append((passed, count(bus, topology.DEAD_LETTER)))
            real.commit(offsets)

        return Faulty(real, commit=commit)

    send(bus, (str(number) for number in range(200)))
    run(Picky(), Faulty(bus, consumer=consumer))
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    letters = [events_pb2.DeadLetter.FromString(r.value) for r in written(bus, topology.DEAD_LETTER)]
    assert sorted((letter.original, letter.partition, letter.offset) for letter in letters) == [
        (b"57", 1, 14),
        (b"58", 2, 14),
    ]
    assert {letter.stage for letter in letters} == {GROUP}
    assert all(there >= passed for passed, there in letters_at_commit)
    values = {int(r.value) for r in written(bus)}
    assert values == set(range(200)) - {57, 58}


def test_an_output_too_large_for_the_log_does_not_block(bus: Bus, run: Callable[..., Stage]) -> None:
    class Inflating(Identity):
        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            made = super().process(position, records)
            made.outputs = [o._replace(value=b"7" * 9_000_000) if o.value == b"7" else o for o in made.outputs]
            return made

    send(bus, (str(number) for number in range(9)))
    run(Inflating())
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    assert [events_pb2.DeadLetter.FromString(r.value).original for r in written(bus, topology.DEAD_LETTER)] == [b"7"]
    assert count(bus) == 8


def test_a_dependency_that_is_away_is_waited_for_and_said(bus: Bus, run: Callable[..., Stage]) -> None:
    away = [True]

    class Dependent(Identity):
        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            if away[0]:
                raise Retry("the registry is away")
            return super().process(position, records)

    running = run(Dependent())
    send(bus, (str(number) for number in range(40)))
    await_true(lambda: "registry is away" in str(running._health.problems()), "the trouble is said")
    assert count(bus) == 0
    away[0] = False
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    assert not running._health.problems()
    assert_complete_and_in_order(bus, 40)


def test_nothing_is_read_before_the_state_is_restored(bus: Bus, run: Callable[..., Stage]) -> None:
    send(bus, (str(number) for number in range(40)))
    tries = [0]

    class Stateful(Identity):
        def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
            tries[0] += 1
            if tries[0] < 3:
                raise BusUnavailable("the checkpoint store does not answer")
            super().assigned(positions)
            return dict.fromkeys(positions, 6)

        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            assert position in self.owned, "read without its state"
            return super().process(position, records)

    run(Stateful())
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    assert sorted(int(r.value) for r in written(bus)) == list(range(24, 40))


def test_a_state_that_cannot_go_back_starts_anew_from_the_commits(
    bus: Bus, settings: Settings, run: Callable[..., Stage]
) -> None:
    """A batch is processed but not written, and cannot be taken back: what came before it must not be
    checkpointed with a state that has already seen it."""
    flushes = [0]

    class Stuck(Identity):
        def __init__(self) -> None:
            super().__init__()
            self.state: dict[TopicPartition, int] = {}
            self.ahead: list[TopicPartition] = []

        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            self.state[position] = records[-1].offset + 1
            return super().process(position, records)

        def rewound(self, position: TopicPartition, offset: int) -> int:
            super().rewound(position, offset)
            raise BusUnavailable("the checkpoint store does not answer")

        def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
            self.ahead += [p for p, offset in offsets.items() if self.state[p] != offset]

        def revoked(self, positions: Sequence[TopicPartition]) -> None:
            super().revoked(positions)
            for position in positions:
                self.state.pop(position, None)

    def producer() -> Any:
        real = bus.producer()

        def flush(timeout_s: float) -> None:
            flushes[0] += 1
            if flushes[0] in (1, 4):
                raise DeliveryFailed("injected")
            real.flush(timeout_s)

        return Faulty(real, flush=flush)

    processor = Stuck()
    send(bus, (str(number) for number in range(160)))
    run(processor, Faulty(bus, producer=producer), replace(settings, commit_interval_ms=60_000))
    # Not by their count: repetitions are among them.
    await_true(lambda: len({r.value for r in written(bus)}) == 160, "everything written")
    assert len(processor.rewinds) >= 2
    assert processor.ahead == []
    assert_complete_and_in_order(bus, 160)


def test_nothing_is_committed_beyond_what_is_held_back(bus: Bus, settings: Settings, run: Callable[..., Stage]) -> None:
    offsets: list[int] = []  # of partition 0
    holding = [True]

    class Holding(Identity):
        def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
            if position.partition == 0:
                offsets.extend(record.offset for record in records)
            return super().process(position, records)

        def held_offset(self, position: TopicPartition) -> int | None:
            return offsets[2] if position.partition == 0 and len(offsets) > 2 and holding[0] else None

    def committed() -> int | None:
        return bus.committed("telemetry-normalizer", topology.RAW)[0]

    running = run(Holding())
    send(bus, (str(number) for number in range(16)))
    await_true(lambda: len(written(bus)) == 16 and committed() == offsets[2], "committed up to what is held")
    holding[0] = False
    await_true(lambda: committed() == offsets[3] + 1, "committed once it was let go, though nothing more came")
    assert running.crashed is None


def test_stages_share_and_hand_over_without_loss(bus: Bus, settings: Settings, run: Callable[..., Stage]) -> None:
    first, second = Identity(), Identity()
    run(first)
    await_true(lambda: len(first.owned) == 4, "the first owns everything")
    producer = bus.producer()
    sent = 0

    def keep_sending() -> None:
        nonlocal sent
        for _ in range(8):
            producer.send(topology.RAW, sent % 4, str(sent).encode())
            sent += 1
        producer.flush(10)

    def shared() -> bool:
        keep_sending()
        return len(first.owned) == 2 and len(second.owned) == 2

    leaver = run(second, connect(settings))
    await_true(shared, "two partitions each")
    leaver.stop(10)

    def handed_over() -> bool:
        keep_sending()
        return len(first.owned) == 4

    await_true(handed_over, "handed over")
    assert not second.owned
    keep_sending()
    await_true(lambda: bus.lag(GROUP, topology.RAW) == 0, "everything committed")
    producer.close()
    assert_complete_and_in_order(bus, sent)
    assert count(bus) == sent, "orderly hand-overs repeat nothing"


def test_a_stop_commits_what_is_written(bus: Bus, bus_settings: Settings) -> None:
    processor = Identity()
    running = stage(bus, replace(bus_settings, commit_interval_ms=60_000), processor)
    send(bus, (str(number) for number in range(40)))
    running.start()
    await_true(lambda: count(bus) == 40, "everything written")
    began = time.monotonic()
    running.stop(10)
    assert time.monotonic() - began < 5
    assert bus.lag(GROUP, topology.RAW) == 0
    assert not processor.owned
