"""The risk head: a small network for P(label), taught by trees, calibrated on patients that neither saw."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor

from models.layout import Matrix

UNITS = 24
EPOCHS = 16
BATCH = 1024
LABEL_WEIGHT = 6.0  # a step of a boosting round: what the trees smoothed away of a label comes back a little


@dataclass(frozen=True)
class Risk:
    """One hidden layer, and the calibrated logit as a sum over it."""

    hidden_weight: NDArray[np.float64]  # units × inputs
    hidden_bias: NDArray[np.float64]  # units
    output: NDArray[np.float64]  # units
    bias: float

    def logit(self, inputs: Matrix) -> NDArray[np.float64]:
        """The logit of the risk."""
        made: NDArray[np.float64] = np.tanh(inputs @ self.hidden_weight.T + self.hidden_bias) @ self.output + self.bias
        return made


def fit(inputs: Matrix, taught: NDArray[np.float64], labels: NDArray[np.integer], seed: int) -> Risk:
    """Trains the network on the teacher's logits, drawn towards the labels; not yet calibrated."""
    target = taught + LABEL_WEIGHT * (labels - 1 / (1 + np.exp(-taught)))
    net = MLPRegressor(
        hidden_layer_sizes=(UNITS,),
        activation="tanh",
        alpha=1e-4,
        batch_size=min(BATCH, max(32, len(inputs) // 50)),
        learning_rate_init=2e-3,
        max_iter=EPOCHS,
        random_state=seed,
        tol=0.0,
        n_iter_no_change=EPOCHS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(inputs, target)
    return Risk(net.coefs_[0].T, net.intercepts_[0], net.coefs_[1][:, 0], float(net.intercepts_[1][0]))


def calibrate(risk: Risk, inputs: Matrix, labels: NDArray[np.integer]) -> Risk:
    """Platt scaling: the logit stretched and moved to fit the labels of other patients."""
    if len(np.unique(labels)) < 2:
        return risk
    line = LogisticRegression(C=1e6).fit(risk.logit(inputs)[:, None], labels)
    slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0])
    return Risk(risk.hidden_weight, risk.hidden_bias, risk.output * slope, risk.bias * slope + shift)
