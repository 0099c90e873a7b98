"""How a stage polls: at once after a quiet moment, in larger batches under continuous load."""

import threading
import time

from vigil.bus.port import Consumer, Record
from vigil.settings import Settings

CONTINUOUS_GATHERS = 4
"""Records that follow each other within this many POLL_GATHER_MS are continuous load."""


class Gather:
    """Polls of one consumer.

    A batch costs the log and the stage much the same whether it holds one record or fifty. A record that comes
    after a quiet moment is taken at once; when records keep coming, the next ones are a few milliseconds away.
    """

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._most = settings.poll_records_max
        self._timeout_s, self._gather_s = settings.poll_timeout_ms / 1000, settings.poll_gather_ms / 1000
        self._stop = stop
        self._last_records_at = 0.0

    def poll(self, consumer: Consumer) -> list[Record]:
        """A poll; under continuous load one that waited POLL_GATHER_MS for company."""
        records = consumer.poll(self._most, self._timeout_s)
        now = time.monotonic()
        continuous = now - self._last_records_at < CONTINUOUS_GATHERS * self._gather_s
        if records:
            self._last_records_at = now
        if records and continuous and len(records) < self._most:
            self._stop.wait(self._gather_s)
            records += consumer.poll(self._most - len(records), 0.0)
        return records
