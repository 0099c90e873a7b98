"""How a stage's commits go. One that fails means repetition only; when none succeeds, nobody else would notice."""

import logging
import time
from collections.abc import Callable

from vigil.bus.port import BusError, BusUnavailable
from vigil.runtime import metrics
from vigil.runtime.health import Health
from vigil.runtime.logs import log

PATIENCE_SESSIONS = 3
"""Session timeouts that commits may be refused for before the stage starts over from the last one: by then, whoever has
lost a partition has heard of it."""
UNSEEN = BusUnavailable("the log was away, and was not looked at since")
_log = logging.getLogger(__name__)


class Commits:
    """Their outcomes. Used from the stage's thread; `now` is a monotonic clock in seconds."""

    def __init__(
        self, stage: str, health: Health, session_timeout_s: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stage, self._health, self._now = stage, health, now
        self._session_s = session_timeout_s
        self._failing_since: float | None = None

    def went_well(self) -> None:
        """One succeeded, or there is nothing any more that would fail."""
        if self._failing_since is not None:
            self._failing_since = None
            self._health.degrade("commits", None)

    def failed(self, error: BusError) -> None:
        """One did not. Says so when that lasts (members that come and go make single ones fail), and raises `error`
        again when the log has refused this reader for too long."""
        now = self._now()
        self._failing_since = now if self._failing_since is None else self._failing_since
        metrics.ERRORS.labels(self._stage, error.error_code).inc()
        log(_log, logging.WARNING, "commit_failed", error_code=error.error_code, reason=str(error))
        lasts_s = now - self._failing_since
        if lasts_s >= self._session_s:
            self._health.degrade("commits", f"what is read is not committed for {lasts_s:.0f} s: {error.error_code}")
        if error.error_code == "not_owner" and lasts_s > PATIENCE_SESSIONS * self._session_s:
            raise error
