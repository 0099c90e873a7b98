"""Does a probability mean what it says: Brier score, tenths, expected error, and the line through the logits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6


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


def calibration(
    labels: NDArray[np.integer] | NDArray[np.bool_], probability: NDArray[np.floating], parts: int = 10
) -> Calibration:
    """Of finite probabilities; the parts hold equally many rows."""
    y, p = labels.astype(np.float64), probability.astype(np.float64)
    order = np.argsort(p, kind="stable")
    bins = [
        (float(p[part].mean()), float(y[part].mean()), len(part)) for part in np.array_split(order, parts) if len(part)
    ]
    error = sum(abs(mean - share) * rows for mean, share, rows in bins) / max(len(y), 1)
    slope, intercept = _line(y, np.log(p.clip(_EDGE, 1 - _EDGE) / (1 - p.clip(_EDGE, 1 - _EDGE))))
    return Calibration(
        brier=float(np.mean((p - y) ** 2)) if len(y) else float("nan"),
        expected_error=float(error),
        mean_probability=float(p.mean()) if len(y) else float("nan"),
        mean_label=float(y.mean()) if len(y) else float("nan"),
        slope=slope,
        intercept=intercept,
        bins=bins,
    )


def _line(y: NDArray[np.float64], logit: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of the label on the logit (Cox), by Newton's method."""
    if not len(y) or y.min() == y.max() or logit.min() == logit.max():
        return float("nan"), float("nan")
    x = np.column_stack([logit, np.ones_like(logit)])
    beta = np.array([1.0, 0.0])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = (x * (fitted * (1 - fitted))[:, None]).T @ x
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), x.T @ (y - fitted))
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[0]), float(beta[1])
