"""The event log as a whole on Redis: its topics, what they hold, and what groups have read of them."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

from vigil import topology
from vigil.bus.port import (
    NO_CALLBACKS,
    BusError,
    BusUnavailable,
    Callbacks,
    PartitionRange,
    Record,
    TopicPartition,
    edges,
    waiting,
)
from vigil.bus.redis.client import Connection, Names
from vigil.bus.redis.consumer import RedisConsumer, decode
from vigil.bus.redis.producer import RedisProducer
from vigil.settings import Settings

_READ_RECORDS = 200


class RedisBus:
    """See the port. Its own questions use a connection each, so it may be used from any thread."""

    name = "redis"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = Names(settings.bus_prefix)

    # Topics -----------------------------------------------------------------------------------------

    def ensure_topics(self, partitions: int) -> None:
        """Writes down the partition count of every topic, once; see the port."""
        made: list[list[object]] = []
        for topic in topology.TOPICS:
            made.append(["HSETNX", self._names.topics(), topic.name, partitions])
            made.append(["HSETNX", self._names.identities(), topic.name, uuid4().hex])
        self._ask(made)
        counts = self._counts()
        wrong = {topic.name: counts[topic.name] for topic in topology.TOPICS if counts[topic.name] != partitions}
        if wrong:
            raise BusError(
                f"topics have another partition count than {partitions}: {wrong}; keys would change their place",
                error_code="partition_mismatch",
                retriable=False,
            )

    def ping(self, timeout_s: float) -> None:
        """Asks for an answer; see the port."""
        try:
            self._ask([["PING"]], timeout_s)
        except BusError as error:
            raise BusUnavailable(f"Redis does not answer: {error}") from error

    def _ask(self, commands: list[list[object]], timeout_s: float | None = None) -> list[Any]:
        connection = Connection(self._settings, timeout_s)
        try:
            answers = connection.calls(commands)
        finally:
            connection.close()
        for answer in answers:
            if isinstance(answer, BusError):
                raise answer
        return answers

    def _counts(self) -> dict[str, int]:
        """Topic → partition count, of all that were made."""
        flat = self._ask([["HGETALL", self._names.topics()]])[0]
        return {name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}

    def _partitions(self, topics: Iterable[str]) -> dict[str, int]:
        known, wanted = self._counts(), list(topics)
        missing = [name for name in wanted if name not in known]
        if missing:
            raise BusError(f"no topics {missing}", error_code="unknown_topic", retriable=True)
        return {name: known[name] for name in wanted}

    def _positions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self._partitions([topic])[topic])]

    # Writing and reading ----------------------------------------------------------------------------

    def producer(self) -> RedisProducer:
        """A new producer with its own queue; the topics must have been made."""
        return RedisProducer(self._settings, self._counts())

    def consumer(
        self,
        topics: Iterable[str],
        group: str | None,
        callbacks: Callbacks = NO_CALLBACKS,
        *,
        from_beginning: bool = True,
    ) -> RedisConsumer:
        """A member of `group`, or a reader of every partition; see the port."""
        counts, start = self._partitions(topics), None
        if group is None:
            start = edges(self, counts, from_beginning=from_beginning)
        return RedisConsumer(self._settings, counts, group, callbacks, from_beginning=from_beginning, start=start)

    def ranges(self, topic: str) -> list[PartitionRange]:
        """What each partition holds now; see the port."""
        positions = self._positions(topic)
        # The first record is asked for before the end, so that low is never behind high.
        commands: list[list[object]] = []
        for position in positions:
            commands.append(["XRANGE", self._names.stream(position), "-", "+", "COUNT", 1])
            commands.append(["GET", self._names.next(position)])
        answers = self._ask(commands)
        found = []
        for position, first, end in zip(positions, answers[::2], answers[1::2], strict=True):
            high = int(end or 0)
            low = decode(position, first)[0].offset if first else high
            found.append(PartitionRange(position, low, high))
        return found

    def identity(self, topic: str) -> str:
        """Drawn when the topic was made; see the port."""
        return bytes(self._ask([["HGET", self._names.identities(), topic]])[0] or b"").decode()

    def read(self, position: TopicPartition, start: int, end: int) -> Iterator[Record]:
        """Records with `start <= offset < end`; see the port."""
        connection = Connection(self._settings)
        stream = self._names.stream(position)
        try:
            while start < end:
                bounds = (f"{start + 1}-0", f"{end}-0")
                records = decode(position, connection.call("XRANGE", stream, *bounds, "COUNT", _READ_RECORDS))
                yield from records
                if len(records) < _READ_RECORDS:
                    return
                start = records[-1].offset + 1
        finally:
            connection.close()

    def committed(self, group: str, topic: str) -> dict[int, int | None]:
        """What `group` will read next; see the port."""
        positions = self._positions(topic)
        found = self._ask([["HGET", self._names.commits(position), group] for position in positions])
        return {
            p.partition: None if offset is None else int(offset) for p, offset in zip(positions, found, strict=True)
        }

    def lag(self, group: str, topic: str) -> int:
        """Records not committed yet; see the port."""
        return sum(part.records for part in waiting(self, group, topic))

    def close(self) -> None:
        """Nothing is kept open."""
