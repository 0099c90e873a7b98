"""A log in memory with one reader, for the batch loop alone: it ends the stage when everything was read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vigil import topology
from vigil.bus.port import NO_CALLBACKS, Callbacks, Record, TopicPartition
from vigil.runtime.health import Health
from vigil.runtime.processor import Processor
from vigil.runtime.stage import Stage
from vigil.settings import Settings

SETTINGS = Settings.load({"POLL_GATHER_MS": "0", "POLL_RECORDS_MAX": "1000"})


@dataclass
class MemoryLog:
    """`inputs` are read from the committed offsets; what is written is kept in `outputs`."""

    inputs: dict[TopicPartition, list[Record]]
    outputs: list[tuple[str, int, bytes]] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=lambda: defaultdict(int))
    stage: Stage | None = None

    def producer(self) -> "MemoryLog":
        return self

    def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> "Reader":
        return Reader(self, callbacks)

    def send(self, topic: str, partition: int, value: bytes, *, key: bytes | None = None) -> None:
        self.outputs.append((topic, partition, value))

    def flush(self, timeout_s: float) -> None:
        """Everything is there at once."""

    def ping(self, timeout_s: float) -> None:
        """It answers."""

    def close(self) -> None:
        """Nothing is held."""

    def run(self, processor: Processor, settings: Settings = SETTINGS) -> Stage:
        """Runs a stage over the log, in this thread, until everything is read."""
        log: Any = self
        self.stage = Stage("telemetry-normalizer", log, [topology.RAW], processor, settings, Health("test"))
        self.stage._run()
        assert self.stage.crashed is None
        return self.stage


class Reader:
    """Owns every partition from its first poll on."""

    def __init__(self, log: MemoryLog, callbacks: Callbacks) -> None:
        self._log, self._callbacks = log, callbacks
        self._next = {position: log.committed[position] for position in log.inputs}
        self._joined = False

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        if not self._joined:
            self._joined = True
            self._callbacks.on_assign(list(self._next))
        came = [r for p, records in self._log.inputs.items() for r in records if r.offset >= self._next[p]]
        for record in came:
            self._next[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if not came and self._log.stage:
            self._log.stage._stop.set()
        return came

    def seek(self, position: TopicPartition, offset: int) -> None:
        self._next[position] = offset

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._log.committed.update(offsets)

    def sees_log(self) -> bool:
        return True

    def close(self) -> None:
        if self._joined:
            self._callbacks.on_revoke(list(self._next))


def filled(partitions: int, records: int) -> MemoryLog:
    """`records` in each partition; a value is `PARTITION.OFFSET`."""
    return MemoryLog(
        {
            TopicPartition(topology.RAW, p): [
                Record(topology.RAW, p, offset, None, f"{p}.{offset}".encode(), 0) for offset in range(records)
            ]
            for p in range(partitions)
        }
    )
