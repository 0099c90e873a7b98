"""What the three pipeline services share: a stage between topics with its bus, wired into a service."""

import asyncio
from collections.abc import Sequence

from vigil import bus, topology
from vigil.bus.port import Bus
from vigil.core import StageOutput
from vigil.runtime.lag import Lag
from vigil.runtime.service import Service
from vigil.runtime.stage import Outcome, Output, Processor, Stage
from vigil.settings import Settings


async def connect_bus(service: Service) -> Bus:
    """Connects to the log, waits until it answers and has the topics, and closes it on drain."""
    log = bus.connect(service.settings)
    await service.require("bus", lambda: asyncio.to_thread(log.ping, service.settings.bus_timeout_s))
    await asyncio.to_thread(log.ensure_topics, service.settings.bus_partitions)

    async def close() -> None:
        await asyncio.to_thread(log.close)

    service.on_drain("bus", close)
    return log


def run_stage(
    service: Service, log: Bus, topics: Sequence[str], processor: Processor, settings: Settings | None = None
) -> Stage:
    """Starts `processor` over `topics` in the service's consumer group; drained with the service.

    A stage that crashed ends the service, with an exit code, so that it is started again: nobody else would notice.
    """
    stage = Stage(service.name, log, topics, processor, settings or service.settings, service.health)
    loop = asyncio.get_running_loop()
    stage.on_crash = lambda reason: loop.call_soon_threadsafe(service.fail, reason)
    stage.start()
    session_s = service.settings.bus_session_timeout_s
    lag = Lag(service.name, log, topics, lambda: stage.batches, service.health, session_s)
    measuring = asyncio.create_task(lag.measure())

    async def stop() -> None:
        measuring.cancel()
        await asyncio.to_thread(stage.stop, service.settings.drain_timeout_s)

    service.on_drain("stage", stop)
    return stage


def outcome_of(made: StageOutput, topic: str, partition: int) -> Outcome:
    """A core outcome as records to write to `topic` and to the dead letters of the input's partition."""
    outputs = [Output(topic, to, value) for to, _, value in made.records]
    outputs += [Output(topology.DEAD_LETTER, partition, value) for _, _, value in made.dead_letters]
    return Outcome(
        outputs=outputs,
        observations_in=made.observations_in,
        observations_out=made.observations_out,
        dead_lettered=made.dead_lettered,
        counts=made.counts,
    )
