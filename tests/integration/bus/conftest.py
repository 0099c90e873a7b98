"""Fixtures of the bus tests."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.integration.bus.support import Member
from vigil.bus.port import Bus
from vigil.settings import Settings


@pytest.fixture
def quick(bus_settings: Settings) -> Settings:
    """A dead member is noticed after one second, an absent broker after two."""
    return replace(bus_settings, bus_session_timeout_s=1.0, bus_timeout_s=2.0)


@pytest.fixture
def member(bus: Bus) -> Iterator[Callable[..., Member]]:
    made: list[Member] = []

    def make(log: Bus = bus, group: str = "g") -> Member:
        made.append(Member(log, group))
        return made[-1]

    yield make
    for one in made:
        one.consumer.close()
