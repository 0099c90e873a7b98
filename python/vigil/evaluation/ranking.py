"""AUROC and average precision, ties counted right, under any weights: sorted once, weighed often."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Ranking:
    """A score and its labels, from the highest value down; equal values are one step."""

    def __init__(self, labels: NDArray[np.integer] | NDArray[np.bool_], scores: NDArray[np.floating]) -> None:
        self._order = np.argsort(-scores.astype(np.float64), kind="stable")
        ordered = scores[self._order]
        self._ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True]) if len(ordered) else np.zeros(0, np.int64)
        self._positive = labels[self._order] != 0
        self.thresholds: Floats = ordered[self._ends].astype(np.float64)
        """The distinct values, descending: at each, what is at least that high is called."""

    def counts(self, weights: NDArray[np.floating] | None = None) -> tuple[Floats, Floats]:
        """True and false positives at each threshold."""
        w = np.ones(len(self._order)) if weights is None else weights[self._order].astype(np.float64)
        true = np.cumsum(np.where(self._positive, w, 0.0))[self._ends]
        return true, np.cumsum(w)[self._ends] - true

    def auroc(self, weights: NDArray[np.floating] | None = None) -> float:
        """Area under the ROC curve; NaN when only one label is there."""
        return auroc_of(*self.counts(weights))

    def auprc(self, weights: NDArray[np.floating] | None = None) -> float:
        """Average precision: precision at each threshold, weighed by the recall it adds."""
        return auprc_of(*self.counts(weights))

    def both(self, weights: NDArray[np.floating] | None = None) -> tuple[float, float]:
        """AUROC and AUPRC."""
        counts = self.counts(weights)
        return auroc_of(*counts), auprc_of(*counts)

    def roc(self, points: int = 200) -> list[tuple[float, float]]:
        """(false positive rate, true positive rate), thinned to about `points`."""
        true, false = self.counts()
        if not len(true) or true[-1] == 0 or false[-1] == 0:
            return []
        curve = np.column_stack([np.r_[0.0, false / false[-1]], np.r_[0.0, true / true[-1]]])
        return _thinned(curve, points, axis=0)

    def precision_recall(self, points: int = 200) -> list[tuple[float, float]]:
        """(recall, precision), thinned to about `points`."""
        true, false = self.counts()
        if not len(true) or true[-1] == 0:
            return []
        return _thinned(np.column_stack([true / true[-1], true / np.maximum(true + false, 1e-300)]), points, axis=0)


def auroc_of(true: Floats, false: Floats) -> float:
    """From cumulated counts at descending thresholds."""
    if not len(true) or true[-1] <= 0 or false[-1] <= 0:
        return float("nan")
    before = np.r_[0.0, true[:-1]]
    area = np.sum(np.diff(false, prepend=0.0) * (before + true) / 2)
    return float(area / (true[-1] * false[-1]))


def auprc_of(true: Floats, false: Floats) -> float:
    """From cumulated counts at descending thresholds."""
    if not len(true) or true[-1] <= 0:
        return float("nan")
    called = true + false
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    return float(np.sum(np.diff(true, prepend=0.0) * precision) / true[-1])


def _thinned(curve: Floats, points: int, axis: int) -> list[tuple[float, float]]:
    """Evenly spread over the axis; the ends stay."""
    wanted = np.linspace(curve[0, axis], curve[-1, axis], points)
    at = np.unique(np.r_[0, np.searchsorted(curve[:, axis], wanted).clip(0, len(curve) - 1), len(curve) - 1])
    return [(round(float(x), 5), round(float(y), 5)) for x, y in curve[at]]
