"""Figures of rows with intervals from resampling the patients that the rows are of."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from models.progress import Told, quiet
from vigil.evaluation.bootstrap import intervals

Weights = NDArray[np.float64] | None
Figure = dict[str, float]
"""`value`, `low` and `high`: the 95 % interval; NaN where it cannot be computed."""


def by_patient(
    patient: NDArray[np.integer],
    figures: Callable[[Weights], Mapping[str, float]],
    seed: int,
    rounds: int,
    told: Told = quiet,
) -> dict[str, Figure]:
    """Every figure of `figures(weight per row)`, None = each row once. `patient`: whose each row is."""
    people, index = np.unique(patient, return_inverse=True)
    done = -1  # the first is of each patient once

    def weighed(weights: Weights) -> Mapping[str, float]:
        nonlocal done
        done += 1
        told("rounds", done, rounds)
        return figures(None if weights is None else weights[index])

    return {name: asdict(found) for name, found in intervals(weighed, len(people), seed, rounds).items()}
