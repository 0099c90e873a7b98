"""The rules engine's processor over a poll: what is begun ahead, with the real core, changes nothing by itself."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.rules_engine import service
from services.rules_engine.service import Evaluate
from tests.unit.core.engine import RULES, enriched, quiet
from tests.unit.core.events import T0, batch
from tests.unit.services.rules_engine.test_evaluate import NoState
from vigil import core, topology
from vigil.bus.port import Record, TopicPartition
from vigil.pb import events_pb2
from vigil.runtime.processor import Outcome

P0, P1, P2 = (TopicPartition(topology.ENRICHED, partition) for partition in range(3))


class Model:
    """Says QUIET to everything, and remembers what was asked and in which order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.asked: list[bytes] = []

    def anew(self) -> None:
        self.log.append("anew")

    def ask(self, pending: core.Pending) -> int:
        self.log.append("ask")
        self.asked.append(pending.features)
        return pending.rows

    def scores(self, question: int) -> tuple[bytes, str]:
        self.log.append("scores")
        return quiet(question), "m1"


class State(NoState):
    """Of an engine whose checkpoints are the beginning of the log."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.begun: list[tuple[TopicPartition, int, int]] = []

    def begin(self, position: TopicPartition, first: int, end: int) -> None:
        self.begun.append((position, first, end))

    def take_back(self, position: TopicPartition, first: int) -> int:
        self.engine.drop(position.partition)
        return 0

    def give_up(self, positions: Sequence[TopicPartition]) -> None:
        for position in positions:
            self.engine.drop(position.partition)


class Faulty:
    """The real engine, but for `partition`, which cannot be begun."""

    def __init__(self, engine: core.Engine, partition: int) -> None:
        self._engine, self._partition = engine, partition

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def begin(self, topic: str, partition: int, *rest: Any) -> core.Pending:
        if partition == self._partition:
            raise core.CoreError("internal", "", "a defect")
        return self._engine.begin(topic, partition, *rest)


def made(engine: Any = None) -> tuple[Evaluate, Model]:
    engine, model = engine or core.Engine(RULES), Model()
    evaluate: Any = Evaluate(engine, State(engine), model)  # type: ignore[arg-type]
    return evaluate, model


def records(position: TopicPartition, *numbers: int, rate: float = 70) -> list[Record]:
    """A record a number: an observation of the partition's one patient, ten seconds apart."""
    of = f"p{position.partition}"
    return [
        Record(
            *position,
            n,
            None,
            batch([enriched(100 * position.partition + n, n * 10.0, [("heart_rate", rate + n, 0)], patient=of)]),
            T0 // 1000,
        )
        for n in numbers
    ]


def events(outcome: Outcome) -> list[bytes]:
    """Ids of the scored observations."""
    values = [output.value for output in outcome.outputs if output.topic == topology.SCORED]
    return [o.header.event_id for v in values for o in events_pb2.TelemetryBatch.FromString(v).observations]


def in_order(*batches: tuple[TopicPartition, Sequence[Record]]) -> list[bytes]:
    """The rows that an engine makes of these batches, one begun when the one before was finished."""
    engine, rows = core.Engine(RULES), []
    for position, group in batches:
        offsets, values = [record.offset for record in group], [record.value for record in group]
        pending = engine.begin(position.topic, position.partition, offsets, values, 1)
        rows.append(pending.features)
        engine.finish(pending, quiet(pending.rows), "m1", 1)
    return rows


def test_all_partitions_are_asked_about_before_any_answer_is_waited_for() -> None:
    evaluate, model = made()
    groups = {position: records(position, 0, 1) for position in (P0, P1, P2)}
    evaluate.prepare(groups)
    assert model.log == ["anew", "ask", "ask", "ask"]
    outcomes = {position: evaluate.process(position, group) for position, group in groups.items()}
    assert model.log == ["anew", "ask", "ask", "ask", "scores", "scores", "scores"]
    assert [outcome.observations_out for outcome in outcomes.values()] == [2, 2, 2]
    assert model.asked == in_order(*groups.items())


def test_a_large_poll_is_asked_about_partition_by_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate, model = made()
    groups = {position: records(position, 0, 1) for position in (P0, P1)}
    size = sum(len(record.value) for group in groups.values() for record in group)
    monkeypatch.setattr(service, "TOGETHER_BYTES_MAX", size - 1)
    evaluate.prepare(groups)
    assert model.log == []
    outcomes = [evaluate.process(position, group) for position, group in groups.items()]
    assert model.log == ["anew", "ask", "scores"] * 2
    assert [outcome.observations_out for outcome in outcomes] == [2, 2]
    monkeypatch.setattr(service, "TOGETHER_BYTES_MAX", size)
    evaluate.prepare({position: records(position, 2, 3) for position in (P0, P1)})
    assert model.log[6:] == ["anew", "ask", "ask"]


def test_the_state_is_safe_in_the_store_before_the_model_is_asked() -> None:
    evaluate, model = made()
    state: Any = evaluate._state
    begin = state.begin
    state.begin = lambda *batch: (model.log.append("begin"), begin(*batch))
    evaluate.prepare({position: records(position, 3, 4) for position in (P0, P1)})
    assert model.log == ["begin", "begin", "anew", "ask", "ask"]
    assert state.begun == [(P0, 3, 5), (P1, 3, 5)]


def test_polls_one_after_the_other_see_each_the_history_before() -> None:
    evaluate, model = made()
    polls = [{position: records(position, n, n + 1) for position in (P0, P1)} for n in (0, 2, 4)]
    for groups in polls:
        evaluate.prepare(groups)
        for position, group in groups.items():
            evaluate.process(position, group)
    assert model.asked == in_order(*[item for groups in polls for item in groups.items()])


@pytest.mark.parametrize("how", ["rewound", "revoked"])
def test_what_was_begun_and_is_taken_back_has_not_happened(how: str) -> None:
    evaluate, model = made()
    before = {P0: records(P0, 0), P1: records(P1, 0)}
    evaluate.prepare(before)
    evaluate.process(P0, before[P0])
    if how == "rewound":
        assert [evaluate.rewound(position, 0) for position in before] == [0, 0]
    else:
        evaluate.revoked(list(before))
    assert model.log[-1] == "anew", "nobody waits for the answers"
    model.asked.clear()
    again = {P0: records(P0, 0, 1), P1: records(P1, 0, 1)}
    evaluate.prepare(again)
    outcomes = [evaluate.process(position, group) for position, group in again.items()]
    assert model.asked == in_order(*again.items())
    assert [len(set(events(outcome))) for outcome in outcomes] == [2, 2]


def test_nothing_of_what_was_begun_is_used_for_other_records() -> None:
    """As when a batch is processed record by record."""
    evaluate, model = made()
    group = records(P0, 0, 1, 2)
    evaluate.prepare({P0: group, P1: records(P1, 0)})
    model.asked.clear()
    outcomes = [evaluate.process(P0, [record]) for record in group]
    assert [outcome.observations_out for outcome in outcomes] == [1, 1, 1]
    assert model.asked == in_order(*[(P0, [record]) for record in group])


def test_a_partition_that_cannot_be_begun_is_for_process_to_say() -> None:
    engine: Any = Faulty(core.Engine(RULES), P1.partition)
    evaluate, model = made(engine)
    groups = {position: records(position, 0, 1) for position in (P0, P1, P2)}
    evaluate.prepare(groups)
    assert evaluate.process(P0, groups[P0]).observations_out == 2
    with pytest.raises(core.CoreError):
        evaluate.process(P1, groups[P1])
    assert evaluate.process(P2, groups[P2]).observations_out == 2
    assert model.log == ["anew", "ask", "ask", "scores", "scores"]


def test_without_a_model_the_same_comes_out_but_for_the_scores() -> None:
    engine = core.Engine(RULES)
    evaluate: Any = Evaluate(engine, State(engine), None)  # type: ignore[arg-type]
    groups = {position: records(position, 0, 1, rate=0) for position in (P0, P1)}
    evaluate.prepare(groups)
    for position, group in groups.items():
        outcome = evaluate.process(position, group)
        assert outcome.observations_in == outcome.observations_out == 2
        alerts = [events_pb2.AlertEvent.FromString(o.value) for o in outcome.outputs if o.topic == topology.ALERTS]
        assert alerts[0].alert_type == "asystole"
