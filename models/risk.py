"""The risk head: a small network for P(label), taught by trees (`models.lesson`), calibrated on unseen patients.

How the few rows at the top are ranked depends more on where a network starts than on which columns it sees. So several
learn from the trees, and the one that is kept learns from their mean.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models import network
from models.layout import Matrix
from models.progress import Told, quiet

UNITS = 15
EPOCHS = 40
BATCH = 1024
TEACHERS = 4


@dataclass(frozen=True)
class Risk:
    """One hidden layer, and the calibrated logit as a sum over it."""

    hidden_weight: NDArray[np.floating]  # units × inputs
    hidden_bias: NDArray[np.floating]  # units
    output: NDArray[np.floating]  # units
    bias: float

    def logit(self, inputs: Matrix) -> NDArray[np.float64]:
        """The logit of the risk."""
        made: NDArray[np.float64] = np.tanh(inputs @ self.hidden_weight.T + self.hidden_bias) @ self.output + self.bias
        return made


def fit(inputs: Matrix, logit: NDArray[np.float64], weight: NDArray[np.float64], seed: int, told: Told = quiet) -> Risk:
    """Trains the network on the mean of others that learned the logits; not yet calibrated."""
    teachers = [
        _fit(inputs, logit, weight, seed + 1 + number, _epochs(f"network {number + 1} of {TEACHERS + 1}", told))
        for number in range(TEACHERS)
    ]
    mean = np.zeros(len(inputs))
    for teacher in teachers:
        mean += teacher.logit(inputs) / TEACHERS
    return _fit(inputs, mean, weight, seed, _epochs(f"network {TEACHERS + 1} of {TEACHERS + 1}", told))


def _epochs(which: str, told: Told) -> Callable[[int], None]:
    return lambda epoch: told(which, epoch, EPOCHS)


def _fit(
    inputs: Matrix, logit: NDArray[np.float64], weight: NDArray[np.float64], seed: int, ended: Callable[[int], None]
) -> Risk:
    batch = min(BATCH, max(32, len(inputs) // 50))
    net = network.fit(inputs, logit, weight, UNITS, EPOCHS, batch, seed, ended)
    return Risk(net.hidden_weight, net.hidden_bias, net.output.astype(np.float64), net.bias)


def calibrate(risk: Risk, inputs: Matrix, labels: NDArray[np.integer]) -> Risk:
    """Platt scaling: the logit stretched and moved to fit the labels of other patients."""
    if len(np.unique(labels)) < 2:
        return risk
    line = LogisticRegression(C=1e6).fit(risk.logit(inputs)[:, None], labels)
    slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0])
    return Risk(risk.hidden_weight, risk.hidden_bias, risk.output * slope, risk.bias * slope + shift)
