"""One hidden layer of tanh units and a linear output, fitted by Adam with a step that shrinks to nothing.

The shrinking step is why this is not scikit-learn's: with a constant one the ranking of rare rows still moves from one
step to the next when training ends, and twice the units are needed to hide it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.layout import Matrix

RATE = 5e-3
MOMENTUM, SQUARES = 0.9, 0.999
WEIGHT_DECAY = 1.0

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Network:
    """`h` hidden units over `i` inputs."""

    hidden_weight: Floats  # h × i
    hidden_bias: Floats  # h
    output: Floats  # h
    bias: float


def fit(
    inputs: Matrix,
    target: NDArray[np.floating],
    weight: NDArray[np.floating],
    units: int,
    epochs: int,
    batch: int,
    seed: int,
    ended: Callable[[int], None] = lambda _: None,
) -> Network:
    """Least squares on `target`, `weight` a row; the same seed and rows give the same weights.

    `ended(n)` is told after n epochs.
    """
    random = np.random.default_rng(seed)
    inputs, target, share = inputs.astype(np.float32), target.astype(np.float32), weight.astype(np.float32)
    rows, count = inputs.shape
    batch = min(batch, rows)
    first, last = np.sqrt(6 / (count + units)), np.sqrt(6 / (units + 1))
    into = random.uniform(-first, first, (count, units)).astype(np.float32)
    bias, output = np.zeros(units, np.float32), random.uniform(-last, last, units).astype(np.float32)
    shift = np.array([target.mean()], np.float32)
    adam = _Adam([into, bias, output, shift], epochs * (rows // batch))
    for epoch in range(epochs):
        order = random.permutation(rows)
        for at in range(0, rows - batch + 1, batch):
            chosen = order[at : at + batch]
            seen = inputs[chosen]
            hidden = np.tanh(seen @ into + bias)
            wrong = (hidden @ output + shift - target[chosen]) * share[chosen] / np.float32(batch)
            back = wrong[:, None] * output * (1 - hidden * hidden)
            decay = np.float32(WEIGHT_DECAY / batch)
            adam.step(
                [seen.T @ back + decay * into, back.sum(axis=0), hidden.T @ wrong + decay * output, wrong.sum()[None]]
            )
        ended(epoch + 1)
    return Network(np.ascontiguousarray(into.T), bias, output, float(shift[0]))


class _Adam:
    """Kingma & Ba, arXiv:1412.6980, with a step of half a cosine over the whole training."""

    def __init__(self, parts: list[Floats], steps: int) -> None:
        self._parts, self._steps, self._at = parts, steps, 0
        self._mean = [np.zeros_like(part) for part in parts]
        self._square = [np.zeros_like(part) for part in parts]

    def step(self, gradients: list[Floats]) -> None:
        """Moves the parts, in place."""
        self._at += 1
        rate = RATE * 0.5 * (1 + np.cos(np.pi * self._at / self._steps))
        rate *= np.sqrt(1 - SQUARES**self._at) / (1 - MOMENTUM**self._at)
        for part, gradient, mean, square in zip(self._parts, gradients, self._mean, self._square, strict=True):
            mean *= MOMENTUM
            mean += (1 - MOMENTUM) * gradient
            square *= SQUARES
            square += (1 - SQUARES) * gradient * gradient
            part -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-8))
