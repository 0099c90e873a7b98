"""The model on worker threads, so that the event loop keeps answering health and new calls."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from vigil.model import Model
from vigil.runtime import metrics

STAGE = "anomaly-service"


class Scorer:
    """`threads` batches are scored at once, each on one thread; the others wait in order."""

    def __init__(self, model: Model, threads: int) -> None:
        self.model = model
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="score")

    async def score(self, features: bytes, rows: int) -> bytes:
        """As `Model.score`."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._score, features, rows)

    async def close(self) -> None:
        """Ends after the batches under way."""
        await asyncio.to_thread(self._workers.shutdown)

    def _score(self, features: bytes, rows: int) -> bytes:
        began = time.perf_counter()
        scores = self.model.score(features, rows)
        metrics.BATCH_SECONDS.labels(STAGE, "score").observe(time.perf_counter() - began)
        metrics.OBSERVATIONS_IN.labels(STAGE).inc(rows)
        metrics.OBSERVATIONS_OUT.labels(STAGE).inc(rows)
        return scores
