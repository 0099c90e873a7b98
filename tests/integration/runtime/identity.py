"""A stage that copies telemetry.raw to telemetry.normalized, for the tests; run as a module it goes on until killed."""

import sys
from collections.abc import Mapping, Sequence

from vigil import topology
from vigil.bus import connect
from vigil.bus.port import Bus, Record, TopicPartition
from vigil.runtime.health import Health
from vigil.runtime.stage import Outcome, Output, Stage, Stateless
from vigil.settings import Settings


class Identity(Stateless):
    """Copies; remembers what it was told."""

    def __init__(self) -> None:
        self.processed: list[Record] = []
        self.rewinds: list[tuple[TopicPartition, int]] = []
        self.owned: set[TopicPartition] = set()

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        self.processed += records
        outputs = [Output(topology.NORMALIZED, r.partition, r.value) for r in records]
        return Outcome(outputs, observations_in=len(records), observations_out=len(records))

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.owned.update(positions)
        return {}

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        self.owned.difference_update(positions)

    def rewound(self, position: TopicPartition, offset: int) -> int:
        self.rewinds.append((position, offset))
        return offset


def stage(bus: Bus, settings: Settings, processor: Identity) -> Stage:
    """The stage, in the normalizer's place."""
    return Stage("telemetry-normalizer", bus, [topology.RAW], processor, settings, Health("test"))  # type: ignore[arg-type]


if __name__ == "__main__":
    loaded = Settings.load()
    running = stage(connect(loaded), loaded, Identity())
    running.start()
    print("started", flush=True)
    sys.stdin.read()
