"""Empirical distributions as piecewise-linear curves: from a distance to the share of training values below it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1.0)


@dataclass(frozen=True)
class Curve:
    """`knots` ascending, `shares` from 0 to 1; flat outside. Always `len(LEVELS)` knots."""

    knots: NDArray[np.float64]
    shares: NDArray[np.float64]

    @staticmethod
    def fit(distances: NDArray[np.floating]) -> "Curve":
        """From training distances. Values that many rows share stand at the middle of their ranks."""
        ordered = np.sort(np.asarray(distances, np.float64))
        if len(ordered) == 0:
            ordered = np.zeros(1)
        knots = np.quantile(ordered, LEVELS, method="inverted_cdf")
        below = np.searchsorted(ordered, knots, "left") / len(ordered)
        through = np.searchsorted(ordered, knots, "right") / len(ordered)
        shares = (below + through) / 2
        shares[0], shares[-1] = 0.0, 1.0
        # Equal neighbours are spread apart, so that no segment has length 0.
        step = max(float(np.ptp(ordered)), 1.0) * 1e-6
        for index in range(1, len(knots)):
            knots[index] = max(knots[index], knots[index - 1] + step)
        return Curve(knots, np.maximum.accumulate(shares))

    def __call__(self, distances: NDArray[np.floating]) -> NDArray[np.float64]:
        """The share of training distances below each."""
        made: NDArray[np.float64] = np.interp(distances, self.knots, self.shares)
        return made
