"""Does a probability mean what it says: Brier score, tenths, expected error, and the line through the logits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = 10
_EDGE = 1e-6
_NEAR, _STEPS_MAX, _RIDGE = 1e-6, 60, 1e-12
FIGURES = ("brier", "expected_error", "mean_probability", "mean_label", "slope", "intercept")


@dataclass(frozen=True)
class Calibration:
    """`slope` 1 and `intercept` 0 are perfect; `bins` holds mean probability, share of labels and rows of each part."""

    brier: float
    expected_error: float
    mean_probability: float
    mean_label: float
    slope: float
    intercept: float
    bins: list[tuple[float, float, int]]


class Sample:
    """Labels and finite probabilities, prepared once and weighed often. The tenths are of the unweighted rows."""

    def __init__(
        self, labels: NDArray[np.integer] | NDArray[np.bool_], probability: NDArray[np.floating], parts: int = PARTS
    ) -> None:
        self._y, self._p = labels.astype(np.float64), probability.astype(np.float64)
        self._error = (self._p - self._y) ** 2
        inside = self._p.clip(_EDGE, 1 - _EDGE)
        # Rows of the same logit, to three decimals, are one to the line: a tenth of the time, and the same line.
        self._logits, self._logit = np.unique(np.round(np.log(inside / (1 - inside)), 3), return_inverse=True)
        self._parts = parts
        self._part = np.empty(len(self._p), np.int64)
        order = np.argsort(self._p, kind="stable")
        for at, rows in enumerate(np.array_split(order, parts)):
            self._part[rows] = at
        self._start = np.array([1.0, 0.0])
        line = self._line(np.ones_like(self._y))
        if not np.isnan(line).any():
            self._start = line  # near the line of any resample

    def calibration(self) -> Calibration:
        """Of every row once."""
        once = np.ones_like(self._y)
        rows, mean, share = self._bins(once)
        figures = self.figures(once)
        bins = [(float(m), float(s), int(n)) for m, s, n in zip(mean, share, rows, strict=True) if n]
        return Calibration(**figures, bins=bins)

    def figures(self, weights: NDArray[np.float64] | None = None) -> dict[str, float]:
        """All but the bins, each row counted `weights` times."""
        w = np.ones_like(self._y) if weights is None else weights
        whole = float(w.sum())
        if whole <= 0:
            return dict.fromkeys(FIGURES, float("nan"))
        rows, mean, share = self._bins(w)
        slope, intercept = self._line(w)
        return {
            "brier": float(w @ self._error) / whole,
            "expected_error": float(np.abs(mean - share) @ rows) / whole,
            "mean_probability": float(w @ self._p) / whole,
            "mean_label": float(w @ self._y) / whole,
            "slope": float(slope),
            "intercept": float(intercept),
        }

    def _bins(self, w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Rows, mean probability and share of labels of each part; 0 where it has no row."""
        rows, probability, labels = self._sums(w), self._sums(w * self._p), self._sums(w * self._y)
        filled = np.maximum(rows, _EDGE)
        return rows, probability / filled, labels / filled

    def _sums(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(self._part, column, minlength=self._parts).astype(np.float64)

    def _line(self, w: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slope and intercept of the logistic regression of the label on the logit (Cox).

        Newton's method, a step halved until it leads down: a whole one can lead away for good, where the labels are
        far more than the probabilities say. NaN where no line is the best: labels all alike, or told apart entirely.
        """
        none = np.array([np.nan, np.nan])
        rows = np.bincount(self._logit, w, minlength=len(self._logits))
        labelled = np.bincount(self._logit, w * self._y, minlength=len(self._logits))
        whole, positive = float(rows.sum()), float(labelled.sum())
        if np.count_nonzero(rows) < 2 or positive in (0.0, whole):
            return none
        x = np.column_stack([self._logits, np.ones_like(self._logits)])

        def loss(at: NDArray[np.float64]) -> float:
            z = x @ at
            # Of logaddexp, the parts that NumPy computes in vectors: many rounds come here.
            return float(rows @ (np.maximum(z, 0.0) + np.log(1.0 + np.exp(-np.abs(z)))) - labelled @ z)

        beta = self._start
        now = loss(beta)
        for _ in range(_STEPS_MAX):
            fitted = 0.5 * (1.0 + np.tanh(0.5 * (x @ beta)))
            hessian = (x * (rows * fitted * (1 - fitted))[:, None]).T @ x
            step = np.linalg.solve(hessian + _RIDGE * whole * np.eye(2), x.T @ (labelled - rows * fitted))
            while (then := loss(beta + step)) > now and np.abs(step).max() > _NEAR:
                step /= 2
            beta, now = beta + step, min(then, now)
            if now <= _NEAR * whole:  # told apart entirely: the steeper the better, without end
                return none
            if np.abs(step).max() <= _NEAR:
                return beta
        return none


def calibration(
    labels: NDArray[np.integer] | NDArray[np.bool_], probability: NDArray[np.floating], parts: int = PARTS
) -> Calibration:
    """Of finite probabilities; the parts hold equally many rows."""
    return Sample(labels, probability, parts).calibration()
