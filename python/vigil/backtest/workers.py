"""Work spread over processes: spawned, a bounded number of tasks under way, results by the order of the tasks."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
AHEAD = 2
"""Tasks under way per process: what is read ahead stays small."""


class WorkerLost(Exception):
    """A process ended in the middle of its work; the text says what may help."""


def usable() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


class Workers:
    """A context manager; with one process the work is done here."""

    def __init__(self, processes: int) -> None:
        self._processes = max(1, processes)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._processes > 1:
            self._pool = ProcessPoolExecutor(self._processes, multiprocessing.get_context("spawn"))
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if self._pool:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def run(
        self, work: Callable[..., T], tasks: Iterable[tuple[object, ...]], done: Callable[[T], None] = lambda _: None
    ) -> list[T]:
        """`work(*task)` of every task, in their order; `done` as each comes in. Raises `WorkerLost`."""
        found: dict[int, T] = {}
        try:
            for index, result in self._results(work, tasks):
                found[index] = result
                done(result)
        except BrokenProcessPool as error:
            raise WorkerLost(
                "a process was ended in its work, perhaps for want of memory: try --processes 1"
            ) from error
        return [found[index] for index in range(len(found))]

    def _results(self, work: Callable[..., T], tasks: Iterable[tuple[object, ...]]) -> Iterator[tuple[int, T]]:
        if self._pool is None:
            for index, task in enumerate(tasks):
                yield index, work(*task)
            return
        under_way: dict[Future[T], int] = {}
        for index, task in enumerate(tasks):
            under_way[self._pool.submit(work, *task)] = index
            if len(under_way) >= AHEAD * self._processes:
                yield from self._finished(under_way)
        while under_way:
            yield from self._finished(under_way)

    def _finished(self, under_way: dict[Future[T], int]) -> Iterator[tuple[int, T]]:
        ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in ready:
            yield under_way.pop(future), future.result()
