"""The run: ticks cut into bodies, each with its intended moment; event time follows the plan, not the clock."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from services.device_simulator.dips import Dips
from services.device_simulator.encode import DEVICE_DIGITS, JsonTemplate
from services.device_simulator.episodes import tables
from services.device_simulator.physiology import Ward
from services.device_simulator.schedule import Episode, Schedule
from services.device_simulator.truth import TruthFile
from vigil.clients.sending import Sender

DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is simulated. `start_us` is the event time of the first tick; `episodes` > 0 replaces the rate.
    Rates are per device and hour."""

    devices: int
    interval_s: float
    seed: int
    start_us: int
    duration_s: float = 0.0
    episode_rate: float = 0.0
    episodes: int = 0
    dip_rate: float = 0.0
    prefix: str = "sim-"
    per_body: int = 500
    truth: Path | None = None

    def device_id(self, number: int) -> str:
        """The id of device `number`."""
        return f"{self.prefix}{number:0{DEVICE_DIGITS}d}"

    def patient_id(self, number: int) -> str:
        """The id of the patient on device `number`."""
        return f"{self.prefix}patient-{number:0{DEVICE_DIGITS}d}"


class Body(NamedTuple):
    """One request: which slice of the devices, when it is due, its bytes."""

    slice_index: int
    due_s: float
    body: bytes
    observations: int


class Encoder(Protocol):
    """Makes bodies of arrays."""

    def body(self, first: int, time_us: int, signs: np.ndarray) -> bytes:
        """The body of one slice."""


class Simulator:
    """Generates the bodies of a plan in order of their due times; no clock of its own."""

    def __init__(self, plan: Plan, encoder: Encoder | None = None) -> None:
        self.plan = plan
        profiles = tables(plan.interval_s)
        self._ward = Ward(plan.devices, plan.seed, plan.interval_s, profiles)
        self._schedule = Schedule(
            self._ward, profiles, rate_per_hour=plan.episode_rate, exact=plan.episodes, within_s=plan.duration_s
        )
        self.dips = Dips(plan.devices, plan.seed, plan.dip_rate)
        self._encoder = encoder or JsonTemplate(plan.prefix)
        self.truth = TruthFile(plan.truth)
        slices = max(1, -(-plan.devices // plan.per_body))
        edges = np.linspace(0, plan.devices, slices + 1).astype(int)
        self._slices = [(int(low), int(high - low)) for low, high in pairwise(edges)]
        self.last_event_us = self.observations = 0

    def bodies(self) -> Iterator[Body]:
        """Bodies until the duration is over (for ever when it is 0); a slice's next tick is an interval later."""
        plan, count = self.plan, len(self._slices)
        tick = 0
        while plan.devices:
            for index, (first, size) in enumerate(self._slices):
                due_s = (tick + index / count) * plan.interval_s
                if plan.duration_s and due_s >= plan.duration_s:
                    self.truth.close()
                    return
                self.observations += size
                yield Body(index, due_s, self._body(tick, first, size, due_s), size)
            tick += 1

    def _body(self, tick: int, first: int, size: int, due_s: float) -> bytes:
        plan = self.plan
        time_us = plan.start_us + round(due_s * 1e6)
        time_us -= time_us % 1000  # the bodies carry milliseconds
        for episode in self._schedule.begin(first, size, due_s):
            self._write(episode)
        signs = self._ward.advance(tick, first, size, due_s, time_us % DAY_US / 1e6)
        self.dips.apply(first, due_s, signs)
        self.last_event_us = time_us
        return self._encoder.body(first, time_us, signs)

    def _write(self, episode: Episode) -> None:
        device, patient = self.plan.device_id(episode.device), self.plan.patient_id(episode.device)
        self.truth.write(episode, device, patient, self.plan.start_us, self.plan.interval_s)


async def send(
    simulator: Simulator, sender: Sender, stopping: asyncio.Event, on_body: Callable[[Body], None] | None = None
) -> None:
    """Submits every body at its due time, whatever became of the earlier ones (open loop)."""
    began = time.perf_counter()
    for body in simulator.bodies():
        ahead = began + body.due_s - time.perf_counter()
        if ahead > 0.001:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), ahead)
        if stopping.is_set():
            break
        await sender.submit(body.slice_index, body.body, body.observations, began + body.due_s)
        if on_body:
            on_body(body)
    simulator.truth.close()
