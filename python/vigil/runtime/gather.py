"""How a stage polls: at once after a quiet moment, in larger batches under continuous load."""

import threading
import time
from collections.abc import Collection

from vigil.bus.port import Consumer, Record, TopicPartition
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
        self._waiting: list[Record] = []  # polled, while more is polled

    def poll(self, consumer: Consumer) -> list[Record]:
        """A poll; under continuous load one that waited POLL_GATHER_MS for company."""
        records = consumer.poll(self._most, self._timeout_s)
        now = time.monotonic()
        continuous = now - self._last_records_at < CONTINUOUS_GATHERS * self._gather_s
        if records:
            self._last_records_at = now
        if records and continuous and len(records) < self._most:
            self._stop.wait(self._gather_s)
            self._waiting = records
            try:
                more = consumer.poll(self._most - len(records), 0.0)
                records = self._waiting + more
            finally:
                self._waiting = []
        return records

    def forget(self, positions: Collection[TopicPartition]) -> None:
        """Partitions went away while a poll was under way. What was polled of them before is their next owner's
        to read, even if that is this consumer again: its state and where it reads from are others now."""
        self._waiting = [r for r in self._waiting if TopicPartition(r.topic, r.partition) not in positions]
