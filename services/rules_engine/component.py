"""Says in the log that a part of Vigil is away, and that it is back, so that there is one technical alarm about it.

Said when it lasts: *down* when the part has not been well for `down_after_s`, *up* when it has been well without a
break for `up_after_s`. Before it was ever well, it has `start_s` to start. A part that flaps is down all the while,
and is said to be so once. While it is down this is repeated: the alarm ends by itself when its last reporter has died.
"""

import logging
import time
from collections.abc import Callable
from typing import Literal

from services.rules_engine.control_log import Append
from vigil.bus.port import BusError
from vigil.controls import control, record_of
from vigil.runtime.health import Health
from vigil.runtime.logs import log

REPEAT_S = 60.0
LOST_AFTER_S = 60.0
"""A control of which the log has said nothing for so long is taken for lost: it is said again, and costs nothing."""
_log = logging.getLogger(__name__)


class ComponentWatch:
    """One part, as one reporter sees it. Used from one thread; `now` is a monotonic clock in seconds."""

    def __init__(
        self,
        component: str,
        reporter: str,
        append: Append,
        partitions: int,
        health: Health,
        down_after_s: float,
        up_after_s: float,
        start_s: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._component, self._reporter, self._append, self._partitions = component, reporter, append, partitions
        self._health = health
        self._down_after_s, self._up_after_s, self._now = down_after_s, up_after_s, now
        self._patience_s = max(down_after_s, start_s)  # until it was well for the first time
        self._well: bool | None = None
        self._well_since: float | None = None
        self._bad_since: float | None = None
        self._said: Literal["component_down", "component_up"] | None = None
        self._said_at = 0.0
        self._under_way: tuple[bytes, float] | None = None  # its id, and since when; ended from the producer's thread

    def look(self, well: bool | None, reason: str = "") -> None:
        """How the part is now (None: not known yet). Writes what is to be said, one control at a time."""
        if well is None:
            return
        now = self._now()
        if well != self._well:
            self._well = well
            self._health.degrade(self._component, None if well else f"is away ({reason}): goes on without")
        if well:
            self._well_since = now if self._well_since is None else self._well_since
            self._patience_s = self._down_after_s
        else:
            self._well_since = None
            self._bad_since = now if self._bad_since is None else self._bad_since
        if self._well_since is not None and now - self._well_since >= self._up_after_s:
            self._bad_since = None
            if self._said != "component_up":
                self._say("component_up", now, "")
            return
        lasts = not well and self._bad_since is not None and now - self._bad_since >= self._patience_s
        if lasts and (self._said != "component_down" or now - self._said_at >= REPEAT_S):
            self._say("component_down", now, reason)

    def _say(self, action: Literal["component_down", "component_up"], now: float, reason: str) -> None:
        if self._under_way is not None and now - self._under_way[1] < LOST_AFTER_S:
            return
        made = control(action, component=self._component, reporter=self._reporter, reason=reason)
        self._under_way = made.event_id, now

        def acknowledged(error: BusError | None) -> None:
            if self._under_way != (made.event_id, now):
                return  # taken for lost, and another one said since
            if error is None:
                if self._said != action:
                    log(_log, logging.WARNING, action, component=self._component, reason=reason)
                self._said, self._said_at = action, now
            self._under_way = None

        self._append(record_of(made, self._partitions), acknowledged)
