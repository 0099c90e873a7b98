"""The clock of the partitions this process owns: a tick goes into the log when the engine waits for one.

What happens by the clock alone (a device falls silent, an acknowledged alarm sounds again, a pause ends) must be a
function of the log, or a replay would raise other alarms than the ward saw. So the clock is an event too: when
`Engine.due_us` has passed, a tick is appended to the partition, and the engine acts when it reads it back, behind
everything that came before. It acts within the configured time, one WATCHDOG_TICK_MS, and the log's round trip.

A partition has one tick under way at most. One that the log refused is sent again at the next turn.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from services.rules_engine.control_log import Append
from vigil.bus.port import BusError, Record
from vigil.controls import tick
from vigil.runtime import metrics

LOST_AFTER_US = 60_000_000
"""A tick that has not come back for so long is sent again: it costs nothing, and a lost clock is a silent alarm."""
TICKS = Counter("vigil_rules_ticks", "Ticks written to the log, because a time in a partition had come", ["stage"])


@dataclass
class _Clock:
    """One partition's: the tick under way, and the last that came back with its offset."""

    event_id: bytes | None = None
    sent_us: int = 0
    refused: bool = False  # set from the producer's thread
    read: tuple[int, bytes, int] | None = None  # offset, event id, sent at


class Watchdog:
    """Used from the stage's thread. `now_us` is the wall clock, in microseconds since the epoch."""

    def __init__(
        self,
        due_us: Callable[[int], int | None],
        append: Append,
        tick_ms: int,
        stage: str,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._due_us, self._append, self._now_us = due_us, append, now_us
        self._every_us, self._stage = tick_ms * 1000, stage
        self._clocks: dict[int, _Clock] = {}
        self._looked_us: int | None = None

    def assigned(self, partitions: Iterable[int]) -> None:
        """These are ours now: their clocks start anew."""
        for partition in partitions:
            self._clocks[partition] = _Clock()

    def revoked(self, partitions: Iterable[int]) -> None:
        """These are somebody else's."""
        for partition in partitions:
            self._clocks.pop(partition, None)

    def look(self) -> None:
        """Writes the ticks that are due; does nothing within WATCHDOG_TICK_MS of the last time it looked."""
        now = self._now_us()
        if self._looked_us is not None and 0 <= now - self._looked_us < self._every_us:
            return  # a clock that was set back does not stop the dog
        self._looked_us = now
        for partition, clock in self._clocks.items():
            if clock.event_id is not None and not clock.refused and 0 <= now - clock.sent_us < LOST_AFTER_US:
                continue
            due = self._due_us(partition)
            if due is not None and due <= now:
                self._tick(partition, clock, now)

    def seen(self, partition: int, records: Sequence[Record]) -> None:
        """Before these records are evaluated: the tick under way may be among them."""
        clock = self._clocks.get(partition)
        if clock is None or clock.event_id is None:
            return
        for record in records:
            if record.key == clock.event_id:
                clock.read = (record.offset, clock.event_id, clock.sent_us)
                clock.event_id = None
                return

    def rewound(self, partition: int, offset: int) -> None:
        """The state stands at `offset` again: a tick from there on will come back once more."""
        clock = self._clocks.get(partition)
        if clock is not None and clock.event_id is None and clock.read is not None and clock.read[0] >= offset:
            _, clock.event_id, clock.sent_us = clock.read
            clock.refused, clock.read = False, None

    def _tick(self, partition: int, clock: _Clock, now: int) -> None:
        record = tick(partition, now)
        clock.event_id, clock.sent_us, clock.refused = record.event_id, now, False

        def acknowledged(error: BusError | None) -> None:
            if error is None:
                TICKS.labels(self._stage).inc()
                return
            metrics.ERRORS.labels(self._stage, error.error_code).inc()
            if clock.event_id == record.event_id:
                clock.refused = True

        self._append(record, acknowledged)
