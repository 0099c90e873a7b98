"""Asking for scores: however the model is missing, it is unavailable and nothing is raised."""

import threading
from typing import Any

import pytest

from services.rules_engine.questions import CALL_ROWS_MAX
from services.rules_engine.scorer import Scorer
from tests.support.platform import eventually
from tests.unit.services.rules_engine.streamed_model import BOUNDS, FEATURES, SCORES, Model, marked
from tests.unit.services.rules_engine.test_breaker import Clock
from vigil.pb import anomaly_pb2 as pb


class Rows:
    """What is waiting for scores."""

    def __init__(self, rows: int = 1) -> None:
        self.rows, self.features = rows, b"\0" * 4 * FEATURES * rows


def ask(scorer: Scorer, rows: int = 1) -> tuple[bytes | None, str]:
    pending: Any = Rows(rows)
    scorer.anew()
    return scorer.scores(scorer.ask(pending))


def pass_(scorer: Scorer, seconds: float) -> None:
    clock: Any = scorer._now
    clock.at += seconds


def probed(scorer: Scorer) -> None:
    """Sends the probe that is due, and waits for its outcome."""
    scorer.look()
    assert scorer._probe is not None

    def ended() -> bool:
        scorer.look()
        return scorer._probe is None

    eventually("the probe's outcome", ended, 5)


@pytest.mark.parametrize("closed", [False, True], ids=["nobody answers", "the channel is closed"])
def test_a_model_that_is_away_is_unavailable_and_left_alone(closed: bool) -> None:
    scorer = Scorer("127.0.0.1:1", BOUNDS, "test", Clock())
    assert scorer.well is None
    if closed:
        scorer.close()
    for _ in range(2):
        assert ask(scorer) == (None, "")
    assert scorer.well is False
    pending: Any = Rows()
    assert scorer.ask(pending) is None, "it is not asked while the breaker is open"


def test_many_rows_are_asked_some_calls_at_a_time(model: Model, scorer: Scorer) -> None:
    scores, version = ask(scorer, 5 * CALL_ROWS_MAX + 7)
    assert scores is not None
    assert len(scores) == (5 * CALL_ROWS_MAX + 7) * SCORES * 4
    assert (version, sum(model.rows), len(model.rows)) == ("m", 5 * CALL_ROWS_MAX + 7, 6)
    assert model.most <= BOUNDS.in_flight_max
    assert model.streams == 1


@pytest.mark.parametrize("how", ["hung", "slow", "refuses", "misfits"])
def test_a_model_of_no_use_is_left_alone_until_a_probe_succeeds(model: Model, scorer: Scorer, how: str) -> None:
    def refuses(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        return pb.ScoreBatchResponse(status=pb.MODEL_UNAVAILABLE, request=request.request)

    def misfits(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        answer = model.good(request)
        answer.scores += b"\0" * 4
        return answer

    reason = {"hung": "DEADLINE_EXCEEDED", "slow": "slow", "refuses": "MODEL_UNAVAILABLE", "misfits": "invalid_scores"}
    model.answer = {"hung": model.hung, "slow": model.slow, "refuses": refuses, "misfits": misfits}[how]
    for _ in range(BOUNDS.breaker.failures_max):
        scores, _ = ask(scorer)
        assert (scores is None) == (how != "slow"), "what came in time is used"
    assert (scorer.well, scorer.reason) == (False, reason[how])
    asked = len(model.rows)
    assert ask(scorer) == (None, "")
    scorer.look()
    assert len(model.rows) == asked, "neither a batch nor a probe before the pause is over"
    model.answer = model.good
    pass_(scorer, 1.1)
    probed(scorer)
    assert scorer.well is True
    assert ask(scorer)[0] is not None


def test_scores_are_named_after_the_model_that_made_them(model: Model, scorer: Scorer) -> None:
    """Another takes over between two messages of one batch."""

    def changes(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        answer = model.good(request)
        if len(model.rows) > 1:
            answer.model_version, answer.scores = "n", b"\1" * len(answer.scores)
        return answer

    model.answer = changes
    scores, version = ask(scorer, CALL_ROWS_MAX + 3)
    assert (version, scores) == ("n", b"\1" * (CALL_ROWS_MAX + 3) * SCORES * 4)
    assert model.rows == [CALL_ROWS_MAX, 3] * 2
    assert scorer.well is True


def test_without_input_the_model_is_probed_all_the_same(model: Model, scorer: Scorer) -> None:
    probed(scorer)
    assert scorer.well is True
    scorer.look()
    assert scorer._probe is None, "not again at once"
    model.close()
    for _ in range(BOUNDS.breaker.failures_max):
        pass_(scorer, 11)
        probed(scorer)
    assert scorer.well is False


def poll(scorer: Scorer, *rows: int) -> list[tuple[bytes | None, str]]:
    """What the batches of one poll, of so many rows each, are answered: all are asked before any is waited for."""
    pendings: list[Any] = [Rows(each) for each in rows]
    scorer.anew()
    questions = [scorer.ask(pending) for pending in pendings]
    return [scorer.scores(question) for question in questions]


def test_a_poll_without_an_answer_is_one_failure_and_waits_once(model: Model, scorer: Scorer) -> None:
    model.answer = model.hung
    assert poll(scorer, 1, 2, 3) == [(None, "")] * 3
    assert scorer._breaker.failures == 1
    assert poll(scorer, 1, 2, 3) == [(None, "")] * 3
    assert scorer.well is False


def test_a_poll_that_waited_too_long_for_one_batch_is_slow_however_fast_the_others_were(
    model: Model, scorer: Scorer
) -> None:
    def first_slow(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        return model.slow(request) if request.rows == 1 else model.good(request)

    model.answer = first_slow
    for _ in range(BOUNDS.breaker.failures_max):
        assert scorer.well is not False
        assert all(scores is not None for scores, _ in poll(scorer, 1, 2, 2)), "what came in time is used"
    assert (scorer.well, scorer.reason) == (False, "slow")


def test_a_batch_that_failed_is_not_forgotten_for_others_that_did_not(model: Model, scorer: Scorer) -> None:
    def one_refused(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        if request.rows != 1:
            return model.good(request)
        return pb.ScoreBatchResponse(status=pb.INVALID_ARGUMENT, request=request.request)

    model.answer = one_refused
    for _ in range(BOUNDS.breaker.failures_max):
        assert [scores is not None for scores, _ in poll(scorer, 2, 1, 3)] == [True, False, True]
    assert (scorer.well, scorer.reason) == (False, "INVALID_ARGUMENT")


def test_what_was_asked_for_a_poll_that_is_over_is_nobodys(model: Model, scorer: Scorer) -> None:
    """The service answers the first poll when the second has been asked: its answers find nobody."""
    go = threading.Event()

    def late(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        go.wait(10)
        return marked(request)

    model.answer = late
    pendings: list[Any] = [Rows(1), Rows(1)]
    scorer.anew()
    before = [scorer.ask(pending) for pending in pendings]
    scorer.anew()
    after = [scorer.ask(pending) for pending in pendings]
    go.set()
    assert [scorer.scores(question)[0] for question in after] == [bytes([n]) * SCORES * 4 for n in (3, 4)]
    assert scorer.well is True
    assert [scorer.scores(question) for question in before] == [(None, "")] * 2
