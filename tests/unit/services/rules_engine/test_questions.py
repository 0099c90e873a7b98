"""What a poll asks of the model: all of it before anything is waited for, together no longer than one timeout."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from services.rules_engine import questions as module
from services.rules_engine.questions import Question, Questions
from services.rules_engine.score_stream import Broken, Unusable
from tests.unit.services.rules_engine.streamed_model import FEATURES, SCORES
from tests.unit.services.rules_engine.test_breaker import Clock
from vigil.pb import anomaly_pb2 as pb

ROW = 4 * FEATURES
TIMEOUT_S = 0.5


@dataclass
class Stream:
    """Answers message n (from 0), after `takes_s`, with scores that are all of byte n, or with `instead`.

    Of the model whose name is the last in `models` from its message on.
    """

    clock: Clock
    takes_s: float = 0.0
    instead: dict[int, Exception | pb.ScoreBatchResponse] = field(default_factory=dict)
    models: dict[int, str] = field(default_factory=lambda: {0: "a"})
    log: list[str] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)  # the features of each message

    def ask(self, request: pb.ScoreBatchRequest) -> "OnItsWay":
        self.asked.append(request.features)
        self.log.append("ask")
        return OnItsWay(self, len(self.asked) - 1, request.rows)

    def drop(self) -> None:
        self.log.append("drop")


@dataclass
class OnItsWay:
    """A message on its way."""

    stream: Stream
    number: int
    rows: int

    def result(self, timeout_s: float) -> pb.ScoreBatchResponse:
        stream = self.stream
        stream.log.append("wait")
        if stream.takes_s > max(timeout_s, 0.0):
            stream.clock.at += max(timeout_s, 0.0)
            raise Unusable("DEADLINE_EXCEEDED")
        stream.clock.at += stream.takes_s
        answer = stream.instead.get(self.number)
        if isinstance(answer, Exception):
            raise answer
        return answer or self.good(self.rows)

    def good(self, rows: int) -> pb.ScoreBatchResponse:
        """Scores of so many rows."""
        model = self.stream.models[max(first for first in self.stream.models if first <= self.number)]
        scores = bytes([self.number]) * 4 * SCORES * rows
        return pb.ScoreBatchResponse(status=pb.SUCCESS, rows=rows, scores=scores, model_version=model)


REFUSED = pb.ScoreBatchResponse(status=pb.MODEL_UNAVAILABLE)


@pytest.fixture
def stream() -> Stream:
    return Stream(Clock())


@pytest.fixture
def poll(stream: Stream) -> Questions:
    return Questions(stream, 4, TIMEOUT_S, stream.clock)


def ask(poll: Questions, *rows: int) -> list[Question]:
    """A question of so many rows each; the n-th has features of byte n."""
    return [poll.ask(bytes([n]) * ROW * each) for n, each in enumerate(rows)]


def answered(poll: Questions, question: Question) -> list[int]:
    """Which messages it was answered by."""
    return [answer.scores[0] for answer in poll.answers(question)]


def failure(poll: Questions, question: Question) -> str:
    with pytest.raises(Unusable) as caught:
        poll.answers(question)
    return str(caught.value)


@pytest.fixture
def short_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a message."""
    monkeypatch.setattr(module, "CALL_ROWS_MAX", 2)


def test_all_are_asked_before_any_is_waited_for(stream: Stream, poll: Questions) -> None:
    asked = ask(poll, 1, 2, 3)
    assert stream.log == ["ask"] * 3
    assert poll.open
    assert [answered(poll, question) for question in asked] == [[0], [1], [2]]
    assert stream.log == ["ask"] * 3 + ["wait"] * 3
    assert not poll.open


@pytest.mark.usefixtures("short_messages")
def test_no_more_messages_are_on_their_way_than_may_be_whosever_they_are(stream: Stream, poll: Questions) -> None:
    first, second = ask(poll, 6, 5)
    assert stream.log == ["ask"] * 4
    assert module.IN_FLIGHT._value.get() == 4
    assert answered(poll, first) == [0, 1, 2]
    assert stream.log == ["ask"] * 4 + ["wait", "ask"] * 2 + ["wait"]
    assert answered(poll, second) == [3, 4, 5]
    assert [len(features) // ROW for features in stream.asked] == [2, 2, 2, 2, 2, 1]
    assert module.IN_FLIGHT._value.get() == 0


@pytest.mark.usefixtures("short_messages")
def test_answers_go_to_whom_they_are_of_in_any_order_of_waiting(poll: Questions) -> None:
    first, second = ask(poll, 3, 4)
    assert answered(poll, second) == [2, 3]
    assert answered(poll, first) == [0, 1]


def test_all_together_are_waited_for_no_longer_than_one_timeout(stream: Stream, poll: Questions) -> None:
    stream.takes_s = 0.24
    began = stream.clock.at
    asked = ask(poll, 1, 1, 1, 1)
    assert [answered(poll, question) for question in asked[:2]] == [[0], [1]]
    assert [failure(poll, question) for question in asked[2:]] == ["DEADLINE_EXCEEDED"] * 2
    assert stream.clock.at - began == pytest.approx(TIMEOUT_S)
    assert stream.log[-2:] == ["wait", "drop"], "nobody waits for the last one, and no late answer finds anybody"


def test_what_the_rules_do_between_two_answers_is_not_waiting(stream: Stream, poll: Questions) -> None:
    stream.takes_s = 0.2
    first, second = ask(poll, 1, 1)
    assert answered(poll, first) == [0]
    stream.clock.at += 10 * TIMEOUT_S
    assert answered(poll, second) == [1]


def test_an_answer_that_is_there_is_used_though_the_time_is_up(stream: Stream, poll: Questions) -> None:
    stream.takes_s = TIMEOUT_S
    first, second = ask(poll, 1, 1)
    assert answered(poll, first) == [0]
    stream.takes_s = 0.0
    assert answered(poll, second) == [1]


@pytest.mark.parametrize(("status", "reason"), [(pb.OVERLOADED, "OVERLOADED"), (99, "unknown_status")])
def test_a_refusal_is_named_also_one_that_is_not_known_yet(
    stream: Stream, poll: Questions, status: Any, reason: str
) -> None:
    stream.instead[0] = pb.ScoreBatchResponse(status=status)
    (first,) = ask(poll, 1)
    assert failure(poll, first) == reason


@pytest.mark.usefixtures("short_messages")
def test_an_answer_of_no_use_fails_its_own_batch_only(stream: Stream, poll: Questions) -> None:
    stream.instead[0] = REFUSED
    first, second = ask(poll, 10, 3)
    assert failure(poll, first) == "MODEL_UNAVAILABLE"
    assert answered(poll, second) == [4, 5], "behind those that were on their way"
    assert stream.asked[4:] == [bytes([1]) * ROW * 2, bytes([1]) * ROW], "what of the first was not sent is not asked"
    assert "drop" not in stream.log


@pytest.mark.usefixtures("short_messages")
@pytest.mark.parametrize("rows", [0, 1, 3], ids=["no rows", "too few", "too many"])
def test_an_answer_of_another_length_than_its_rows_is_of_no_use(stream: Stream, poll: Questions, rows: int) -> None:
    """Also when the next one makes up for it: the scores of the batch would be as many, but of other rows."""
    stream.instead[0] = OnItsWay(stream, 0, 2).good(rows)
    stream.instead[1] = OnItsWay(stream, 1, 2).good(4 - rows)
    first, second = ask(poll, 4, 2)
    assert failure(poll, first) == "invalid_scores"
    assert answered(poll, second) == [2]


@pytest.mark.usefixtures("short_messages")
def test_a_batch_that_two_models_answered_is_asked_about_once_more(stream: Stream, poll: Questions) -> None:
    stream.models[2] = "b"
    first, second, third = ask(poll, 2, 5, 4)
    assert answered(poll, first) == [0], "the model before the change"
    assert answered(poll, third) == [4, 5], "the one after it"
    made = poll.answers(second)
    assert [(answer.scores[0], answer.model_version) for answer in made] == [(6, "b"), (7, "b"), (8, "b")]
    assert stream.asked[6:] == [bytes([1]) * ROW * 2, bytes([1]) * ROW * 2, bytes([1]) * ROW]
    assert "drop" not in stream.log
    assert module.IN_FLIGHT._value.get() == 0


@pytest.mark.usefixtures("short_messages")
def test_a_batch_that_never_is_of_one_model_has_no_scores_and_the_others_have(stream: Stream, poll: Questions) -> None:
    stream.models |= {1: "b", 4: "a"}
    first, second = ask(poll, 4, 1)
    assert answered(poll, second) == [2]
    assert failure(poll, first) == "models_changed"
    assert len(stream.asked) == 5, "once more, not for ever"
    assert not poll.open


@pytest.mark.usefixtures("short_messages")
def test_asking_about_a_batch_once_more_takes_of_the_same_time(stream: Stream, poll: Questions) -> None:
    stream.takes_s, stream.models[1] = 0.2, "b"
    began = stream.clock.at
    assert failure(poll, *ask(poll, 4)) == "DEADLINE_EXCEEDED"
    assert stream.clock.at - began == pytest.approx(TIMEOUT_S)


@pytest.mark.usefixtures("short_messages")
def test_a_stream_that_broke_is_asked_once_more_for_all_that_is_open(stream: Stream, poll: Questions) -> None:
    stream.instead[2] = Broken("UNAVAILABLE")
    first, second, third = ask(poll, 2, 3, 1)
    assert answered(poll, first) == [0]
    assert answered(poll, second) == [4, 5], "both of its messages anew, so that one model has scored them"
    assert answered(poll, third) == [6]
    assert stream.asked[4:] == [bytes([1]) * ROW * 2, bytes([1]) * ROW, bytes([2]) * ROW]


def test_a_stream_that_breaks_again_fails_all_that_is_open(stream: Stream, poll: Questions) -> None:
    stream.instead = {1: Broken("UNAVAILABLE"), 4: Broken("INTERNAL")}
    first, second, third, last = ask(poll, 1, 1, 1, 1)
    assert answered(poll, first) == [0]
    assert [failure(poll, question) for question in (second, third, last)] == ["INTERNAL"] * 3
    assert len(stream.asked) == 7, "once more, not for ever"
    assert module.IN_FLIGHT._value.get() == 0


def test_a_stream_that_cannot_be_opened_is_said_when_it_is_waited_for(stream: Stream) -> None:
    def closed(_request: pb.ScoreBatchRequest) -> OnItsWay:
        raise ValueError("the channel is closed")

    stream.ask = closed  # type: ignore[method-assign]
    poll = Questions(stream, 4, TIMEOUT_S, stream.clock)
    asked = ask(poll, 1, 1)
    for question in asked:
        with pytest.raises(ValueError, match="closed"):
            poll.answers(question)


@pytest.mark.parametrize("waited", [0, 1, 2])
def test_what_is_dropped_is_not_waited_for(stream: Stream, poll: Questions, waited: int) -> None:
    asked = ask(poll, 1, 1)
    for question in asked[:waited]:
        poll.answers(question)
    poll.drop()
    assert stream.log.count("drop") == (waited < 2), "an idle stream serves the next poll"
    for question in asked[waited:]:
        assert failure(poll, question) == "dropped"
    assert module.IN_FLIGHT._value.get() == 0
