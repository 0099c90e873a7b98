"""A recording through the Rust core, stage by stage, to feature rows: exactly what the live system scores.

There is no second implementation of cleaning or features. Each stay goes through decoder, normalizer,
enricher and engine on its own; the labels run parallel to the observations.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.chain import Chain
from models.fit import Rows
from models.layout import Matrix
from vigil.recordings import Stay

LABEL = "sepsis"


@dataclass(frozen=True)
class Dataset:
    """Rows of all stays; `names[i]` is patient i."""

    names: list[str]
    rows: Rows


def collect(stays: Iterable[Stay], rules_toml: str) -> Dataset:
    """The feature rows and labels of every stay, in order."""
    names: list[str] = []
    features: list[Matrix] = []
    labels: list[NDArray[np.int8]] = []
    for stay in stays:
        if not stay.observations:
            continue
        names.append(stay.device.device_id)
        features.append(Chain(rules_toml).features(stay))
        labels.append(np.array(stay.labels[LABEL], np.int8))
    patient = np.repeat(np.arange(len(names), dtype=np.int32), [len(part) for part in features])
    return Dataset(names, Rows(np.concatenate(features), np.concatenate(labels), patient))
