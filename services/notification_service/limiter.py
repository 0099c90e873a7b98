"""How many low and medium notifications a patient may cause: GCRA in Redis, shared by all instances."""

import logging
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from vigil.runtime import metrics
from vigil.runtime.logs import log

_log = logging.getLogger(__name__)
_SCRIPT = Path(__file__).with_name("gcra.lua").read_text(encoding="utf-8")
_TIMEOUT_S = 0.5
_AWAY_S = 1.0  # how long Redis is not asked again after it did not answer


class Verdict(StrEnum):
    """What the limiter says; `unavailable` means send: the alarm path fails towards alarming."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Decision:
    """The verdict and, when refused, how long to wait before asking again, seconds."""

    verdict: Verdict
    wait_s: float = 0.0


class Limiter:
    """Asks the script. HIGH priority never comes here."""

    def __init__(self, url: str, prefix: str, rate_per_minute: int, burst: int) -> None:
        self._redis = redis.asyncio.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._script = self._redis.register_script(_SCRIPT)
        self._prefix = f"{prefix}vigil:notification:rate:"
        self._arguments = [round(60_000_000 / rate_per_minute), burst]
        self._away_until = 0.0

    async def ask(self, who: str) -> Decision:
        """May a notification about `who` go out now? Charges it if so. Does not raise."""
        if time.monotonic() < self._away_until:
            return Decision(Verdict.UNAVAILABLE)
        try:
            allowed, wait_us = await self._script(keys=[self._prefix + who], args=self._arguments)
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + _AWAY_S
            metrics.ERRORS.labels("notification-service", "limiter_unavailable").inc()
            log(_log, logging.WARNING, "limiter_unavailable", reason=type(error).__name__)
            return Decision(Verdict.UNAVAILABLE)
        return Decision(Verdict.ALLOWED) if allowed else Decision(Verdict.REFUSED, wait_us / 1e6)

    async def ping(self) -> None:
        """Raises when Redis does not answer."""
        await self._redis.ping()

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()
