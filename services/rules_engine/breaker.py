"""A circuit breaker: who does not answer, or answers too slowly, is left alone for a while, then asked once.

*Closed*: every call goes through. *Open*: none does, until the pause is over. *Half-open*: one probe decides. The
pause doubles from trip to trip up to a bound, and starts from the beginning once calls have held for a while.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """As the metric shows it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Limits(NamedTuple):
    """When it opens, and for how long."""

    failures_max: int  # consecutive failures or slow answers that open it
    pause_s: float  # the first pause
    pause_max_s: float
    held_s: float  # closed for so long, the pause starts from the beginning


class Breaker:
    """Not thread-safe: its owner asks and reports from one thread. `now` is a monotonic clock in seconds."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._now = limits, now
        self.state = State.CLOSED
        self.failures = 0  # in a row
        self._pause_s = 0.0
        self._changed_at = now()

    @property
    def probe_due(self) -> bool:
        """Open, and the pause is over."""
        return self.state is State.OPEN and self._now() - self._changed_at >= self._pause_s

    def probing(self) -> None:
        """The probe is on its way: its outcome decides."""
        self._become(State.HALF_OPEN)

    def succeeded(self, *, slow: bool = False) -> None:
        """An answer came. A slow one counts as a failure: many of them are an outage for who waits."""
        if slow:
            self.failed()
            return
        self.failures = 0
        if self.state is not State.CLOSED:
            self._become(State.CLOSED)

    def failed(self) -> None:
        """No answer, or none to be used."""
        self.failures += 1
        if self.state is State.HALF_OPEN or (self.state is State.CLOSED and self.failures >= self._limits.failures_max):
            held = self.state is State.CLOSED and self._now() - self._changed_at >= self._limits.held_s
            longer = self._limits.pause_s if held or not self._pause_s else self._pause_s * 2
            self._pause_s = min(longer, self._limits.pause_max_s)
            self.failures = 0
            self._become(State.OPEN)

    def _become(self, state: State) -> None:
        self.state, self._changed_at = state, self._now()
