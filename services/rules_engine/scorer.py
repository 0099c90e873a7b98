"""Asks anomaly-service for scores, in batches, within a deadline; away means unavailable, never zero.

The batches of a poll are asked for before the first is waited for (`questions`). A circuit breaker keeps the rules from
waiting for a model that does not answer: after a few polls in a row that failed (or were slow) it is not asked, but
probed in the background, and used again when a probe succeeds.
"""

import logging
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc
from prometheus_client import Counter, Gauge, Histogram

from services.rules_engine.breaker import Breaker, Limits, State
from services.rules_engine.questions import COLUMNS, Question, Questions, request_of, usable
from services.rules_engine.score_stream import Asked, ScoreStream, Unusable
from vigil.core import Pending
from vigil.runtime import metrics
from vigil.runtime.logs import log
from vigil.settings import Settings

PROBE_EVERY_S = 10.0
"""A model that nobody needed for so long is probed, so that its outage is known before it is needed."""
CALLS = Counter("vigil_model_calls", "Batches and probes: ok, slow, failed; skipped = not asked (open)", ["result"])
CALL_SECONDS = Histogram("vigil_model_call_seconds", "Time the rules waited for a batch's scores", buckets=metrics.FAST)
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
        self._bounds, self._stage, self._now = bounds, stage, now
        self._breaker = Breaker(bounds.breaker, now)
        self._probe: tuple[Asked, float] | None = None  # with its deadline, of `time.monotonic`
        self._asked_at: float | None = None  # by a probe or a batch
        self._known = False  # whether the model ever answered, or is away
        self.reason = ""  # of the last failure, a bounded name
        self._questions = self._of_a_poll()
        self._poll_failed = self._poll_slow = False
        BREAKER.set(State.CLOSED)

    @property
    def well(self) -> bool | None:
        """Whether scores are to be had; None before that is known."""
        return self._breaker.state is State.CLOSED if self._known else None

    def anew(self) -> None:
        """What is asked from now on is of another poll; nobody waits for what was asked before."""
        self._questions.drop()
        self._questions = self._of_a_poll()
        self._poll_failed = self._poll_slow = False

    def ask(self, pending: Pending) -> Question | None:
        """Asks for the scores of the rows, without waiting; None when there are no rows, or the model is left alone."""
        if pending.rows == 0:
            return None
        if self._breaker.state is not State.CLOSED:
            CALLS.labels("skipped").inc()
            return None
        return self._questions.ask(pending.features)

    def scores(self, question: Question | None) -> tuple[bytes | None, str]:
        """Packed scores of the rows and the version of the model that made them all; `(None, "")` without an answer."""
        if question is None:
            return None, ""
        began = time.perf_counter()
        try:
            answers = self._questions.answers(question)
        except Exception as error:  # whatever it is: the model is no reason to refuse an observation
            self._batch_failed(error)
            return None, ""
        took_s = time.perf_counter() - began
        CALL_SECONDS.observe(took_s)
        self._batch_scored(slow=took_s > self._bounds.slow_s)
        return b"".join(answer.scores for answer in answers), answers[0].model_version

    def look(self) -> None:
        """Between batches: takes a probe's outcome, and sends one where it is due. Does not wait."""
        if self._probe is not None:
            asked, deadline = self._probe
            if asked.done() or time.monotonic() >= deadline:
                self._end_probe(asked)
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
        self._questions.drop()
        self._stream.drop()
        self._channel.close()

    def _of_a_poll(self) -> Questions:
        return Questions(self._stream, self._bounds.in_flight_max, self._bounds.timeout_s)

    # Probes ---------------------------------------------------------------------------------------

    def _send_probe(self) -> None:
        """One row of which nothing is known: it goes all the way through the model."""
        row = struct.pack(f"<{COLUMNS}f", *[float("nan")] * COLUMNS)
        self._asked_at = self._now()
        try:
            self._probe = self._stream.ask(request_of(row)), time.monotonic() + self._bounds.timeout_s
        except Exception as error:
            self._probe_failed(error)

    def _end_probe(self, probe: Asked) -> None:
        self._probe = None
        try:
            answer = probe.result(0.0)
        except Exception as error:
            self._stream.drop()
            self._probe_failed(error)
            return
        try:
            usable(answer, probe.rows)
        except Unusable as error:
            self._probe_failed(error)
        else:
            CALLS.labels("ok").inc()
            self._settle(self._breaker.succeeded)

    def _probe_failed(self, error: Exception) -> None:
        self._failed(error)
        self._settle(self._breaker.failed)

    # Outcomes -------------------------------------------------------------------------------------

    def _batch_scored(self, *, slow: bool) -> None:
        """For the breaker a poll is one call: it has failed with its first batch that does, and is slow with one."""
        CALLS.labels("slow" if slow else "ok").inc()
        if slow:
            self.reason = "slow"
        self._poll_slow = self._poll_slow or slow
        if not self._poll_failed and not self._questions.open:
            self._settle(lambda: self._breaker.succeeded(slow=self._poll_slow))

    def _batch_failed(self, error: Exception) -> None:
        self._failed(error)
        if not self._poll_failed:
            self._poll_failed = True
            self._settle(self._breaker.failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Unusable):
            self.reason = str(error)
        else:
            self.reason = str(error.code().name if isinstance(error, grpc.Call) else type(error).__name__)
        CALLS.labels("failed").inc()
        metrics.ERRORS.labels(self._stage, "score_unavailable").inc()

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
