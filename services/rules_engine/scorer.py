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
from typing import Any

import grpc
from prometheus_client import Counter, Gauge, Histogram

from services.rules_engine.breaker import Breaker, Limits, State
from vigil.core import Pending, feature_names, feature_schema, score_names
from vigil.pb import anomaly_pb2
from vigil.runtime import metrics
from vigil.runtime.logs import log
from vigil.settings import Settings

CALL_ROWS_MAX = 8192
PROBE_EVERY_S = 10.0
"""A model that nobody needed for so long is probed, so that its outage is known before it is needed."""
CALLS = Counter("vigil_model_calls", "ScoreBatch calls: ok, slow, failed; skipped = not asked (open)", ["result"])
CALL_SECONDS = Histogram("vigil_model_call_seconds", "Time of a batch's ScoreBatch calls", buckets=metrics.FAST)
IN_FLIGHT = Gauge("vigil_model_calls_in_flight", "ScoreBatch calls on their way")
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


class Unusable(Exception):
    """An answer, but none to be used; the text is a bounded name."""


class Scorer:
    """The rules engine's side of ScoreBatch. Used from the stage's thread; `now` is a monotonic clock in seconds."""

    def __init__(self, target: str, bounds: Bounds, stage: str, now: Callable[[], float] = time.monotonic) -> None:
        options = [
            ("grpc.max_receive_message_length", 64 << 20),
            ("grpc.max_send_message_length", 64 << 20),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        self._channel = grpc.insecure_channel(target, options=options)
        self._call = self._channel.unary_unary(
            "/anomaly.AnomalyDetection/ScoreBatch",
            request_serializer=anomaly_pb2.ScoreBatchRequest.SerializeToString,
            response_deserializer=anomaly_pb2.ScoreBatchResponse.FromString,
        )
        self._columns, self._scores = len(feature_names()), len(score_names())
        self._schema = feature_schema()
        self._bounds, self._stage, self._now = bounds, stage, now
        self._breaker = Breaker(bounds.breaker, now)
        self._probe: Any = None
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
            answers = self._ask(memoryview(pending.features))
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
                self._end_probe()
            return
        pause_s = self._bounds.breaker.pause_s if self._breaker.failures else PROBE_EVERY_S
        quiet = self._asked_at is None or self._now() - self._asked_at >= pause_s
        if self._breaker.state is State.CLOSED and quiet:
            self._send_probe()
        elif self._breaker.probe_due:
            self._breaker.probing()
            self._send_probe()

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    # Calls ----------------------------------------------------------------------------------------

    def _ask(self, features: memoryview) -> list[anomaly_pb2.ScoreBatchResponse]:
        """The answers for all rows, some calls at a time. One deadline for the batch, not one for each call."""
        step = CALL_ROWS_MAX * self._columns * 4
        deadline = time.monotonic() + self._bounds.timeout_s
        waiting = deque(range(0, len(features), step))
        calls: deque[tuple[Any, int]] = deque()
        answers = []
        try:
            while waiting or calls:
                while waiting and len(calls) < self._bounds.in_flight_max:
                    at = waiting.popleft()
                    left = max(deadline - time.monotonic(), 0.0)
                    request = self._request(features[at : at + step])
                    calls.append((self._call.future(request, timeout=left), request.rows))
                    IN_FLIGHT.inc()
                call, rows = calls[0]
                answers.append(self._usable(call.result(), rows))
                calls.popleft()
                IN_FLIGHT.dec()
        finally:
            for call, _ in calls:
                call.cancel()
                IN_FLIGHT.dec()
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
            self._probe = self._call.future(self._request(row), timeout=self._bounds.timeout_s)
        except Exception as error:
            self._failed(error)

    def _end_probe(self) -> None:
        probe, self._probe = self._probe, None
        try:
            self._usable(probe.result(), 1)
        except Exception as error:
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
