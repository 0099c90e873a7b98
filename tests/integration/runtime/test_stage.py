"""The batch loop on both logs: killed, taken back, poisoned — nothing lost, order kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.integration.bus.support import Child, await_true, send
from tests.integration.runtime.identity import Identity
from tests.integration.runtime.support import GROUP, Faulty, assert_complete_and_in_order, count, written
from vigil import topology
from vigil.bus.port import Bus, DeliveryFailed, Record, TopicPartition
from vigil.pb import events_pb2
from vigil.runtime.stage import Outcome, Retry, Stage
from vigil.settings import Settings


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
