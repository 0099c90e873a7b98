"""What the tests of the batch loop share: faults put into the real log, and what it holds."""

from collections.abc import Callable
from typing import Any

from vigil import topology
from vigil.bus.port import Bus, Record

GROUP = "telemetry-normalizer"


class Faulty:
    """The real log, with a fault put into chosen calls. What is not overridden goes to the real thing."""

    def __init__(self, real: Any, **faults: Callable[..., Any]) -> None:
        self._real, self._faults = real, faults

    def __getattr__(self, name: str) -> Any:
        return self._faults.get(name) or getattr(self._real, name)


def written(bus: Bus, topic: str = topology.NORMALIZED) -> list[Record]:
    return [r for held in bus.ranges(topic) for r in bus.read(held.position, held.low, held.high)]


def count(bus: Bus, topic: str = topology.NORMALIZED) -> int:
    return sum(held.high for held in bus.ranges(topic))


def assert_complete_and_in_order(bus: Bus, total: int) -> None:
    """Every value, and each partition in order once repetitions of what went before are left out."""
    for partition in range(4):
        seen = [int(r.value) for r in written(bus) if r.partition == partition]
        first = list(dict.fromkeys(seen))
        assert first == list(range(partition, total, 4)), f"partition {partition}"
