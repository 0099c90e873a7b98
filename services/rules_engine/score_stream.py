"""One ScoreStream to the anomaly service, kept open: a message costs about half of a call.

Answers come in the order of the requests and name the request they are of; an answer that does not is never used.
A stream that broke, or was dropped because an answer came too late, is not used again: the next request opens another,
so that a late answer of an earlier batch has nobody to go to.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

import grpc

from vigil.pb import anomaly_pb2 as pb

METHOD = "/anomaly.AnomalyDetection/ScoreStream"
_Answer = pb.ScoreBatchResponse | Exception
_Method = Callable[[Iterator[pb.ScoreBatchRequest]], Any]


class Unusable(Exception):
    """An answer, but none to be used, or none in time; the text is a bounded name."""


class Broken(Unusable):
    """A stream that had answered ended before this answer; another may do better at once."""


class Asked:
    """A request on its way, and the place for its answer."""

    def __init__(self, number: int, rows: int) -> None:
        self.number, self.rows = number, rows
        self._answer: SimpleQueue[_Answer] = SimpleQueue()

    def put(self, answer: _Answer) -> None:
        """The answer, or why there is none. From the stream's thread."""
        self._answer.put(answer)

    def done(self) -> bool:
        """Whether `result` would not wait."""
        return not self._answer.empty()

    def result(self, timeout_s: float) -> pb.ScoreBatchResponse:
        """Once only. Raises `Unusable` when there is none within `timeout_s`, or what broke the stream. An answer that
        is there is never too late."""
        try:
            answer = self._answer.get(timeout=max(timeout_s, 0.0))
        except Empty:
            raise Unusable("DEADLINE_EXCEEDED") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


class ScoreStream:
    """Opens a stream when there is something to ask and none is open. Used from one thread."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._method: _Method = channel.stream_stream(
            METHOD,
            request_serializer=pb.ScoreBatchRequest.SerializeToString,
            response_deserializer=pb.ScoreBatchResponse.FromString,
        )
        self._numbers = itertools.count(1)
        self._open: _Open | None = None

    def ask(self, request: pb.ScoreBatchRequest) -> Asked:
        """Sends it without waiting, under a number that no other request has. Raises when no stream can be opened."""
        request.request = next(self._numbers)
        asked = Asked(request.request, request.rows)
        if self._open is None or not self._open.send(request, asked):
            self._open = _Open(self._method, request, asked)
        return asked

    def drop(self) -> None:
        """Gives the open stream up: nobody waits for what is still on its way."""
        if self._open is not None:
            self._open.cancel()
            self._open = None


class _Open:
    """One stream from its opening, with its first request, to its end, which its reading thread sees."""

    def __init__(self, method: _Method, request: pb.ScoreBatchRequest, asked: Asked) -> None:
        self._requests: SimpleQueue[pb.ScoreBatchRequest | None] = SimpleQueue()
        self._waiting = deque([asked])
        self._lock = threading.Lock()
        self._ended = False
        self._requests.put(request)
        self._call = method(iter(self._requests.get, None))
        threading.Thread(target=self._read, name="score-stream", daemon=True).start()

    def send(self, request: pb.ScoreBatchRequest, asked: Asked) -> bool:
        """Whether it was sent; False when the stream has ended."""
        with self._lock:
            if self._ended:
                return False
            self._waiting.append(asked)
        self._requests.put(request)
        return True

    def cancel(self) -> None:
        """Ends it now, on both sides."""
        self._call.cancel()

    def _read(self) -> None:
        answered, why = False, "stream_ended"
        error: Exception | None = None
        try:
            for answer in self._call:
                if not self._waiting or self._waiting[0].number != answer.request:
                    self._call.cancel()
                    error = Unusable("unexpected_answer")
                    break
                self._waiting.popleft().put(answer)
                answered = True
        except Exception as raised:
            error, why = raised, raised.code().name if isinstance(raised, grpc.Call) else type(raised).__name__
        with self._lock:
            self._ended = True
        self._requests.put(None)  # ends the thread that sends
        if not isinstance(error, Unusable):
            error = (Broken if answered else Unusable)(why)
        for asked in self._waiting:
            asked.put(error)
