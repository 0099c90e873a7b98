"""What a stage's own work looks like: a `Processor` turns records into an `Outcome`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from vigil.bus.port import OUTPUT_BYTES_MAX, Record, TopicPartition
from vigil.runtime import metrics


class OutputTooLarge(ValueError):
    """The log would refuse the output."""


class Output(NamedTuple):
    """A record to write."""

    topic: str
    partition: int
    value: bytes
    key: bytes | None = None


@dataclass
class Outcome:
    """What became of the records of one partition: in = out + dead-lettered."""

    outputs: list[Output] = field(default_factory=list)
    observations_in: int = 0
    observations_out: int = 0
    dead_lettered: int = 0
    counts: Sequence[tuple[str, int]] = ()

    @classmethod
    def merged(cls, outcomes: Iterable["Outcome"]) -> "Outcome":
        """One of all of them, in their order."""
        merged = cls()
        for one in outcomes:
            merged.outputs += one.outputs
            merged.observations_in += one.observations_in
            merged.observations_out += one.observations_out
            merged.dead_lettered += one.dead_lettered
            merged.counts = [*merged.counts, *one.counts]
        return merged

    def count(self, stage: str) -> None:
        """Adds it to the stage's metrics, once it is written and acknowledged."""
        metrics.OBSERVATIONS_IN.labels(stage).inc(self.observations_in)
        metrics.OBSERVATIONS_OUT.labels(stage).inc(self.observations_out)
        metrics.OBSERVATIONS_DEAD.labels(stage).inc(self.dead_lettered)
        metrics.RECORDS_OUT.labels(stage).inc(len(self.outputs))
        for name, count in self.counts:
            metrics.NOTICES.labels(stage, name).inc(count)

    def checked(self) -> "Outcome":
        """The same. An output that the log would refuse for ever is a defect of its input, not a reason to stand
        still: raises `OutputTooLarge`."""
        for output in self.outputs:
            if len(output.value) > OUTPUT_BYTES_MAX:
                raise OutputTooLarge(f"{len(output.value)} bytes for {output.topic}")
        return self


class Processor(Protocol):
    """A stage's own work. All methods are called from the stage's thread."""

    def prepare(self, groups: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """What `process` will be called with next, group by group: what it would wait for may be asked for now. Must
        change nothing that is kept: `process` may come with other records, or not at all (`rewound`, `revoked`).
        Raising takes the batch back and makes its records be tried one by one; raising `Retry` only takes it back."""

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Turns records of one partition into outputs. Raising takes the batch back and makes its records be
        tried one by one, and the one that still fails a dead letter; raising `Retry` only takes it back."""

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Partitions came. Returns where to read from, for those whose state says so."""

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Outputs up to `offsets` are acknowledged; state may be checkpointed. Raising stops the commit;
        raising `Retry` (or a `BusError`) makes the stage start over from the last commit."""

    def held_offset(self, position: TopicPartition) -> int | None:
        """The lowest offset of input that was taken and whose outputs are not written yet; None: there is none.
        Nothing from there on is committed."""

    def idle(self) -> None:
        """Nothing came for a moment, of a log that answers. Called often: what was put off may be done now."""

    def between(self) -> None:
        """Between two polls, busy or idle: at least once every POLL_TIMEOUT_MS while the log answers. What does not
        depend on input has its turn here. It must not block."""

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Partitions went away, after the last commit: forget their state."""

    def lost(self, positions: Sequence[TopicPartition]) -> None:
        """Partitions went away, and others may have them already, or the log is not the one that was read: forget their
        state, and store nothing of it."""

    def rewound(self, position: TopicPartition, offset: int) -> int:
        """The batch at `offset` is taken back. Returns the offset the state now stands at."""


class Stateless:
    """The answers of a stage that keeps nothing between batches."""

    def prepare(self, groups: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """There is nothing to wait for."""

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Read from the committed offset."""
        return {}

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing to keep."""

    def held_offset(self, position: TopicPartition) -> int | None:
        """A batch's outputs are written with it."""
        return None

    def idle(self) -> None:
        """Nothing was put off."""

    def between(self) -> None:
        """Everything depends on input."""

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Nothing to forget."""

    def lost(self, positions: Sequence[TopicPartition]) -> None:
        """As when they are revoked."""
        self.revoked(positions)

    def rewound(self, position: TopicPartition, offset: int) -> int:
        """Read the same input again."""
        return offset


class Retry(Exception):
    """A dependency of the stage is away; the batch is to be tried again after a pause."""
