"""A stage wired into a service."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.integration.bus.support import await_true, send
from tests.integration.runtime.identity import Identity
from vigil import topology
from vigil.bus.port import Bus, Record, TopicPartition
from vigil.runtime import lag
from vigil.runtime.health import Health
from vigil.runtime.http import Edge
from vigil.runtime.pipeline import run_stage
from vigil.runtime.service import EXIT_SOFTWARE, Service
from vigil.runtime.stage import Outcome
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


class Blocked(Identity):
    """Stays inside its first call until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        self.go_on.wait()
        return super().process(position, records)


async def test_a_stage_that_is_stuck_says_so_until_it_goes_on(
    bus: Bus, bus_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "PATIENCE_SESSIONS", 1)
    monkeypatch.setattr(lag, "_EVERY_S", 0.05)
    health, blocked = Health("telemetry-normalizer"), Blocked()
    quick = replace(bus_settings, bus_session_timeout_s=1.0)
    service = Service("telemetry-normalizer", quick, health, Edge(health))
    stage = run_stage(service, bus, [topology.RAW], blocked)
    await asyncio.to_thread(await_true, lambda: not health.problems(), "it is ready")
    send(bus, ["1", "2", "3"], partitions=1)

    def said() -> str:
        return health.degraded().get("reading", "")

    await asyncio.to_thread(await_true, lambda: "although 3 records wait" in said(), "it says so")
    assert (stage.batches, health.problems()) == (0, {})
    blocked.go_on.set()
    await asyncio.to_thread(await_true, lambda: not health.degraded() and stage.batches, "it goes on")
    await service.drain()
