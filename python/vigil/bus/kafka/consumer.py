"""The Kafka consumer: a member of a group, or a reader of every partition.

Groups rebalance cooperatively: a partition that stays is not touched, so a stage keeps its state when others
come and go. Where reading starts is decided while a partition is being assigned, so a `seek` made in
`on_assign` is exact: no record before it is ever handed out.
"""

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message
from confluent_kafka import Consumer as Library
from confluent_kafka import TopicPartition as Place

from vigil.bus.kafka.client import LIBRARY_LOG, WIRE_BYTES_MAX, as_bus_error, connection
from vigil.bus.port import BusError, BusUnavailable, Callbacks, Record, TopicPartition
from vigil.settings import Settings

_PROBE_INTERVAL_S = 1.0


class KafkaConsumer:
    """See the port. `start` gives, for a reader without a group, where each partition is read from."""

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        group: str | None,
        callbacks: Callbacks,
        *,
        from_beginning: bool,
        start: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self._settings, self._callbacks, self._group = settings, callbacks, group
        self._prefix = settings.bus_prefix
        self._owned: set[TopicPartition] = set()
        self._starts: dict[TopicPartition, int] | None = None  # seeks made while partitions are assigned
        # Went away while records are being taken, and, for those that came back meanwhile, where reading starts.
        self._gone: set[TopicPartition] = set()
        self._back: dict[TopicPartition, int] = {}
        self._error: BusError | None = None
        self._down_since: float | None = None
        self._probed_at = 0.0
        self._closed = False
        session_ms = int(settings.bus_session_timeout_s * 1000)
        self._library = Library(
            connection(settings)
            | {
                "group.id": self._prefix + (group or "vigil-reader"),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest" if from_beginning else "latest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": max(100, session_ms // 4),
                "max.poll.interval.ms": max(300_000, session_ms),
                "fetch.min.bytes": 1,
                "fetch.wait.max.ms": 100,
                "fetch.message.max.bytes": WIRE_BYTES_MAX,
                "fetch.max.bytes": 4 * WIRE_BYTES_MAX,
                "queued.min.messages": 100_000,
                "queued.max.messages.kbytes": 32_768,
                "fetch.queue.backoff.ms": 5,  # the default would stall a full-speed reader for a second
                "fetch.error.backoff.ms": 100,
                "topic.metadata.refresh.interval.ms": 30_000,
                "allow.auto.create.topics": False,
                "error_cb": self._on_error,
            },
            logger=LIBRARY_LOG,
        )
        if group is None:
            places = [self._place(position, offset) for position, offset in (start or {}).items()]
            self._owned.update(start or {})
            self._library.assign(places)
        else:
            self._library.subscribe(
                [self._prefix + topic for topic in topics],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )

    # The port -------------------------------------------------------------------------------------

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Waits for one record and takes what else has come; see the port."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        try:
            # `consume` alone would wait for the whole batch: latency at low load.
            first = self._library.poll(timeout_s)
            messages = [] if first is None else [first]
            # What went away before the first record came, perhaps to come back, has nothing to do with it.
            self._gone.clear()
            self._back.clear()
            if first is not None and max_records > 1:
                messages += self._library.consume(max_records - 1, 0)
            self._read_anew()
        except KafkaException as error:
            raise as_bus_error(error, "reading") from error
        records = [record for message in messages if (record := self._record(message)) is not None]
        if records:
            self._down_since = None
        else:
            self._check_broker()
        return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits and waits for the broker's answer; see the port."""
        strange = [position for position in offsets if position not in self._owned]
        if strange or self._group is None:
            raise BusError(f"commit of partitions not owned: {strange}", error_code="not_owner", retriable=True)
        if not offsets:
            return
        places = [self._place(position, offset) for position, offset in offsets.items()]
        try:
            for done in self._library.commit(offsets=places, asynchronous=False) or ():
                if done.error is not None:
                    raise KafkaException(done.error)
        except KafkaException as error:
            raise as_bus_error(error, "committing") from error

    def seek(self, position: TopicPartition, offset: int) -> None:
        """The next record of this partition is the one at `offset`; see the port."""
        if self._starts is not None:
            self._starts[position] = offset
            return
        if position not in self._owned:
            raise BusError(f"seek in a partition not owned: {position}", error_code="not_owner", retriable=True)
        place = self._place(position, offset)
        try:
            self._library.seek(place)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise as_bus_error(error, "seeking") from error
            # It is not being fetched yet, which only an assignment can change.
            self._library.incremental_unassign([place])
            self._library.incremental_assign([place])

    def assignment(self) -> list[TopicPartition]:
        """The partitions owned now."""
        return sorted(self._owned)

    def sees_log(self) -> bool:
        """Always: what it acknowledged is on all replicas, and is not lost with one of them."""
        return True

    def close(self) -> None:
        """Leaves the group, after `on_revoke` for what is owned; may be called twice."""
        if not self._closed:
            self._closed = True
            self._library.close()

    # Rebalance, called by the library from inside poll and close ------------------------------------

    def _on_assign(self, library: Library, places: list[Place]) -> None:
        positions = [self._position(place) for place in places]
        self._owned.update(positions)
        self._starts = {}
        try:
            if positions:
                self._callbacks.on_assign(positions)
            starts = self._starts
        finally:
            self._starts = None
        library.incremental_assign([self._place(p, starts.get(p, OFFSET_INVALID)) for p in positions])
        self._back |= {p: starts.get(p, OFFSET_INVALID) for p in positions if p in self._gone}

    def _on_revoke(self, library: Library, places: list[Place]) -> None:
        positions = [self._position(place) for place in places]
        try:
            if positions:
                self._callbacks.on_revoke(positions)
        finally:
            self._forget(library, places, positions)

    def _on_lost(self, library: Library, places: list[Place]) -> None:
        positions = [self._position(place) for place in places]
        self._owned.difference_update(positions)  # first, so that a commit from the callback is refused
        try:
            if positions:
                self._callbacks.on_lost(positions)
        finally:
            self._forget(library, places, positions)

    def _forget(self, library: Library, places: list[Place], positions: list[TopicPartition]) -> None:
        self._owned.difference_update(positions)
        self._gone.update(positions)
        for position in positions:
            self._back.pop(position, None)
        library.incremental_unassign(places)

    # Steps ------------------------------------------------------------------------------------------

    def _read_anew(self) -> None:
        """Partitions that went away and came back among other records: which of their records came before is not
        known, so none is handed out, and reading starts once more where it was to start."""
        if self._back:
            places = [self._place(position, offset) for position, offset in self._back.items()]
            self._library.incremental_unassign(places)
            self._library.incremental_assign(places)

    def _record(self, message: Message) -> Record | None:
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                self._note(error)
            return None
        topic = (message.topic() or "")[len(self._prefix) :]
        partition, offset = message.partition(), message.offset()
        if self._gone and TopicPartition(topic, partition or 0) in self._gone:
            return None  # its partition went away meanwhile; if it came back, it is read anew
        value = message.value() or b""
        return Record(topic, partition or 0, offset or 0, message.key(), value, message.timestamp()[1])

    def _on_error(self, error: KafkaError) -> None:
        self._note(error)

    def _note(self, error: KafkaError) -> None:
        """Errors that heal by themselves only start the clock; others are raised by the next poll."""
        typed = as_bus_error(error, "reading")
        if isinstance(typed, BusUnavailable):
            if self._down_since is None:
                self._down_since = time.monotonic()
        elif error.fatal() or not typed.retriable:
            self._error = typed

    def _check_broker(self) -> None:
        """No record came. If the broker was reported away, ask it; raise when it stays away too long."""
        now, since = time.monotonic(), self._down_since
        if since is None or now - self._probed_at < _PROBE_INTERVAL_S:
            return
        self._probed_at = now
        try:
            self._library.list_topics(timeout=0.5)
            self._down_since = None
        except KafkaException as error:
            if now - since >= self._settings.bus_timeout_s:
                raise BusUnavailable(f"the broker is away for {now - since:.0f} s") from error

    def _place(self, position: TopicPartition, offset: int) -> Place:
        return Place(self._prefix + position.topic, position.partition, offset)

    def _position(self, place: Place) -> TopicPartition:
        return TopicPartition(place.topic[len(self._prefix) :], place.partition)
