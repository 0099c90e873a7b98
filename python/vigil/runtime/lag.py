"""How far a stage is behind, measured from the log, every few seconds for as long as the service runs."""

import asyncio
import logging
from collections.abc import Sequence

from vigil.bus.port import Bus, BusError
from vigil.runtime import metrics
from vigil.runtime.health import Health

_EVERY_S = 5.0
_log = logging.getLogger(__name__)


class Lag:
    """Shows it as a metric, NaN while it is not known."""

    def __init__(self, stage: str, log: Bus, topics: Sequence[str], health: Health) -> None:
        self._stage, self._bus, self._topics, self._health = stage, log, topics, health

    async def measure(self) -> None:
        """Looks every few seconds, until it is cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_EVERY_S)

    def look(self) -> None:
        """Asks the log once. What goes wrong is said, and is no reason not to ask again."""
        problem = None
        for topic in self._topics:
            behind = float("nan")
            try:
                behind = self._bus.lag(self._stage, topic)
            except BusError:
                pass  # the stage itself says that the log is away
            except Exception as error:  # a defect of ours: without this, nobody would hear that the stage is slow
                metrics.ERRORS.labels(self._stage, "internal").inc()
                _log.exception("lag_not_measured")
                problem = f"how far it is behind is not known: {type(error).__name__}"
            metrics.LAG_RECORDS.labels(self._stage, topic).set(behind)
        self._health.degrade("lag", problem)
