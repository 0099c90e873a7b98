"""Wires the core's `Normalizer` between telemetry.raw and telemetry.normalized."""

import time
from collections.abc import Sequence

from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.core import Normalizer
from vigil.runtime.pipeline import connect_bus, outcome_of, run_stage
from vigil.runtime.service import Service, run
from vigil.runtime.stage import Outcome, Stateless

NAME = "telemetry-normalizer"


class Normalize(Stateless):
    """One call into the core per poll and partition."""

    def __init__(self, batch_observations_max: int) -> None:
        self._core = Normalizer(batch_observations_max)

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Raw batches in; normalized batches of the same partition out."""
        made = self._core.process(
            position.topic,
            position.partition,
            [record.offset for record in records],
            [record.value for record in records],
            time.time_ns() // 1000,
        )
        return outcome_of(made, topology.NORMALIZED, position.partition)


async def start(service: Service) -> None:
    """Connects the log and starts the stage."""
    log = await connect_bus(service)
    run_stage(service, log, [topology.RAW], Normalize(service.settings.batch_observations_max))


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
