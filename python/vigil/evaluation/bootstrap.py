"""Intervals from resampling patients, never rows: the rows of a patient are not independent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 200
LEVEL = 0.95


@dataclass(frozen=True)
class Resampled:
    """A figure with its interval; NaN where it cannot be computed."""

    value: float
    low: float
    high: float

    @staticmethod
    def of(value: float, rounds: NDArray[np.float64] | list[float]) -> "Resampled":
        """The percentile interval of the rounds that gave a figure."""
        known = np.asarray(rounds, np.float64)
        known = known[np.isfinite(known)]
        if not len(known):
            return Resampled(value, float("nan"), float("nan"))
        tail = 100 * (1 - LEVEL) / 2
        low, high = np.percentile(known, [tail, 100 - tail])
        return Resampled(value, float(low), float(high))


def resamples(patients: int, seed: int, rounds: int = ROUNDS) -> Iterator[NDArray[np.float64]]:
    """Per round, how often each patient is drawn."""
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(0, patients, patients), minlength=patients).astype(np.float64)


def intervals(
    figures: Callable[[NDArray[np.float64] | None], Mapping[str, float]], patients: int, seed: int, rounds: int = ROUNDS
) -> dict[str, Resampled]:
    """Every figure with its interval; `figures(weight per patient)`, None = each patient once.

    All figures of a round are of the same patients, so that a difference among them is a paired one. One patient alone
    has no interval: resampled, it is always itself.
    """
    value = figures(None)
    made: dict[str, list[float]] = {name: [] for name in value}
    for weights in resamples(patients, seed, rounds if patients > 1 else 0):
        for name, figure in figures(weights).items():
            made[name].append(figure)
    return {name: Resampled.of(figure, made[name]) for name, figure in value.items()}
