"""The running system's telemetry.enriched as a recording: its records as they stand, with the controls in them.

What people and the clock did to alarms lies in the same log, so this sees what the rules engine saw from the log's
first record on. A part is a partition.
"""

import os
import time
from dataclasses import dataclass

import numpy as np

from vigil import bus, topology
from vigil.backtest.cache import Cache
from vigil.backtest.parts import Counts
from vigil.backtest.prepare import describe
from vigil.backtest.prepared import Prepared, Progress
from vigil.backtest.workers import Workers
from vigil.core import scored_columns
from vigil.recordings import RecordingError
from vigil.settings import Settings


@dataclass(frozen=True)
class LogSource:
    """The log that the settings name."""

    settings: Settings

    def prepared(self, workers: Workers, kept: Cache, progress: Progress) -> Prepared:
        """Copies it; raises `RecordingError` when it is empty, `BusUnavailable` when it cannot be read."""
        began, parts = time.perf_counter(), []
        log = bus.connect(self.settings)
        try:
            with kept.begin() as begun:
                for held in log.ranges(topology.ENRICHED):
                    values = [record.value for record in log.read(held.position, held.low, held.high)]
                    counted = _observations(values)
                    if sum(counted):
                        counts = Counts(accepted=sum(counted), enriched=sum(counted))
                        batches = list(zip(counted, values, strict=True))
                        parts.append(describe(begun, held.position.partition, batches, [], counts))
                        progress("reading the log", 0, sum(counted))
                if not parts:
                    raise RecordingError(f"{topology.ENRICHED} holds no observations")
                folder = kept.keep(f"log-{os.getpid()}", begun, parts)
        finally:
            log.close()
        seconds = time.perf_counter() - began
        return Prepared(name=topology.ENRICHED, folder=folder, parts=parts, seconds=seconds, cached=False, passing=True)


def _observations(values: list[bytes]) -> list[int]:
    """Per record."""
    record = np.frombuffer(scored_columns(values).column("record"), "<u4")
    return [int(n) for n in np.bincount(record, minlength=len(values))]
