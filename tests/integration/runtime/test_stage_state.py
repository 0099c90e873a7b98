"""The batch loop on both logs with processors that keep state, and with others that share the work."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.integration.bus.support import await_true, send
from tests.integration.runtime.identity import Identity, stage
from tests.integration.runtime.support import GROUP, Faulty, assert_complete_and_in_order, count, written
from vigil import topology
from vigil.bus import connect
from vigil.bus.port import Bus, BusUnavailable, DeliveryFailed, Record, TopicPartition
from vigil.runtime.stage import Outcome, Stage
from vigil.settings import Settings


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
    # Who is only slow must not count as gone: what a lost session repeats is not what is tested here.
    # (Kafka waits that long for a member whose first request was lost.)
    settings = replace(settings, bus_session_timeout_s=6.0 if settings.kafka_brokers else 30.0)
    first, second = Identity(), Identity()
    run(first, connect(settings), settings)
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

    leaver = run(second, connect(settings), settings)
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
