"""A candidate scores live rows beside the active model; its scores are compared and never answered."""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Gauge

from services.anomaly_service.background import Background
from services.anomaly_service.batcher import Scored
from services.anomaly_service.comparison import Comparison
from vigil.model import Model
from vigil.model.manifest import BANDED

ROWS = Counter("vigil_model_shadow_rows", "Live rows that a candidate scored beside the active model")
AGREEMENT = Gauge("vigil_model_shadow_rank_agreement", "Rank correlation of both models' scores", ["score"])
DIFFERENCE = Gauge("vigil_model_shadow_difference_mean", "Candidate's score minus the active model's", ["score"])
SEVERE = Gauge("vigil_model_shadow_severe_share", "Share of rows at high or critical", ["score", "model"])
TIME_RATIO = Gauge("vigil_model_shadow_time_ratio", "Candidate's time a row over the active model's; NaN = no trial")
TIME_RATIO.set(math.nan)
_ROWS_A_BATCH = 1024
_TIMED_ROUNDS = 9


class Shadow:
    """Observes live batches until `rows` were compared over `seconds`, or that failed; then calls `done` once, from its
    thread, with the error if there is one."""

    def __init__(
        self, active: Model, candidate: Model, rows: int, seconds: float, done: Callable[[Exception | None], None]
    ) -> None:
        self.comparison = Comparison(active.manifest, candidate.manifest)
        self._active, self._candidate = active, candidate
        self._rows, self._until, self._done = rows, time.monotonic() + seconds, done
        self._background = Background("shadow")
        self._ended = threading.Event()
        self._shown = threading.Lock()
        self._closed = False
        self._timed_rows = 0

    @property
    def complete(self) -> bool:
        """Enough rows over enough time."""
        return self.comparison.rows >= self._rows and time.monotonic() >= self._until

    def observe(self, features: bytes, rows: int, scored: Scored) -> None:
        """Takes a live batch, if the last one is compared already."""
        if rows and scored.model is self._active and not self._ended.is_set():
            self._background.offer(lambda: self._compare(features, rows, scored.scores))

    def report(self) -> dict[str, Any]:
        """The comparison so far, also as metrics."""
        report = self.comparison.report()
        with self._shown:
            if not self._closed:
                _show(report)
        return report

    def close(self) -> None:
        """Compares nothing more, and takes its figures out of the metrics: there is no candidate any more."""
        self._ended.set()
        self._background.close()
        with self._shown:
            self._closed = True
            for gauge in (AGREEMENT, DIFFERENCE, SEVERE):
                gauge.clear()
            TIME_RATIO.set(math.nan)

    def _compare(self, features: bytes, rows: int, scores: bytes) -> None:
        if self._ended.is_set():
            return
        try:
            self._add(features, rows, scores)
        except Exception as error:  # a candidate that cannot score what is live must not stay on trial for ever
            self._ended.set()
            self._done(error)
            raise
        if self.complete:
            self._ended.set()
            self._done(None)

    def _add(self, features: bytes, rows: int, scores: bytes) -> None:
        if self.comparison.rows < self._rows:
            columns, width = len(self._active.manifest.features), len(self._active.manifest.scores)
            some = min(rows, _ROWS_A_BATCH)
            part = features[: some * columns * 4]
            theirs = self._candidate.score(part, some)
            self.comparison.add(_matrix(scores[: some * width * 4], width), _matrix(theirs, width))
            ROWS.inc(some)
            if self.comparison.time_ratio is None or some > self._timed_rows:
                self._time(part, some)

    def _time(self, features: bytes, rows: int) -> None:
        """Both models on the same rows, one after the other on this thread: the best of some rounds."""
        ours, theirs = (
            min(_seconds(model, features, rows) for _ in range(_TIMED_ROUNDS))
            for model in (self._active, self._candidate)
        )
        self.comparison.time_ratio, self._timed_rows = theirs / ours, rows


def _show(report: dict[str, Any]) -> None:
    """As metrics."""
    for name in BANDED:
        column = report["scores"].get(name)
        if column and column["rows"]:
            AGREEMENT.labels(name).set(column["rankAgreement"] or 0.0)
            DIFFERENCE.labels(name).set(column["difference"]["mean"])
            for model, shares in column["severityShares"].items():
                SEVERE.labels(name, model).set(shares["high"] + shares["critical"])
    if report["timeRatio"] is not None:
        TIME_RATIO.set(report["timeRatio"])


def _seconds(model: Model, features: bytes, rows: int) -> float:
    began = time.thread_time()
    model.score(features, rows)
    return max(time.thread_time() - began, 1e-9)


def _matrix(packed: bytes, width: int) -> NDArray[np.float32]:
    return np.frombuffer(packed, "<f4").reshape(-1, width)
