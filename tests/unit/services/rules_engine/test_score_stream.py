"""The scorer's stream: it breaks, is opened again, and no answer is ever taken for another's."""

import threading
from dataclasses import replace

import pytest

from services.rules_engine.scorer import Scorer
from tests.support.platform import eventually
from tests.unit.services.rules_engine.streamed_model import BOUNDS, SCORES, Answer, Model, marked
from tests.unit.services.rules_engine.test_breaker import Clock
from tests.unit.services.rules_engine.test_scorer import ask, probed
from vigil.pb import anomaly_pb2 as pb


def once(first: Answer, model: Model) -> Answer:
    """Answers as `first` the next time, and well from then on."""

    def answer(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse | None:
        model.answer = model.good
        return first(request)

    return answer


def answered(scorer: Scorer) -> bool:
    """Asks with a closed breaker: the channel connects anew at its own pace."""
    scorer._breaker.succeeded()
    return ask(scorer)[0] is not None


def breaks(_request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
    raise RuntimeError("broken")


def test_batches_and_probes_share_one_stream(model: Model, scorer: Scorer) -> None:
    probed(scorer)
    for rows in (1, 3, 2):
        scores, _ = ask(scorer, rows)
        assert scores is not None
        assert len(scores) == rows * SCORES * 4
    assert (model.streams, model.rows) == (1, [1, 1, 3, 2])


@pytest.mark.parametrize("how", [breaks, lambda _: None], ids=["broken", "ended by the service"])
def test_a_stream_that_served_and_broke_is_reopened_and_the_batch_asked_once_more(
    model: Model, scorer: Scorer, how: Answer
) -> None:
    assert ask(scorer)[0] is not None
    model.answer = once(how, model)
    assert ask(scorer)[0] is not None
    assert (model.streams, model.rows) == (2, [1, 1, 1])
    assert scorer.well is True


def test_a_stream_that_breaks_each_time_is_a_failure(model: Model, scorer: Scorer) -> None:
    assert ask(scorer)[0] is not None
    model.answer = breaks
    for _ in range(BOUNDS.breaker.failures_max):
        assert ask(scorer) == (None, "")
    assert (scorer.well, scorer.reason) == (False, "UNKNOWN")
    assert model.streams <= 2 + BOUNDS.breaker.failures_max, "asked once more, not for ever"


def test_a_service_that_came_back_is_asked_on_a_new_stream(model: Model, scorer: Scorer) -> None:
    assert ask(scorer)[0] is not None
    model.close()
    assert ask(scorer) == (None, "")
    again = Model(model.target)
    try:
        eventually("an answer of the new process", lambda: answered(scorer), 10)
        assert again.rows
    finally:
        again.close()


def test_a_late_answer_is_not_taken_for_a_later_batchs(model: Model) -> None:
    scorer = Scorer(model.target, replace(BOUNDS, timeout_s=0.2), "test", Clock())
    go = threading.Event()

    def late(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        go.wait(10)
        return marked(request)

    assert ask(scorer)[0] is not None
    model.answer = once(late, model)
    assert ask(scorer) == (None, "")
    assert scorer.reason == "DEADLINE_EXCEEDED"
    model.answer = marked
    go.set()
    scores, _ = ask(scorer)
    assert scores == bytes([3]) * SCORES * 4, "the third request's own"
    assert model.streams == 2, "the service is not left with what nobody waits for"
    scorer.close()


@pytest.mark.parametrize("shift", [-1, 1, -(2**63)], ids=["of the one before", "of one to come", "unnamed"])
def test_an_answer_that_names_another_request_is_not_used(model: Model, scorer: Scorer, shift: int) -> None:
    def other(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        answer = Model.good(request)
        answer.request = max(request.request + shift, 0)
        return answer

    assert ask(scorer)[0] is not None
    model.answer = once(other, model)
    assert ask(scorer) == (None, "")
    assert scorer.reason == "unexpected_answer"
    assert ask(scorer)[0] is not None, "on another stream"
    assert model.streams == 2


def test_a_probe_on_its_way_does_not_mix_with_a_batch(model: Model, scorer: Scorer) -> None:
    scorer.look()
    assert scorer._probe is not None
    scores, _ = ask(scorer, 4)
    assert scores is not None
    assert len(scores) == 4 * SCORES * 4
    scorer.look()
    assert scorer._probe is None
    assert scorer.well is True
