"""A recording through the offline pipeline to feature rows: exactly what the live system scores.

There is no second implementation of cleaning or features (`vigil.offline.features`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.layout import Matrix
from models.progress import Told, counted, quiet
from vigil.backtest.labels import Event, of_stay
from vigil.offline.features import StayRows, feature_rows
from vigil.recordings import Stay

LABEL, OUTCOME = "sepsis", "died"


@dataclass(frozen=True)
class Rows:
    """Feature rows of some patients, in time order, with a label each."""

    features: Matrix
    labels: NDArray[np.int8]
    patient: NDArray[np.int32]

    def of(self, chosen: NDArray[np.bool_]) -> "Rows":
        """The rows of the chosen patients (a flag per patient index)."""
        at = chosen[self.patient]
        return Rows(self.features[at], self.labels[at], self.patient[at])

    @staticmethod
    def none(columns: int) -> "Rows":
        """No rows of so many columns."""
        return Rows(np.zeros((0, columns), np.float32), np.zeros(0, np.int8), np.zeros(0, np.int32))


@dataclass(frozen=True)
class Dataset:
    """Rows of all stays; `names[i]` is patient i. What follows the rows serves the report alone."""

    names: list[str]
    rows: Rows
    time_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    news2: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    wards: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def collect(stays: Iterable[Stay], told: Told = quiet, of: int = 0) -> Dataset:
    """The feature rows and labels of every stay (`of`: how many), in order. Raises `LostRows`."""
    parts: list[StayRows] = list(counted(feature_rows(stays), told, "patients", of))
    return _dataset(parts, [part.labels[LABEL] for part in parts])


def outcomes(stays: Iterable[Stay], told: Told = quiet, of: int = 0) -> Dataset:
    """As `collect`, for stays with a known outcome: their rows, each labelled with death in hospital."""
    read = counted(feature_rows(stays), told, "patients", of)
    parts = [part for part in read if OUTCOME in part.stay.outcome]
    return _dataset(parts, [np.full(len(part.features), part.stay.outcome[OUTCOME], np.int8) for part in parts])


def _dataset(parts: list[StayRows], labels: list[NDArray[np.int8]]) -> Dataset:
    patient = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.features) for part in parts])
    return Dataset(
        names=[part.stay.device.device_id for part in parts],
        rows=Rows(np.concatenate([part.features for part in parts]), np.concatenate(labels), patient),
        time_us=np.concatenate([part.time_us for part in parts]),
        news2=np.concatenate([part.news2 for part in parts]),
        wards=[part.stay.patient.ward if part.stay.patient else "" for part in parts],
        events=[event for part in parts for event in of_stay(part.stay)],
    )
