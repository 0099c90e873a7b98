"""Whose checkpoints they are: of a partition that nothing was begun of, and of one that two processes think theirs."""

from typing import Any

import pytest

from services.rules_engine.service import NAME
from services.rules_engine.state import FENCED_PAUSE_S, EngineState
from tests.conftest import unique
from tests.unit.core.engine import RULES, enriched
from tests.unit.core.events import batch
from vigil import core, topology
from vigil.bus.port import PartitionRange, TopicPartition
from vigil.runtime.health import Health
from vigil.store.checkpoints import Checkpoints

P0 = TopicPartition(topology.ENRICHED, 0)


class Log:
    """As much of a log as the state asks for."""

    def __init__(self) -> None:
        self.name = "first"

    def identity(self, topic: str) -> str:
        return self.name

    def ranges(self, topic: str) -> list[PartitionRange]:
        return [PartitionRange(P0, 0, 1000)]


class Processes:
    """Rules engines over one log and one store of checkpoints, with a clock that is set."""

    def __init__(self, url: str) -> None:
        self.url, self.prefix, self.log = url, unique("t") + ".", Log()
        self.health = Health("test")
        self.now_s = 1000.0

    def start(self, interval_ms: int = 0) -> tuple[EngineState, core.Engine]:
        engine, log = core.Engine(RULES), self.log
        bus: Any = log
        store = Checkpoints(self.url, self.prefix, 1.0)
        return EngineState(engine, store, bus, interval_ms, 4, NAME, self.health, lambda: self.now_s), engine

    def owner(self, end: int) -> tuple[EngineState, core.Engine]:
        """One that owns the partition, and has evaluated and stored what comes before `end`."""
        state, engine = self.start()
        state.take(P0)
        evaluate(state, engine, 0, end)
        return state, engine

    def stored(self) -> int | None:
        """The offset of what the store holds."""
        segments = Checkpoints(self.url, self.prefix, 1.0).segments(0)
        return core.Engine(RULES).restore(0, segments) if segments else None


@pytest.fixture
def processes(redis_url: str) -> Processes:
    return Processes(redis_url)


def evaluate(state: EngineState, engine: core.Engine, first: int, end: int) -> None:
    """A batch, written and acknowledged."""
    state.begin(P0, first, end)
    for offset in range(first, end):
        value = batch([enriched(offset, offset * 10.0, [("heart_rate", 70, 0)], patient=f"p{offset}")])
        pending = engine.begin(P0.topic, P0.partition, [offset], [value], 0)
        engine.finish(pending, None, "", 0)
    state.checkpoint({P0: end})


def test_a_batch_taken_back_before_anything_was_begun_stands_where_it_began(processes: Processes) -> None:
    """Another partition of the poll failed first. To look for a checkpoint that nobody wrote would end the session,
    and the next one would come to the same place."""
    state, _ = processes.start()
    assert state.take(P0) is None
    assert state.take_back(P0, 7) == 7


def test_a_batch_taken_back_does_not_fall_back_on_a_checkpoint_that_was_refused(processes: Processes) -> None:
    processes.owner(5)
    processes.log.name = "made anew"
    state, engine = processes.start()
    assert state.take(P0) is None, "it is of another log"
    assert state.take_back(P0, 0) == 0, "what it would skip was never evaluated"
    assert engine.patients(0) == 0


def test_who_still_owns_a_partition_takes_its_checkpoints_again(processes: Processes) -> None:
    """A process that slept through the loss of a partition takes it as if it were just assigned, then hears better."""
    owner, engine = processes.owner(3)
    sleeper, _ = processes.start()
    assert sleeper.take(P0) == 3
    sleeper.give_up([P0])
    evaluate(owner, engine, 3, 5)
    assert processes.stored() == 3
    assert "another owner" in processes.health.problems()["checkpoints"]
    processes.now_s += FENCED_PAUSE_S / 2
    evaluate(owner, engine, 5, 6)
    assert processes.stored() == 3, "not at once: the other one may be the owner, and this one not know it yet"
    processes.now_s += FENCED_PAUSE_S
    evaluate(owner, engine, 6, 7)
    assert processes.stored() == 7
    assert not processes.health.problems()
    heir, inherited = processes.start()
    assert (heir.take(P0), inherited.patients(0)) == (7, 7)


def test_who_lost_a_partition_does_not_write_over_its_successor(processes: Processes) -> None:
    former, engine = processes.owner(3)
    successor, inherited = processes.start()
    assert successor.take(P0) == 3
    evaluate(successor, inherited, 3, 9)
    evaluate(former, engine, 3, 5)
    former.give_up([P0])
    assert processes.stored() == 9
    evaluate(successor, inherited, 9, 10)
    assert processes.stored() == 10


def test_of_a_partition_that_is_lost_nothing_is_stored(processes: Processes) -> None:
    """Others may have it already; or the log lost its end, and the state has seen what is not in it."""
    state, engine = processes.start(interval_ms=60_000)
    for how, stored in ((state.forget, 0), (state.give_up, 3)):
        assert state.take(P0) in (None, 0)
        evaluate(state, engine, 0, 3)
        how([P0])
        assert engine.patients(0) == 0
        assert processes.stored() == stored
