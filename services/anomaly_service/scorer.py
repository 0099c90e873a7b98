"""The active model on worker threads, so that the event loop keeps answering health and new calls."""

import time
from collections.abc import Callable

from services.anomaly_service.batcher import Batcher, Scored
from vigil.model import Model
from vigil.runtime import metrics

STAGE = "anomaly-service"
INLINE_ROWS = 1024
"""Up to so many rows a lone call is scored on the event loop: it is busy for less than a millisecond."""
_SECONDS = metrics.BATCH_SECONDS.labels(STAGE, "score")
_IN, _OUT = metrics.OBSERVATIONS_IN.labels(STAGE), metrics.OBSERVATIONS_OUT.labels(STAGE)
Observer = Callable[[bytes, int, Scored], None]


class NoModel(Exception):
    """There is no model to score with; the text says why."""


class Scorer:
    """Scores with whichever model is active when a batch starts; a batch is never of two models.

    `model` may be replaced at any time from the event loop. Observers see live rows with their scores, from the
    worker threads; they must not block.
    """

    def __init__(
        self,
        model: Model | None,
        threads: int = 1,
        *,
        rows_max: int = 8192,
        linger_s: float = 0.002,
        waiting_max: int = 262_144,
        problem: str = "",
    ) -> None:
        self.model = model
        self.problem = problem
        self.observers: list[Observer] = []
        self._batcher = Batcher(
            self._score, threads, rows_max=rows_max, linger_s=linger_s, inline_rows=INLINE_ROWS, waiting_max=waiting_max
        )

    async def score(self, features: bytes, rows: int) -> Scored:
        """As `Model.score`, with the model that answered. Raises `NoModel`, `Overloaded`."""
        return await self._batcher.score(features, rows)

    async def close(self) -> None:
        """Ends after the batches under way."""
        await self._batcher.close()

    def _score(self, features: bytes, rows: int) -> Scored:
        model = self.model
        if model is None:
            raise NoModel(self.problem)
        began = time.perf_counter()
        scored = Scored(model.score(features, rows), model)
        _SECONDS.observe(time.perf_counter() - began)
        _IN.inc(rows)
        _OUT.inc(rows)
        for observer in self.observers:
            observer(features, rows, scored)
        return scored
