"""Empirical distributions as curves: from a distance to the share of training values that were less far.

A curve is piecewise linear in the logarithm of the share that is farther, for tails are straight there. Added up over
signs, that logarithm is also what says how rare they are together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.0, 0.5, 0.8, 0.95, 0.99, 0.999, 1.0)
FLOOR = 1e-4  # of the share that is farther: keeps its logarithm finite


@dataclass(frozen=True)
class Curve:
    """`knots` ascending, `rarity` descending from 0 to log(FLOOR); flat outside. Always `len(LEVELS)` knots."""

    knots: NDArray[np.float64]
    rarity: NDArray[np.float64]

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
        return Curve(knots, np.log(1.0 + FLOOR - np.maximum.accumulate(shares)))

    def log_farther(self, distances: NDArray[np.floating]) -> NDArray[np.float64]:
        """The logarithm of the share of training distances beyond each: 0 to log(FLOOR)."""
        made: NDArray[np.float64] = np.interp(distances, self.knots, self.rarity)
        return made

    def __call__(self, distances: NDArray[np.floating]) -> NDArray[np.float64]:
        """The share of training distances below each."""
        made: NDArray[np.float64] = 1.0 + FLOOR - np.exp(self.log_farther(distances))
        return made
