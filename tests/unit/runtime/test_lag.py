"""How far a stage is behind is measured for as long as the service runs, whatever happens to one measurement."""

import asyncio
import math
from typing import Any

import pytest
from prometheus_client import REGISTRY

from vigil.bus.port import BusUnavailable
from vigil.runtime import lag
from vigil.runtime.health import Health
from vigil.runtime.lag import Lag


class Answers:
    """A log that answers with these, one after the other; then the measuring is cancelled."""

    def __init__(self, health: Health, *answers: Any) -> None:
        self.health, self.answers = health, list(answers)
        self.said: list[tuple[float | None, bool, float]] = []  # after each: the metric, whether degraded, errors

    def lag(self, group: str, topic: str) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    async def sleep(self, seconds: float) -> None:
        behind = REGISTRY.get_sample_value("vigil_consumer_lag_records", {"stage": "lagging", "topic": "t"})
        errors = {"stage": "lagging", "error_code": "internal"}
        self.said.append(
            (behind, "lag" in self.health.degraded(), REGISTRY.get_sample_value("vigil_errors_total", errors) or 0)
        )
        if not self.answers:
            raise asyncio.CancelledError


async def test_a_defect_met_in_one_measurement_is_said_and_ends_nothing(monkeypatch: Any, caplog: Any) -> None:
    health = Health("test")
    log = Answers(health, 7, BusUnavailable("injected"), ValueError("injected"), 5)
    monkeypatch.setattr(lag.asyncio, "sleep", log.sleep)
    with pytest.raises(asyncio.CancelledError):
        await Lag("lagging", log, ["t"], health).measure()  # type: ignore[arg-type]
    (first, *_), (away, said, none), (unknown, degraded, one), (last, *after) = log.said
    assert (first, last) == (7, 5)
    assert math.isnan(away or 0)
    assert math.isnan(unknown or 0)
    assert (said, degraded, after) == (False, True, [False, one])
    assert one == none + 1
    assert "lag_not_measured" in caplog.messages
