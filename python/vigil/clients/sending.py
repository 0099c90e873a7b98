"""Sends bodies to the gateway over pooled connections without ever losing or reordering one.

A lane sends one body after the other, so whoever keeps a device in one lane keeps its order. A body that is
not taken (503, gateway away) is sent again, the same bytes; ids derive from content, so a repeat is no new fact.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

LATENCIES_MAX = 200_000


class Answer(NamedTuple):
    """What the gateway said to a body it took or refused."""

    accepted: int
    rejected: int
    problem: str = ""


class NotTaken(Exception):
    """Nothing of the body was taken; it may be sent again after `after_s`."""

    def __init__(self, reason: str, after_s: float) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Transport(Protocol):
    """One way to the gateway."""

    async def send(self, body: bytes, observations: int) -> Answer:
        """Sends one body; raises `NotTaken`."""

    async def close(self) -> None:
        """Closes the connections."""


class Item(NamedTuple):
    """A body with the moment at which it was meant to be sent (`time.perf_counter`)."""

    body: bytes
    observations: int
    intended: float


@dataclass
class Statistics:
    """What became of the bodies; latencies count from the intended moment."""

    bodies: int = 0
    observations: int = 0
    accepted: int = 0
    rejected: int = 0
    retried: int = 0
    unsent: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    def note(self, problem: str) -> None:
        """Counts a problem by its text, keeping few texts."""
        if len(self.problems) < 20 or problem in self.problems:
            self.problems[problem] = self.problems.get(problem, 0) + 1

    def percentile_ms(self, share: float) -> float | None:
        """A percentile of the latencies in ms; None before the first."""
        if not self.latencies_s:
            return None
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class Sender:
    """Lanes over one transport."""

    def __init__(
        self,
        transport: Transport,
        lanes: int,
        *,
        queue_max: int = 32,
        on_answer: Callable[[Item, Answer], None] | None = None,
    ) -> None:
        self._transport, self._on_answer = transport, on_answer
        self._queues: list[asyncio.Queue[Item | None]] = [asyncio.Queue(queue_max) for _ in range(lanes)]
        self._under_way: dict[int, int] = {}
        self._tasks = [asyncio.create_task(self._lane(queue)) for queue in self._queues]
        self.statistics = Statistics()

    @property
    def lanes(self) -> int:
        """How many bodies can be under way at once."""
        return len(self._queues)

    async def submit(self, lane: int, body: bytes, observations: int, intended: float | None = None) -> None:
        """Queues a body; waits while its lane is full, so that memory is bounded."""
        when = time.perf_counter() if intended is None else intended
        await self._queues[lane % len(self._queues)].put(Item(body, observations, when))

    async def finish(self, timeout_s: float | None = None) -> None:
        """Waits until everything is answered; after `timeout_s` the rest is counted as unsent."""
        for queue in self._queues:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(queue.put(None), timeout_s)
        _, waiting = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        queued = sum(item.observations for queue in self._queues for item in _drain(queue) if item)
        self.statistics.unsent = queued + sum(self._under_way.values())
        await self._transport.close()

    async def _lane(self, queue: asyncio.Queue[Item | None]) -> None:
        while (item := await queue.get()) is not None:
            self._under_way[id(queue)] = item.observations
            answer = await self._deliver(item)
            self._under_way[id(queue)] = 0
            sent = self.statistics
            sent.bodies += 1
            sent.observations += item.observations
            sent.accepted += answer.accepted
            sent.rejected += answer.rejected
            if answer.problem:
                sent.note(answer.problem)
            if len(sent.latencies_s) < LATENCIES_MAX:
                sent.latencies_s.append(time.perf_counter() - item.intended)
            if self._on_answer:
                self._on_answer(item, answer)

    async def _deliver(self, item: Item) -> Answer:
        while True:
            try:
                return await self._transport.send(item.body, item.observations)
            except NotTaken as refusal:
                self.statistics.retried += 1
                self.statistics.note(str(refusal))
                await asyncio.sleep(refusal.after_s)


def _drain(queue: asyncio.Queue[Item | None]) -> list[Item | None]:
    held = []
    while not queue.empty():
        held.append(queue.get_nowait())
    return held
