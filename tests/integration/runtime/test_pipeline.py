"""A stage wired into a service."""

import asyncio

from tests.integration.runtime.identity import Identity
from vigil import topology
from vigil.bus.port import Bus
from vigil.runtime.health import Health
from vigil.runtime.http import Edge
from vigil.runtime.pipeline import run_stage
from vigil.runtime.service import EXIT_SOFTWARE, Service
from vigil.settings import Settings


class Defective(Identity):
    """Fails where no batch is to blame."""

    def idle(self) -> None:
        raise RuntimeError("a defect")


async def test_a_crashed_stage_ends_its_service(bus: Bus, bus_settings: Settings) -> None:
    health = Health("telemetry-normalizer")
    service = Service("telemetry-normalizer", bus_settings, health, Edge(health))
    run_stage(service, bus, [topology.RAW], Defective())
    await asyncio.wait_for(service.stopping.wait(), 20)
    assert service.exit_code == EXIT_SOFTWARE
    assert health.live()[0] == 503
    await service.drain()
