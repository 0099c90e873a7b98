"""Stages on the log under test."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.integration.runtime.identity import Identity, stage
from vigil.bus.port import Bus
from vigil.runtime.stage import Stage
from vigil.settings import Settings


@pytest.fixture
def settings(bus_settings: Settings) -> Settings:
    return replace(bus_settings, bus_session_timeout_s=1.0, poll_records_max=16, commit_interval_ms=20)


@pytest.fixture
def run(bus: Bus, settings: Settings) -> Iterator[Callable[..., Stage]]:
    running: list[Stage] = []

    def make(processor: Identity, log: Bus = bus, settings: Settings = settings) -> Stage:
        running.append(stage(log, settings, processor))
        running[-1].start()
        return running[-1]

    yield make
    for one in running:
        one.stop(10)
        assert one.crashed is None
