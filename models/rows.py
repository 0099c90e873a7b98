"""A recording through the offline pipeline to feature rows: exactly what the live system scores.

There is no second implementation of cleaning or features (`vigil.offline.features`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.fit import Rows
from vigil.backtest.labels import Event, of_stay
from vigil.offline.features import StayRows, feature_rows
from vigil.recordings import Stay

LABEL = "sepsis"


@dataclass(frozen=True)
class Dataset:
    """Rows of all stays; `names[i]` is patient i. What follows the rows serves the report alone."""

    names: list[str]
    rows: Rows
    time_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    news2: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    wards: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def collect(stays: Iterable[Stay]) -> Dataset:
    """The feature rows and labels of every stay, in order. Raises `vigil.offline.features.LostRows`."""
    parts: list[StayRows] = list(feature_rows(stays))
    patient = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.features) for part in parts])
    labels = np.concatenate([part.labels[LABEL] for part in parts])
    return Dataset(
        names=[part.stay.device.device_id for part in parts],
        rows=Rows(np.concatenate([part.features for part in parts]), labels, patient),
        time_us=np.concatenate([part.time_us for part in parts]),
        news2=np.concatenate([part.news2 for part in parts]),
        wards=[part.stay.patient.ward if part.stay.patient else "" for part in parts],
        events=[event for part in parts for event in of_stay(part.stay)],
    )
