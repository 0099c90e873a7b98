"""The risk head: an average of small networks for P(label), calibrated on patients they did not see."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from models.layout import Matrix

MEMBERS = 3
UNITS = 12
EPOCHS = 30
BATCH = 2048


@dataclass(frozen=True)
class Risk:
    """One hidden layer of all members' units, and the calibrated logit as a sum over it."""

    hidden_weight: NDArray[np.float64]  # units × inputs
    hidden_bias: NDArray[np.float64]  # units
    output: NDArray[np.float64]  # units
    bias: float

    def logit(self, inputs: Matrix) -> NDArray[np.float64]:
        """The logit of the risk."""
        made: NDArray[np.float64] = np.tanh(inputs @ self.hidden_weight.T + self.hidden_bias) @ self.output + self.bias
        return made


def fit(inputs: Matrix, labels: NDArray[np.integer], seed: int) -> Risk:
    """Trains the members and averages their logits; not yet calibrated."""
    weights, biases, outputs, bias = [], [], [], 0.0
    for member in range(MEMBERS):
        net = MLPClassifier(
            hidden_layer_sizes=(UNITS,),
            activation="tanh",
            alpha=1e-3,
            batch_size=min(BATCH, max(32, len(inputs) // 50)),
            learning_rate_init=2e-3,
            max_iter=EPOCHS,
            random_state=seed + member,
            tol=0.0,
            n_iter_no_change=EPOCHS,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            net.fit(inputs, labels)
        weights.append(net.coefs_[0].T)
        biases.append(net.intercepts_[0])
        outputs.append(net.coefs_[1][:, 0] / MEMBERS)
        bias += float(net.intercepts_[1][0]) / MEMBERS
    return Risk(np.vstack(weights), np.concatenate(biases), np.concatenate(outputs), bias)


def calibrate(risk: Risk, inputs: Matrix, labels: NDArray[np.integer]) -> Risk:
    """Platt scaling: the logit stretched and moved to fit the labels of other patients."""
    if len(np.unique(labels)) < 2:
        return risk
    line = LogisticRegression(C=1e6).fit(risk.logit(inputs)[:, None], labels)
    slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0])
    return Risk(risk.hidden_weight, risk.hidden_bias, risk.output * slope, risk.bias * slope + shift)
