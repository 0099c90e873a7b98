"""Recordings as parts: from the cache, or made now and kept in it."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from vigil.backtest import cache
from vigil.backtest.cache import Cache
from vigil.backtest.parts import Counts, Part
from vigil.backtest.portions import Portion, portions
from vigil.backtest.prepare import prepare
from vigil.backtest.workers import Workers
from vigil.recordings import Recording, RecordingError

Progress = Callable[[str, int, int], None]
"""What is being done, and how many more patients and observations of it are done."""


@dataclass(kw_only=True)
class Prepared:
    """A recording ready for the engine."""

    name: str
    folder: Path
    parts: list[Part]
    seconds: float
    cached: bool
    passing: bool = False
    """Whether it is of no use to another run."""

    @property
    def counts(self) -> Counts:
        """Sums over the parts."""
        whole = Counts()
        for part in self.parts:
            whole.add(part.counts)
        return whole


class Source(Protocol):
    """Where enriched batches come from."""

    def prepared(self, workers: Workers, kept: Cache, progress: Progress) -> Prepared:
        """The parts, in `kept`."""


@dataclass(frozen=True, kw_only=True)
class RecordingSource:
    """A recording and how it was opened."""

    recording: Recording
    start: datetime
    limit: int | None = None

    def prepared(self, workers: Workers, kept: Cache, progress: Progress) -> Prepared:
        """Its parts; raises `RecordingError` when it cannot be read or none of its observations is accepted."""
        began, name = time.perf_counter(), str(self.recording.path)
        key = cache.key(self.recording, self.start, self.limit)
        found = kept.find(key)
        if found is not None:
            return Prepared(
                name=name, folder=found[0], parts=found[1], seconds=time.perf_counter() - began, cached=True
            )
        with kept.begin() as begun:
            scratch = begun / "scratch"
            scratch.mkdir()
            tasks = _numbered(portions(self.recording, scratch), begun)
            parts = workers.run(
                prepare, tasks, lambda part: progress("preparing", len(part.watched), part.counts.enriched)
            )
            shutil.rmtree(scratch)
            parts = [part for part in parts if part.counts.enriched]
            if not parts:
                raise RecordingError(f"{name}: none of its observations is accepted")
            folder = kept.keep(key, begun, parts)
        return Prepared(name=name, folder=folder, parts=parts, seconds=time.perf_counter() - began, cached=False)


def _numbered(found: Iterator[Portion], folder: Path) -> Iterator[tuple[int, Portion, Path]]:
    for index, portion in enumerate(found):
        yield index, portion, folder
