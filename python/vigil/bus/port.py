"""The event log as Vigil sees it: a port with two adapters (`kafka`, `redis`), one conformance suite.

Everything here is synchronous and is used from a worker thread. A record's value is a whole batch of
observations, so a call per record is cheap; there is never a call per observation.

Offsets are integers that grow along a partition, not necessarily by one. `commit` takes the offset of
the *next* record to read. Committing before the outputs are acknowledged is a defect of the caller.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

RECORD_BYTES_MAX = 8_388_608  # of a record's value; logs refuse larger ones
OUTPUT_BYTES_MAX = 8_000_000  # of a stage's output, so that a dead letter has room for the whole of it


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One record as it was read. `timestamp_ms` is the log's own append or create time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    timestamp_ms: int


class BusError(Exception):
    """The log did not do what was asked. `retriable` says whether waiting may help."""

    def __init__(self, message: str, *, error_code: str, retriable: bool) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.retriable = retriable


class BusUnavailable(BusError):
    """The broker cannot be reached or does not answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code="bus_unavailable", retriable=True)


class QueueFull(BusError):
    """The producer's own queue is full: stop taking input until it drains."""

    def __init__(self, message: str = "the producer's queue is full") -> None:
        super().__init__(message, error_code="queue_full", retriable=True)


class DeliveryFailed(BusError):
    """A record was not acknowledged: its input must not be committed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code="delivery_failed", retriable=True)


AckCallback = Callable[[BusError | None], None]


class Producer(Protocol):
    """Sends records in order per partition, idempotently where the log can."""

    def send(
        self,
        topic: str,
        partition: int,
        value: bytes,
        *,
        key: bytes | None = None,
        on_ack: AckCallback | None = None,
    ) -> None:
        """Queues a record. Raises `QueueFull` at once when there is no room.

        `on_ack(None)` is called from the producer's own thread when the log has the record on
        `acks=all`; `on_ack(error)` when it was given up.
        """

    def flush(self, timeout_s: float) -> None:
        """Waits until everything sent is acknowledged; raises `DeliveryFailed` if anything sent since
        the last flush was not, or is not within `timeout_s`."""

    def close(self) -> None:
        """Flushes what can be flushed and gives the resources back."""


@dataclass(frozen=True)
class Callbacks:
    """Called from inside `poll` and `close`, with what came or went. `on_assign` may `seek`. `on_revoke` may
    commit; `on_lost` must not (another owner has them). What a callback raises, `poll` raises; then close."""

    on_assign: Callable[[Sequence[TopicPartition]], None] = lambda _: None
    on_revoke: Callable[[Sequence[TopicPartition]], None] = lambda _: None
    on_lost: Callable[[Sequence[TopicPartition]], None] = lambda _: None


NO_CALLBACKS = Callbacks()


class Consumer(Protocol):
    """A member of a consumer group (or, with `group=None`, a reader of every partition from now on)."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Up to `max_records`, in order per partition; empty after `timeout_s`. Heartbeats happen here
        or in the background; raises `BusUnavailable` when the broker stays away."""

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits synchronously; raises `BusError` when the member no longer owns a partition."""

    def seek(self, position: TopicPartition, offset: int) -> None:
        """The next poll of this partition starts at `offset` (used when a checkpoint is restored)."""

    def assignment(self) -> list[TopicPartition]:
        """The partitions owned now."""

    def sees_log(self) -> bool:
        """Whether the log still holds what was read of it, as far as is known. False from when the log was away until
        a poll has looked at it again: it may have lost its end, so no state of what was read may be stored."""

    def close(self) -> None:
        """Leaves the group, so that others take over at once. Calls `on_revoke`, or, while the log is not seen,
        `on_lost`."""


class PartitionRange(NamedTuple):
    """Offsets held by a partition: `[low, high)`; `low == high` when empty."""

    position: TopicPartition
    low: int
    high: int


class Bus(Protocol):
    """A connection to the log."""

    name: str

    def ensure_topics(self, partitions: int) -> None:
        """Creates every topic of the topology that is missing; refuses another partition count."""

    def ping(self, timeout_s: float) -> None:
        """Raises `BusUnavailable` when the log does not answer."""

    def producer(self) -> Producer:
        """A new producer with its own queue."""

    def consumer(
        self,
        topics: Iterable[str],
        group: str | None,
        callbacks: Callbacks = NO_CALLBACKS,
        *,
        from_beginning: bool = True,
    ) -> Consumer:
        """A consumer. `group=None`: every partition, no commits, from the start or from now on."""

    def ranges(self, topic: str) -> list[PartitionRange]:
        """What each partition of `topic` holds now."""

    def identity(self, topic: str) -> str:
        """What tells the topic's records from those of another topic of that name, made later: offsets mean
        something only beside it. Empty when the log cannot tell."""

    def read(self, position: TopicPartition, start: int, end: int) -> Iterable[Record]:
        """Records with `start <= offset < end`, outside any group (tail, audit, dead letters)."""

    def committed(self, group: str, topic: str) -> dict[int, int | None]:
        """Per partition, the next offset `group` will read; None if it never committed."""

    def lag(self, group: str, topic: str) -> int:
        """Records that `group` has not committed yet, over all partitions."""

    def close(self) -> None:
        """Gives the resources back."""


class Waiting(NamedTuple):
    """Of a partition: the next offset a group will read, and how many records there are from it on."""

    position: TopicPartition
    offset: int
    records: int


def waiting(bus: Bus, group: str, topic: str) -> list[Waiting]:
    """What `group` has not committed yet of each partition; holes of a compacted topic count as records."""
    committed = bus.committed(group, topic)  # first, so that it is not ahead of the end
    found = []
    for position, low, high in bus.ranges(topic):
        at = max(low, committed.get(position.partition) or 0)
        found.append(Waiting(position, at, high - at))
    return found


def edges(bus: Bus, topics: Iterable[str], *, from_beginning: bool) -> dict[TopicPartition, int]:
    """Where a reader outside any group starts: at the first or behind the last record of every partition."""
    held = [part for topic in topics for part in bus.ranges(topic)]
    return {part.position: part.low if from_beginning else part.high for part in held}
