"""Wires the core's `Enricher` between telemetry.normalized and telemetry.enriched."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from services.telemetry_enrichment.contexts import Contexts
from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.core import Enricher
from vigil.runtime.invalidation import Invalidation
from vigil.runtime.pipeline import connect_bus, outcome_of, run_stage
from vigil.runtime.service import DependencyMissing, Service, run
from vigil.runtime.stage import Outcome, Stateless

NAME = "telemetry-enrichment"


class Enrich(Stateless):
    """Looks up the devices that are new, then one call into the core per poll and partition."""

    def __init__(self, contexts: Contexts, partitions: int, batch_observations_max: int) -> None:
        self._contexts = contexts
        self._core = Enricher(contexts.table, partitions, batch_observations_max)

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Normalized batches in; enriched batches out, keyed by patient."""
        values = [record.value for record in records]
        self._contexts.fill(self._core.missing(values))
        offsets = [record.offset for record in records]
        made = self._core.process(position.topic, position.partition, offsets, values, time.time_ns() // 1000)
        return outcome_of(made, topology.ENRICHED, position.partition)


async def start(service: Service) -> None:
    """Connects the log and the registry, follows its changes, and starts the stage."""
    settings = service.settings
    log = await connect_bus(service)
    contexts = Contexts(settings.grpc_target("registry"), settings.registry_timeout_ms, settings.context_ttl_s, NAME)
    with suppress(DependencyMissing):  # observations then go on marked, and critical values still alarm
        await service.require("registry", lambda: asyncio.to_thread(contexts.probe))
    service.health.mark("registry", None)
    invalidation = Invalidation(log, contexts.table)
    invalidation.start()

    async def stop() -> None:
        await asyncio.to_thread(invalidation.stop)
        contexts.close()

    service.on_drain("contexts", stop)
    run_stage(
        service,
        log,
        [topology.NORMALIZED],
        Enrich(contexts, settings.bus_partitions, settings.batch_observations_max),
    )


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
