"""Asks anomaly-service for scores, in batches, within a deadline; away means unavailable, never zero.

A circuit breaker keeps the rules from waiting for a model that does not answer: after a few failures (or slow
answers) in a row it is not asked, but probed in the background, and used again when a probe succeeds.
"""

import logging
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import grpc
from prometheus_client import Counter, Gauge, Histogram

from services.rules_engine.breaker import Breaker, Limits, State
from services.rules_engine.score_stream import Asked, Broken, ScoreStream, Unusable
from vigil.core import Pending, feature_names, feature_schema, score_names
from vigil.pb import anomaly_pb2
from vigil.runtime import metrics
from vigil.runtime.logs import log
from vigil.settings import Settings

CALL_ROWS_MAX = 8192
"""Rows a message; a batch of more is sent as several."""
PROBE_EVERY_S = 10.0
"""A model that nobody needed for so long is probed, so that its outage is known before it is needed."""
CALLS = Counter("vigil_model_calls", "Batches and probes: ok, slow, failed; skipped = not asked (open)", ["result"])
CALL_SECONDS = Histogram("vigil_model_call_seconds", "Time until a batch was scored", buckets=metrics.FAST)
IN_FLIGHT = Gauge("vigil_model_calls_in_flight", "ScoreStream messages on their way")
BREAKER = Gauge("vigil_model_breaker_state", "0 closed, 1 half-open, 2 open: the model is not asked")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bounds:
    """What a model may take of the rules' time."""

    timeout_s: float
    slow_s: float
    in_flight_max: int
    breaker: Limits

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """As the settings say."""
        limits = Limits(
            settings.anomaly_failures_max,
            settings.anomaly_retry_after_ms / 1000,
            settings.anomaly_retry_max_ms / 1000,
            settings.anomaly_up_after_s,
        )
        slow_s = settings.anomaly_slow_ms / 1000
        return cls(settings.anomaly_timeout_ms / 1000, slow_s, settings.anomaly_inflight_max, limits)


class Scorer:
    """The rules engine's side of ScoreStream. Used from the stage's thread; `now` is a monotonic clock in seconds."""

    def __init__(self, target: str, bounds: Bounds, stage: str, now: Callable[[], float] = time.monotonic) -> None:
        options = [
            ("grpc.max_receive_message_length", 64 << 20),
            ("grpc.max_send_message_length", 64 << 20),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        self._channel = grpc.insecure_channel(target, options=options)
        self._stream = ScoreStream(self._channel)
        self._columns, self._scores = len(feature_names()), len(score_names())
        self._schema = feature_schema()
        self._bounds, self._stage, self._now = bounds, stage, now
        self._breaker = Breaker(bounds.breaker, now)
        self._probe: Asked | None = None
        self._asked_at: float | None = None  # by a probe or a batch
        self._known = False  # whether the model ever answered, or is away
        self.reason = ""  # of the last failure, a bounded name
        BREAKER.set(State.CLOSED)

    @property
    def well(self) -> bool | None:
        """Whether scores are to be had; None before that is known."""
        return self._breaker.state is State.CLOSED if self._known else None

    def score(self, pending: Pending) -> tuple[bytes | None, str]:
        """Packed scores of the rows and the model's version; `(None, "")` when the model did not answer."""
        if pending.rows == 0:
            return None, ""
        if self._breaker.state is not State.CLOSED:
            CALLS.labels("skipped").inc()
            return None, ""
        began = time.perf_counter()
        try:
            answers = self._answers(memoryview(pending.features))
        except Exception as error:  # whatever it is: the model is no reason to refuse an observation
            self._failed(error)
            return None, ""
        took_s = time.perf_counter() - began
        CALL_SECONDS.observe(took_s)
        self._succeeded(slow=took_s > self._bounds.slow_s)
        return b"".join(answer.scores for answer in answers), answers[-1].model_version

    def look(self) -> None:
        """Between batches: takes a probe's outcome, and sends one where it is due. Does not wait."""
        if self._probe is not None:
            if self._probe.done():
                self._end_probe(self._probe)
            return
        pause_s = self._bounds.breaker.pause_s if self._breaker.failures else PROBE_EVERY_S
        quiet = self._asked_at is None or self._now() - self._asked_at >= pause_s
        if self._breaker.state is State.CLOSED and quiet:
            self._send_probe()
        elif self._breaker.probe_due:
            self._breaker.probing()
            self._send_probe()

    def close(self) -> None:
        """Closes the stream and its channel."""
        self._stream.drop()
        self._channel.close()

    # Calls ----------------------------------------------------------------------------------------

    def _answers(self, features: memoryview) -> list[anomaly_pb2.ScoreBatchResponse]:
        """The answers for all rows. One deadline for the batch, whatever it takes."""
        deadline = time.monotonic() + self._bounds.timeout_s
        try:
            return self._ask(features, deadline)
        except Broken:  # as when the service or a proxy ends a connection that served for long: asked once more
            return self._ask(features, deadline)

    def _ask(self, features: memoryview, deadline: float) -> list[anomaly_pb2.ScoreBatchResponse]:
        """Some messages at a time; with one failed, nobody waits for the others."""
        step = CALL_ROWS_MAX * self._columns * 4
        waiting = deque(range(0, len(features), step))
        asked: deque[Asked] = deque()
        answers = []
        try:
            while waiting or asked:
                while waiting and len(asked) < self._bounds.in_flight_max:
                    at = waiting.popleft()
                    asked.append(self._stream.ask(self._request(features[at : at + step]), deadline))
                    IN_FLIGHT.inc()
                answer = asked[0].result()
                IN_FLIGHT.dec()
                answers.append(self._usable(answer, asked.popleft().rows))
        finally:
            if asked:
                self._stream.drop()
                IN_FLIGHT.dec(len(asked))
        return answers

    def _request(self, features: memoryview) -> anomaly_pb2.ScoreBatchRequest:
        rows = len(features) // (self._columns * 4)
        return anomaly_pb2.ScoreBatchRequest(
            version="1", rows=rows, columns=self._columns, features=bytes(features), schema=self._schema
        )

    def _usable(self, answer: anomaly_pb2.ScoreBatchResponse, rows: int) -> anomaly_pb2.ScoreBatchResponse:
        if answer.status != anomaly_pb2.SUCCESS:
            raise Unusable(anomaly_pb2.Status.Name(answer.status))
        if len(answer.scores) != rows * self._scores * 4:
            raise Unusable("invalid_scores")
        return answer

    # Probes ---------------------------------------------------------------------------------------

    def _send_probe(self) -> None:
        """One row of which nothing is known: it goes all the way through the model."""
        row = memoryview(struct.pack(f"<{self._columns}f", *[float("nan")] * self._columns))
        self._asked_at = self._now()
        try:
            self._probe = self._stream.ask(self._request(row), time.monotonic() + self._bounds.timeout_s)
        except Exception as error:
            self._failed(error)

    def _end_probe(self, probe: Asked) -> None:
        self._probe = None
        try:
            answer = probe.result()
        except Exception as error:
            self._stream.drop()
            self._failed(error)
            return
        try:
            self._usable(answer, probe.rows)
        except Unusable as error:
            self._failed(error)
        else:
            self._succeeded()

    # Outcomes -------------------------------------------------------------------------------------

    def _succeeded(self, *, slow: bool = False) -> None:
        CALLS.labels("slow" if slow else "ok").inc()
        if slow:
            self.reason = "slow"
        self._settle(lambda: self._breaker.succeeded(slow=slow))

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Unusable):
            self.reason = str(error)
        else:
            self.reason = str(error.code().name if isinstance(error, grpc.Call) else type(error).__name__)
        CALLS.labels("failed").inc()
        metrics.ERRORS.labels(self._stage, "score_unavailable").inc()
        self._settle(self._breaker.failed)

    def _settle(self, report: Callable[[], None]) -> None:
        """Reports to the breaker, and says so when it opened or closed."""
        before, self._asked_at = self._breaker.state, self._now()
        report()
        after = self._breaker.state
        self._known = self._known or after is State.OPEN or not self._breaker.failures
        BREAKER.set(after)
        if after is State.OPEN and before is State.CLOSED:
            log(_log, logging.WARNING, "score_unavailable", reason=self.reason)
        elif after is State.CLOSED and before is not State.CLOSED:
            log(_log, logging.INFO, "score_available")
