"""What is asked of the model for one poll: the rows of all its partitions, before any answer is waited for.

Messages go out in the order in which they were asked, some at a time, and are answered in that order. The rules wait
for all answers of a poll together no longer than for one: what they do themselves between two answers does not count,
and an answer that is there by then is used.

Scores are only named after the model that made them: when another took over between two messages of one batch, the
whole batch is asked about once more.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from prometheus_client import Gauge

from services.rules_engine.score_stream import Broken, Unusable
from vigil.core import feature_names, feature_schema, score_names
from vigil.pb import anomaly_pb2 as pb

CALL_ROWS_MAX = 8192
"""Rows a message; a batch of more is sent as several."""
IN_FLIGHT = Gauge("vigil_model_calls_in_flight", "ScoreStream messages on their way")
COLUMNS, SCORES = len(feature_names()), len(score_names())
_SCHEMA = feature_schema()


class Answer(Protocol):
    """A request on its way."""

    rows: int

    def result(self, timeout_s: float) -> pb.ScoreBatchResponse:
        """As `Asked.result`."""


class Stream(Protocol):
    """What a `ScoreStream` does for who asks."""

    def ask(self, request: pb.ScoreBatchRequest) -> Answer:
        """Sends it without waiting."""

    def drop(self) -> None:
        """Nobody waits for what is still on its way."""


def request_of(features: bytes) -> pb.ScoreBatchRequest:
    """A message of packed rows."""
    rows = len(features) // (COLUMNS * 4)
    return pb.ScoreBatchRequest(version="1", rows=rows, columns=COLUMNS, features=features, schema=_SCHEMA)


def usable(answer: pb.ScoreBatchResponse, rows: int) -> pb.ScoreBatchResponse:
    """The same. Raises `Unusable` when it does not hold the scores of `rows` rows."""
    if answer.status != pb.SUCCESS:
        known = answer.status in pb.Status.values()  # a later service may have others
        raise Unusable(pb.Status.Name(answer.status) if known else "unknown_status")
    if len(answer.scores) != rows * SCORES * 4:
        raise Unusable("invalid_scores")
    return answer


class Question:
    """The rows of one batch, and what was answered to them so far."""

    def __init__(self, features: bytes) -> None:
        step = CALL_ROWS_MAX * COLUMNS * 4
        self.messages = [features[at : at + step] for at in range(0, len(features), step)]
        self.answers: list[pb.ScoreBatchResponse] = []
        self.error: Exception | None = None
        self.anew = False  # asked once more, because several models had answered

    @property
    def of_several(self) -> bool:
        """Whether it is answered, but not by one model."""
        return not self.open and self.error is None and len({answer.model_version for answer in self.answers}) > 1

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.error is None and len(self.answers) < len(self.messages)

    def take(self, answer: pb.ScoreBatchResponse, rows: int) -> None:
        """The answer to its next message. After one of no use, nobody needs the others."""
        try:
            if self.error is None:
                self.answers.append(usable(answer, rows))
        except Unusable as error:
            self.error = error


class Questions:
    """Of one poll. Used from the stage's thread; `now` is a monotonic clock in seconds."""

    def __init__(
        self, stream: Stream, in_flight_max: int, timeout_s: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._in_flight_max, self._now = stream, in_flight_max, now
        self._left_s = timeout_s  # to be waited, for all of them together
        self._asked: list[Question] = []
        self._unsent: deque[tuple[Question, bytes]] = deque()
        self._sent: deque[tuple[Question, Answer]] = deque()
        self._reopened = False

    @property
    def open(self) -> bool:
        """Whether one of them waits for an answer."""
        return any(question.open for question in self._asked)

    def ask(self, features: bytes) -> Question:
        """Sends what may be on its way, and does not wait. What went wrong, `answers` says."""
        question = Question(features)
        self._asked.append(question)
        self._ask_for(question)
        self._send()
        return question

    def answers(self, question: Question) -> list[pb.ScoreBatchResponse]:
        """The answers to its messages, all of one model. Raises `Unusable`, or what gRPC raised: when there is none in
        time or the stream failed, all others that are open have failed too; when one is of no use, this one alone."""
        while question.open:
            try:
                self._take()
            except Broken as error:
                # As when the service or a proxy ends a connection that served for long: asked once more.
                if self._reopened:
                    self._fail(error)
                else:
                    self._ask_again()
            except Exception as error:
                self._fail(error)
        if question in self._asked:
            self._asked.remove(question)
        if question.error is not None:
            raise question.error
        return question.answers

    def drop(self) -> None:
        """Nobody waits for them any more."""
        self._unsent.clear()
        if self._sent:
            self._fail(Unusable("dropped"))

    def _send(self) -> None:
        try:
            while self._unsent and len(self._sent) < self._in_flight_max:
                question, message = self._unsent.popleft()
                if question.open:
                    self._sent.append((question, self._stream.ask(request_of(message))))
                    IN_FLIGHT.inc()
        except Exception as error:
            self._fail(error)

    def _take(self) -> None:
        """Waits for the next answer, whosever it is, and sends what waited for room."""
        question, asked = self._sent[0]
        began = self._now()
        try:
            answer = asked.result(self._left_s)
        finally:
            self._left_s -= self._now() - began
        self._sent.popleft()
        IN_FLIGHT.dec()
        question.take(answer, asked.rows)
        if question.of_several:
            if question.anew:
                question.error = Unusable("models_changed")
            else:
                question.anew = True
                self._ask_for(question)
        self._send()

    def _ask_again(self) -> None:
        self._reopened = True
        self._forget_messages()
        for question in self._asked:
            if question.open:
                self._ask_for(question)
        self._send()

    def _ask_for(self, question: Question) -> None:
        """All its messages wait to be sent, and nothing is answered yet."""
        question.answers.clear()
        self._unsent.extend((question, message) for message in question.messages)

    def _fail(self, error: Exception) -> None:
        """Whoever waits, waits in vain."""
        self._stream.drop()
        self._forget_messages()
        for question in self._asked:
            if question.open:
                question.error = error

    def _forget_messages(self) -> None:
        IN_FLIGHT.dec(len(self._sent))
        self._sent.clear()
        self._unsent.clear()
