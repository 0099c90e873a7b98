"""A recording through the offline pipeline to feature rows: exactly what the live system scores.

There is no second implementation of cleaning or features (`vigil.offline.features`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fit import Rows
from models.layout import Matrix
from vigil.offline.features import feature_rows
from vigil.recordings import Stay

LABEL = "sepsis"


@dataclass(frozen=True)
class Dataset:
    """Rows of all stays; `names[i]` is patient i."""

    names: list[str]
    rows: Rows


def collect(stays: Iterable[Stay]) -> Dataset:
    """The feature rows and labels of every stay, in order. Raises `vigil.offline.features.LostRows`."""
    names: list[str] = []
    features: list[Matrix] = []
    labels: list[NDArray[np.int8]] = []
    for part in feature_rows(stays):
        names.append(part.stay.device.device_id)
        features.append(part.features)
        labels.append(part.labels[LABEL])
    patient = np.repeat(np.arange(len(names), dtype=np.int32), [len(part) for part in features])
    return Dataset(names, Rows(np.concatenate(features), np.concatenate(labels), patient))
