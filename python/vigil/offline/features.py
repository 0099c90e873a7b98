"""A recording's feature rows, through the same core as live, with whose they are and what became of them.

There is no second implementation of cleaning or features: where the pipeline asks its model, a recorder keeps the rows.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigil import core
from vigil.offline.pipeline import OfflinePipeline
from vigil.pb import events_pb2
from vigil.recordings import Stay
from vigil.settings import Settings

_REFUSED = events_pb2.OBSERVATION_FLAG_LATE | events_pb2.OBSERVATION_FLAG_DUPLICATE

Matrix = NDArray[np.float32]


class LostRows(Exception):
    """The pipeline did not hand on a row for every observation it evaluated."""


@dataclass(frozen=True)
class StayRows:
    """The rows of one stay, in the order of evaluation: late and repeated observations have none."""

    stay: Stay
    features: Matrix
    time_us: NDArray[np.int64]
    labels: Mapping[str, NDArray[np.int8]]
    news2: NDArray[np.float64]
    """The engine's NEWS2 total at each row, of what was known; NaN where there is none."""


class Recorder:
    """Stands where the pipeline asks its model: keeps the feature rows, answers "not scorable"."""

    version = "recorder"

    def __init__(self) -> None:
        self._columns = len(core.feature_names())
        self._answer = struct.pack("<f", float("nan")) * len(core.score_names())
        self._kept: list[Matrix] = []

    def score(self, features: bytes, rows: int) -> bytes:
        """As `Model.score`."""
        self._kept.append(np.frombuffer(features, "<f4").reshape(rows, self._columns))
        return self._answer * rows

    def take(self) -> Matrix:
        """The rows since the last call."""
        kept, self._kept = self._kept, []
        return np.concatenate(kept) if kept else np.zeros((0, self._columns), np.float32)


def feature_rows(stays: Iterable[Stay]) -> Iterator[StayRows]:
    """The rows of every stay that has observations, one after the other. Raises `LostRows`."""
    recorder = Recorder()
    # One partition: a stay's rows come back in the order of its observations.
    pipeline = OfflinePipeline(Settings.load({"BUS_PARTITIONS": "1"}), recorder)
    for stay in stays:
        if not stay.observations:
            continue
        pipeline.enrol([stay])
        scored = pipeline.feed(msgspec.json.encode(stay.observations)).scored
        columns = core.scored_columns(scored)
        evaluated = np.frombuffer(columns.column("flags"), "<u4") & _REFUSED == 0
        time_us = np.frombuffer(columns.column("event_time_us"), "<i8")[evaluated]
        rows = recorder.take()
        if len(rows) != len(time_us):
            raise LostRows(f"{stay.device.device_id}: {len(rows)} rows of {len(time_us)} evaluated observations")
        total = np.frombuffer(columns.column("news2"), "<i4")[evaluated].astype(np.float64)
        yield StayRows(stay, rows, time_us, _labels(stay, time_us), np.where(total < 0, np.nan, total))


def _labels(stay: Stay, time_us: NDArray[np.int64]) -> dict[str, NDArray[np.int8]]:
    """The recording's labels beside the rows, by time; a row's time is one of the recording's."""
    order = np.argsort(stay.times_us, kind="stable")
    at = order[np.searchsorted(np.array(stay.times_us)[order], time_us)]
    return {name: np.array(values, np.int8)[at] for name, values in stay.labels.items()}
