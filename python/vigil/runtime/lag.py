"""How far a stage is behind, measured from the log every few seconds for as long as the service runs.

A stage that is stuck says nothing of it itself: blocked inside one call, waiting for a member that does not give its
partitions back, reading a topic that was deleted. Seen from the log, records wait and nobody commits.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from vigil.bus.port import Bus, BusError, TopicPartition, Waiting, waiting
from vigil.runtime import metrics
from vigil.runtime.health import Health

PATIENCE_SESSIONS = 10
"""Session timeouts that records may wait for without a batch: by then, members that come, go or die are settled, and
the longest pause between two commits is over."""
_EVERY_S = 5.0
_log = logging.getLogger(__name__)


class Lag:
    """Shows it as a metric, NaN while it is not known, and says at /health when that, or a standstill, lasts.

    `batches` tells how many the stage has acknowledged so far; `now` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        stage: str,
        log: Bus,
        topics: Sequence[str],
        batches: Callable[[], int],
        health: Health,
        session_timeout_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage, self._bus, self._topics, self._health = stage, log, topics, health
        self._batches, self._now = batches, now
        self._patience_s = PATIENCE_SESSIONS * session_timeout_s
        self._seen, self._busy_at = batches(), now()
        self._standing: dict[TopicPartition, tuple[Waiting, float]] = {}  # what waits, and since when at that offset
        self._unknown_since: float | None = None

    async def measure(self) -> None:
        """Looks every few seconds, until it is cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_EVERY_S)

    def look(self) -> None:
        """Asks the log once. What goes wrong is said, and is no reason not to ask again."""
        unknown = None
        for topic in self._topics:
            behind = float("nan")
            try:
                parts = waiting(self._bus, self._stage, topic)
                behind = sum(part.records for part in parts)
                self._note(parts)
            except BusError as error:
                unknown = error.error_code
            except Exception as error:  # a defect of ours: without this, nobody would hear that the stage is slow
                metrics.ERRORS.labels(self._stage, "internal").inc()
                _log.exception("lag_not_measured")
                unknown = type(error).__name__
            metrics.LAG_RECORDS.labels(self._stage, topic).set(behind)
        self._tell_unknown(unknown)
        self._tell_standstill()

    def _note(self, parts: Sequence[Waiting]) -> None:
        now = self._now()
        for part in parts:
            former, since = self._standing.pop(part.position, (part, now))
            if part.records > 0:
                self._standing[part.position] = part, since if former.offset == part.offset else now

    def _tell_unknown(self, reason: str | None) -> None:
        """A log that is away for a moment is nothing to be told, and the stage itself says when it stays away."""
        if reason is None:
            self._unknown_since = None
        elif self._unknown_since is None:
            self._unknown_since = self._now()
        lasts_s = 0.0 if self._unknown_since is None else self._now() - self._unknown_since
        lasts = lasts_s >= self._patience_s
        self._health.degrade(
            "lag", f"how far it is behind is not known for {lasts_s:.0f} s: {reason}" if lasts else None
        )

    def _tell_standstill(self) -> None:
        """Records of a partition wait, whoever owns it, and neither does anybody commit any nor this stage work."""
        now = self._now()
        if (batches := self._batches()) != self._seen:
            self._seen, self._busy_at = batches, now
        since = {part: max(at, self._busy_at) for part, at in self._standing.values()}
        stuck = [part for part, at in since.items() if now - at >= self._patience_s]
        text = None
        if stuck:
            records, lasts_s = sum(part.records for part in stuck), now - min(since.values())
            text = f"nothing is read although {records} records wait for {lasts_s:.0f} s"
        self._health.degrade("reading", text)
