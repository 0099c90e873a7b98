"""The event log as a whole on Kafka: its topics, what they hold, and what groups have read of them."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from vigil import topology
from vigil.bus.kafka.client import LIBRARY_LOG, WIRE_BYTES_MAX, as_bus_error, connection
from vigil.bus.kafka.consumer import KafkaConsumer
from vigil.bus.kafka.producer import KafkaProducer
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
from vigil.settings import Settings

_DEAD_LETTER_RETENTION_MS = 30 * 24 * 3600 * 1000


class KafkaBus:
    """See the port."""

    name = "kafka"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._prefix = settings.bus_prefix
        self._timeout_s = settings.bus_timeout_s
        self._admin = AdminClient(connection(settings), logger=LIBRARY_LOG)

    # Topics -----------------------------------------------------------------------------------------

    def ensure_topics(self, partitions: int) -> None:
        """Creates what is missing, also when several services do so at once; see the port."""
        wanted = {self._prefix + topic.name: topic for topic in topology.TOPICS}
        missing = [topic for name, topic in wanted.items() if name not in self._topics(self._timeout_s)]
        new = [self._new_topic(topic, partitions) for topic in missing]
        for name, made in self._admin.create_topics(new, request_timeout=self._timeout_s).items() if new else ():
            try:
                made.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise as_bus_error(error, f"creating {name}") from error
        # The brokers hear of new topics a moment later.
        deadline = time.monotonic() + self._timeout_s
        while True:
            counts = self._topics(self._timeout_s)
            if all(counts.get(name) for name in wanted):
                break
            if time.monotonic() > deadline:
                raise BusUnavailable(f"topics do not appear: {sorted(set(wanted) - set(counts))}")
            time.sleep(0.02)
        wrong = {name: counts[name] for name in wanted if counts[name] != partitions}
        if wrong:
            raise BusError(
                f"topics have another partition count than {partitions}: {wrong}; keys would change their place",
                error_code="partition_mismatch",
                retriable=False,
            )

    def _new_topic(self, topic: topology.Topic, partitions: int) -> NewTopic:
        replicas = self._settings.kafka_replication
        config: dict[str, Any] = {"max.message.bytes": str(WIRE_BYTES_MAX)}
        config["min.insync.replicas"] = "2" if replicas > 2 else "1"
        if topic.compacted:
            config["cleanup.policy"] = "compact"
        if topic.name == topology.DEAD_LETTER:
            config["retention.ms"] = str(_DEAD_LETTER_RETENTION_MS)
        return NewTopic(self._prefix + topic.name, partitions, replicas, config=config)

    def _topics(self, timeout_s: float) -> dict[str, int]:
        """Full name → partition count, as far as leaders are known."""
        try:
            metadata = self._admin.list_topics(timeout=timeout_s)
        except KafkaException as error:
            raise as_bus_error(error, "asking for the topics") from error
        return {
            name: len(topic.partitions)
            for name, topic in metadata.topics.items()
            if topic.error is None and all(part.leader >= 0 for part in topic.partitions.values())
        }

    def _positions(self, topic: str) -> list[TopicPartition]:
        count = self._topics(self._timeout_s).get(self._prefix + topic)
        if not count:
            raise BusError(f"no topic {self._prefix}{topic}", error_code="unknown_topic", retriable=True)
        return [TopicPartition(topic, number) for number in range(count)]

    def ping(self, timeout_s: float) -> None:
        """Asks for the brokers; see the port."""
        try:
            self._admin.list_topics(timeout=timeout_s)
        except KafkaException as error:
            raise BusUnavailable(f"Kafka at {self._settings.kafka_brokers} does not answer") from error

    # Writing and reading ----------------------------------------------------------------------------

    def producer(self) -> KafkaProducer:
        """A new producer with its own queue."""
        return KafkaProducer(self._settings)

    def consumer(
        self,
        topics: Iterable[str],
        group: str | None,
        callbacks: Callbacks = NO_CALLBACKS,
        *,
        from_beginning: bool = True,
    ) -> KafkaConsumer:
        """A member of `group`, or a reader of every partition; see the port."""
        names, start = list(topics), None
        if group is None:
            start = edges(self, names, from_beginning=from_beginning)
        return KafkaConsumer(self._settings, names, group, callbacks, from_beginning=from_beginning, start=start)

    def ranges(self, topic: str) -> list[PartitionRange]:
        """What each partition holds now; see the port."""
        positions = self._positions(topic)
        lows = self._offsets(positions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        highs = self._offsets(positions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return [PartitionRange(position, lows[position], highs[position]) for position in positions]

    def identity(self, topic: str) -> str:
        """The topic's id, which Kafka gives it when it is made; see the port."""
        name = self._prefix + topic
        try:
            asked = self._admin.describe_topics(TopicCollection([name]), request_timeout=self._timeout_s)
            described = asked[name].result()
        except KafkaException as error:
            raise as_bus_error(error, "asking for a topic's id") from error
        return "" if described.topic_id is None else str(described.topic_id)

    def _offsets(self, positions: list[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        wanted = {Place(self._prefix + topic, partition): spec for topic, partition in positions}
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                found = self._admin.list_offsets(wanted, request_timeout=self._timeout_s)
                return {
                    TopicPartition(place.topic[len(self._prefix) :], place.partition): result.result().offset
                    for place, result in found.items()
                }
            except KafkaException as error:
                # A topic just made, or a broker just restarted, has no leader yet for a moment.
                typed = as_bus_error(error, "asking for offsets")
                if not typed.retriable or time.monotonic() > deadline:
                    raise typed from error
                time.sleep(0.05)

    def read(self, position: TopicPartition, start: int, end: int) -> Iterator[Record]:
        """Records with `start <= offset < end`; see the port. A partition's last record is never compacted
        away, so a record at or behind `end - 1` always comes and ends this."""
        held = {part.position: part for part in self.ranges(position.topic)}[position]
        start, end = max(start, held.low), min(end, held.high)
        if start >= end:
            return
        reader = KafkaConsumer(
            self._settings, [position.topic], None, NO_CALLBACKS, from_beginning=True, start={position: start}
        )
        try:
            quiet_since = time.monotonic()
            while True:
                records = reader.poll(1000, 0.2)
                for record in records:
                    if record.offset >= end:
                        return
                    yield record
                    if record.offset == end - 1:
                        return
                if records:
                    quiet_since = time.monotonic()
                elif time.monotonic() - quiet_since > self._timeout_s:
                    raise BusUnavailable(f"reading {position} got no further")
        finally:
            reader.close()

    def committed(self, group: str, topic: str) -> dict[int, int | None]:
        """What `group` will read next; see the port."""
        places = [Place(self._prefix + topic, part.partition) for part in self._positions(topic)]
        # Through a consumer, since the admin's own call hangs where the cluster never had a group before.
        asker = Consumer(connection(self._settings) | {"group.id": self._prefix + group}, logger=LIBRARY_LOG)
        try:
            found = asker.committed(places, timeout=self._timeout_s)
        except KafkaException as error:
            raise as_bus_error(error, f"asking for the commits of {group}") from error
        finally:
            asker.close()
        return {p.partition: p.offset if p.offset >= 0 else None for p in found}

    def lag(self, group: str, topic: str) -> int:
        """Records not committed yet; see the port."""
        return sum(part.records for part in waiting(self, group, topic))

    def close(self) -> None:
        """The admin connection ends with its last reference."""
