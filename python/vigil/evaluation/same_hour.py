"""AUROC among rows of the same hour of observation: what a score tells beyond how long someone has been there.

How long a patient has been observed tells events by itself where they come early or late in a stay, and any history of
values tells it: a mean over three days of a stay of one day is that day's. Here it can tell nothing.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_HOUR_US = 3_600_000_000


def hours(patient: NDArray[np.int64], time_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole hours of every row since the first row of its patient. `patient` is an index from 0."""
    first = np.full(int(patient.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, patient, time_us)
    made: NDArray[np.int64] = (time_us - first[patient]) // _HOUR_US
    return made


class SameHour:
    """Pairs of a labelled row and another of the same hour; sorted once, weighed often."""

    def __init__(
        self,
        labels: NDArray[np.integer] | NDArray[np.bool_],
        scores: NDArray[np.floating],
        hour: NDArray[np.integer],
    ) -> None:
        self._order = np.lexsort((scores, hour))
        own, ordered = hour[self._order], scores[self._order]
        another = own[1:] != own[:-1]
        # Rows of one hour and score are one step, steps of one hour a run.
        self._steps = np.flatnonzero(np.r_[True, another | (ordered[1:] != ordered[:-1])][: len(own)])
        self._runs = np.flatnonzero(np.r_[True, another][: len(own)])
        self._run_of_step = np.searchsorted(self._runs, self._steps, side="right") - 1
        self._positive = labels[self._order] != 0

    def auroc(self, weights: NDArray[np.floating] | None = None) -> float:
        """Share of the pairs in which the labelled row is higher, ties by half; NaN when there is no pair."""
        if not len(self._order):
            return float("nan")
        w = np.ones(len(self._order)) if weights is None else weights[self._order].astype(np.float64)
        true, false = np.where(self._positive, w, 0.0), np.where(self._positive, 0.0, w)
        pairs = np.dot(np.add.reduceat(true, self._runs), np.add.reduceat(false, self._runs))
        if pairs <= 0:
            return float("nan")
        steps_true, steps_false = np.add.reduceat(true, self._steps), np.add.reduceat(false, self._steps)
        lower = np.cumsum(false) - false  # in front of each row, over all hours
        below = lower[self._steps] - lower[self._runs][self._run_of_step]
        return float(np.dot(steps_true, below + steps_false / 2) / pairs)
