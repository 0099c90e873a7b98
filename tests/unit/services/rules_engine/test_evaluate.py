"""The rules engine's processor with the real core: whatever the model does, the rules go on."""

import pytest

from services.rules_engine.service import Evaluate
from tests.unit.core.engine import RULES, enriched
from tests.unit.core.events import T0, batch
from vigil import core, topology
from vigil.bus.port import Record, TopicPartition
from vigil.pb import events_pb2


class Model:
    """Answers with what it was made with."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer

    def anew(self) -> None:
        pass

    def ask(self, pending: core.Pending) -> core.Pending:
        return pending

    def scores(self, question: core.Pending) -> tuple[bytes | None, str]:
        return self.answer, "m1"


class NoState:
    """Nothing is kept."""

    def begin(self, position: TopicPartition, first: int, end: int) -> None:
        pass


@pytest.mark.parametrize("answer", [None, b"", b"\x00" * 7, b"\x00" * 4000])
def test_an_answer_that_does_not_fit_is_no_answer(answer):
    position = TopicPartition(topology.ENRICHED, 0)
    value = batch([enriched(0, 0, [("heart_rate", 0, 0)])])
    record = Record(position.topic, position.partition, 5, None, value, T0 // 1000)
    outcome = Evaluate(core.Engine(RULES), NoState(), Model(answer)).process(position, [record])
    written = {
        topic: [o.value for o in outcome.outputs if o.topic == topic] for topic in (topology.SCORED, topology.ALERTS)
    }
    alerts = [events_pb2.AlertEvent.FromString(value) for value in written[topology.ALERTS]]
    assert alerts[0].alert_type == "asystole"
    scores = events_pb2.TelemetryBatch.FromString(written[topology.SCORED][0]).observations[0].scores
    assert scores.flags == events_pb2.OBSERVATION_FLAG_SCORE_UNAVAILABLE
    assert outcome.observations_in == outcome.observations_out == 1
