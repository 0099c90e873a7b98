"""Per sign: what value the other signs and the patient's own baseline let one expect, and how surely.

A ridge regression with a few tanh units on its residual gives the expected value; the same units give the
logarithm of the deviation. The sign's own current value is hidden from its own predictor.
"""

import warnings
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from models.layout import Layout, Matrix

UNITS = 3
RIDGE = 10.0
EPOCHS = 6
BATCH = 1024
ROWS_MAX = 150_000
TAIL = 0.01  # per side: where distances from the expected are measured against a normal distribution's
RESIDUAL_FLOOR = 0.02  # in standard deviations of the sign: finer than charts resolve

_Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Expectation:
    """Weights of one sign, over all inputs (0 for the hidden ones)."""

    direct: NDArray[np.float64]  # the inputs before the durations
    hidden_weight: NDArray[np.float64]  # units × inputs
    hidden_bias: NDArray[np.float64]  # units
    output: NDArray[np.float64]  # units
    bias: float
    log_output: NDArray[np.float64]  # units
    log_bias: float

    def residual(self, inputs: Matrix, own: int) -> NDArray[np.float64]:
        """Distance from the expected value in expected deviations; `own` is the value's input column."""
        hidden = np.tanh(inputs @ self.hidden_weight.T + self.hidden_bias)
        expected = inputs[:, : len(self.direct)] @ self.direct + hidden @ self.output + self.bias
        distance: NDArray[np.float64] = np.abs(inputs[:, own] - expected)
        return distance * np.exp(-(hidden @ self.log_output + self.log_bias))


def fit(layout: Layout, inputs: Matrix, sign: int, seed: int) -> Expectation:
    """Fits one sign on the rows where it is known; without such rows the expectation is the mean."""
    rows = inputs[inputs[:, layout.quantities + sign] > 0]
    if len(rows) > ROWS_MAX:
        rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), ROWS_MAX, replace=False))]
    count, own = inputs.shape[1], len(layout.signs) + sign
    if len(rows) < 10 * count:
        empty = np.zeros(layout.timed)
        return Expectation(empty, np.zeros((UNITS, count)), np.zeros(UNITS), np.zeros(UNITS), 0.0, np.zeros(UNITS), 0.0)
    target = rows[:, own].astype(np.float64)
    seen = rows.astype(np.float64)
    seen[:, layout.hidden_from(sign)] = 0.0

    direct, bias = _ridge(seen[:, : layout.timed], target, RIDGE)
    rest = target - seen[:, : layout.timed] @ direct - bias
    net = MLPRegressor(
        hidden_layer_sizes=(UNITS,),
        activation="tanh",
        alpha=1e-3,
        batch_size=min(BATCH, len(rows)),
        max_iter=EPOCHS,
        random_state=seed,
        tol=0.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(seen, rest)
    weight = net.coefs_[0].T.copy()
    weight[:, layout.hidden_from(sign)] = 0.0
    hidden = np.tanh(seen @ weight.T + net.intercepts_[0])
    rest = rest - hidden @ net.coefs_[1][:, 0] - net.intercepts_[1][0]
    log_output, log_bias = _ridge(hidden, np.log(np.abs(rest) + RESIDUAL_FLOOR), RIDGE)
    # The logarithm's mean is not the deviation: match the tail to a normal one, as rarity is matched.
    spread = np.abs(rest) * np.exp(-(hidden @ log_output + log_bias))
    log_bias += float(np.log(np.quantile(spread, 1.0 - 2.0 * TAIL) / NormalDist().inv_cdf(1.0 - TAIL)))
    return Expectation(
        direct,
        weight,
        net.intercepts_[0],
        net.coefs_[1][:, 0],
        bias + float(net.intercepts_[1][0]),
        log_output,
        log_bias,
    )


def _ridge(
    seen: NDArray[np.float64], target: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    centre, mean = seen.mean(axis=0), target.mean()
    moved = seen - centre
    weight = np.linalg.solve(moved.T @ moved + strength * np.eye(seen.shape[1]), moved.T @ (target - mean))
    return weight, float(mean - centre @ weight)
