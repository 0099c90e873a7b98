"""Adaptive micro-batches: calls that are in flight together are scored as one; a lone caller never waits.

    nothing under way            → scored at once; a small call alone even without a change of thread
    every thread at work         → the calls gather until one is free
    a thread free, others at work → they gather until the batch is full or the first of them has waited `linger_s`
    `waiting_max` rows gathered   → a call is refused, rather than answered when nobody waits any more

A call alone costs the model tens of microseconds a row, in a batch a fraction of one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from vigil.model import Model


class Scored(NamedTuple):
    """Packed scores, and the model that made all of them."""

    scores: bytes
    model: Model


class Overloaded(Exception):
    """More rows wait than will be scored in time."""


@dataclass(eq=False)
class _Call:
    features: bytes
    rows: int
    answer: asyncio.Future[Scored]


class Batcher:
    """Spreads the calls of one event loop over `threads` threads. `score` is called on them with joined rows."""

    def __init__(
        self,
        score: Callable[[bytes, int], Scored],
        threads: int,
        *,
        rows_max: int = 8192,
        linger_s: float = 0.002,
        inline_rows: int = 0,
        waiting_max: int = 262_144,
    ) -> None:
        self._score, self._threads, self._rows_max, self._linger_s = score, threads, rows_max, linger_s
        self._inline_rows, self._waiting_max = inline_rows, waiting_max
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self._waiting: deque[_Call] = deque()
        self._rows = self._busy = 0
        self._timer: asyncio.Handle | None = None

    @property
    def waiting(self) -> int:
        """Calls that gather."""
        return len(self._waiting)

    async def score(self, features: bytes, rows: int) -> Scored:
        """The scores of these rows, alone or together with others. Raises what `score` raised, and `Overloaded`."""
        if self._waiting and self._rows + rows > self._waiting_max:
            raise Overloaded(f"{self._rows} rows wait already")
        loop = asyncio.get_running_loop()
        call = _Call(features, rows, loop.create_future())
        self._waiting.append(call)
        self._rows += rows
        if self._busy == 0:
            # After what is ready now: calls that came together are then seen together.
            self._timer = self._timer or loop.call_soon(self._start)
        elif self._rows >= self._rows_max:
            self._start()
        elif self._busy < self._threads and self._timer is None:
            self._timer = loop.call_later(self._linger_s, self._start)
        return await call.answer

    async def close(self) -> None:
        """Ends after the batches under way."""
        await asyncio.to_thread(self._workers.shutdown)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy == 0 and len(self._waiting) == 1 and self._rows <= self._inline_rows:
            self._score_here()
        while self._waiting and self._busy < self._threads:
            calls = self._take()
            if not calls:
                continue
            self._busy += 1
            run = asyncio.get_running_loop().run_in_executor(self._workers, self._run, calls)
            run.add_done_callback(lambda done, calls=calls: self._ended(done, calls))  # type: ignore[misc]

    def _score_here(self) -> None:
        """On the event loop: for a small call, handing it to a thread and back costs more than scoring it."""
        for call in self._take():
            try:
                call.answer.set_result(self._score(call.features, call.rows))
            except Exception as error:
                call.answer.set_exception(error)

    def _take(self) -> list[_Call]:
        """The next batch: at least one call, and no more than fit; who has gone is not scored."""
        calls: list[_Call] = []
        rows = 0
        while self._waiting and (not calls or rows + self._waiting[0].rows <= self._rows_max):
            call = self._waiting.popleft()
            self._rows -= call.rows
            if not call.answer.done():
                calls.append(call)
                rows += call.rows
        return calls

    def _run(self, calls: list[_Call]) -> Scored:
        if len(calls) == 1:
            return self._score(calls[0].features, calls[0].rows)
        return self._score(b"".join([call.features for call in calls]), sum(call.rows for call in calls))

    def _ended(self, done: asyncio.Future[Scored], calls: list[_Call]) -> None:
        self._busy -= 1
        error = done.exception()
        if error is not None:
            for call in calls:
                if not call.answer.done():
                    call.answer.set_exception(error)
        else:
            self._hand_out(done.result(), calls)
        self._start()

    @staticmethod
    def _hand_out(scored: Scored, calls: list[_Call]) -> None:
        rows = sum(call.rows for call in calls)
        width = len(scored.scores) // rows if rows else 0
        at = 0
        for call in calls:
            end = at + call.rows * width
            if not call.answer.done():
                part = scored.scores if len(calls) == 1 else scored.scores[at:end]
                call.answer.set_result(Scored(part, scored.model))
            at = end
