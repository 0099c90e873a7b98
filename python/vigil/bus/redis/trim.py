"""Trimming: memory is short, so what every group has committed goes, beyond what is kept anyway."""

import logging
import time
from collections.abc import Iterable

from vigil import topology
from vigil.bus.port import BusError, TopicPartition
from vigil.bus.redis.client import Connection, Names, script
from vigil.bus.redis.scripts import TRIM
from vigil.settings import Settings

_log = logging.getLogger(__name__)
_INTERVAL_S = 1.0

# A topic that nobody commits (dead letters) is kept whole, and so is a compacted one: it trims itself.
_READERS = {
    topic.name: [service.name for service in topology.SERVICES if topic.name in service.reads]
    for topic in topology.TOPICS
    if not topic.compacted
}


class Trimmer:
    """Trims a partition after a commit, at most once a second. The groups that must have committed are the
    topology's readers of the topic; one that never ran holds everything back, since it has not read it."""

    def __init__(self, settings: Settings, names: Names) -> None:
        self._settings, self._names = settings, names
        self._trimmed_at: dict[TopicPartition, float] = {}

    def trim(self, connection: Connection, positions: Iterable[TopicPartition]) -> None:
        """Best effort: a failure is logged, and the next commit tries again."""
        now = time.monotonic()
        for position in positions:
            readers = _READERS.get(position.topic)
            if not readers or now - self._trimmed_at.get(position, 0.0) < _INTERVAL_S:
                continue
            self._trimmed_at[position] = now
            keys = [self._names.stream(position), self._names.next(position), self._names.commits(position)]
            kept = (self._settings.redis_stream_max_records, self._settings.redis_stream_max_bytes)
            try:
                connection.call(*script(TRIM, keys, *kept, *readers))
            except BusError as error:
                _log.warning("trim_failed", extra={"fields": {"topic": position.topic, "reason": str(error)}})
