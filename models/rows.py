"""A recording through the offline pipeline to feature rows: exactly what the live system scores.

There is no second implementation of cleaning or features: where the pipeline asks its model, a recorder
keeps the rows. Labels run parallel to a stay's observations, and so to its rows.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.fit import Rows
from models.layout import Matrix
from vigil import core
from vigil.offline.pipeline import OfflinePipeline
from vigil.recordings import Stay
from vigil.settings import Settings

LABEL = "sepsis"


class LostRows(Exception):
    """The pipeline did not hand on every observation: labels would no longer stand beside their rows."""


@dataclass(frozen=True)
class Dataset:
    """Rows of all stays; `names[i]` is patient i."""

    names: list[str]
    rows: Rows


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


def collect(stays: Iterable[Stay]) -> Dataset:
    """The feature rows and labels of every stay, in order. Raises `LostRows`."""
    recorder = Recorder()
    # One partition: a stay's rows come back in the order of its observations.
    pipeline = OfflinePipeline(Settings.load({"BUS_PARTITIONS": "1"}), recorder)
    names: list[str] = []
    features: list[Matrix] = []
    labels: list[NDArray[np.int8]] = []
    for stay in stays:
        if not stay.observations:
            continue
        pipeline.enrol([stay])
        pipeline.feed(msgspec.json.encode(stay.observations))
        rows = recorder.take()
        if len(rows) != len(stay.observations):
            raise LostRows(f"{stay.device.device_id}: {len(rows)} rows of {len(stay.observations)} observations")
        names.append(stay.device.device_id)
        features.append(rows)
        labels.append(np.array(stay.labels[LABEL], np.int8))
    patient = np.repeat(np.arange(len(names), dtype=np.int32), [len(part) for part in features])
    return Dataset(names, Rows(np.concatenate(features), np.concatenate(labels), patient))
