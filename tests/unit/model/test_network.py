"""The small network's own training."""

import numpy as np

from models import network


def rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(4000, 5)).astype(np.float32)
    return inputs, np.sin(2 * inputs[:, 0]) + inputs[:, 1] * (inputs[:, 2] > 0)


def answer(made: network.Network, inputs: np.ndarray) -> np.ndarray:
    hidden: np.ndarray = np.tanh(inputs @ made.hidden_weight.T + made.hidden_bias)
    return hidden @ made.output + made.bias


def fit(inputs: np.ndarray, target: np.ndarray, units: int, epochs: int, batch: int, seed: int) -> network.Network:
    return network.fit(inputs, target, np.ones(len(inputs)), units, epochs, batch, seed)


def test_it_learns_what_no_line_can() -> None:
    inputs, target = rows(1)
    made = fit(inputs, target, units=12, epochs=60, batch=64, seed=1)
    unseen, truth = rows(2)
    line = np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], target, rcond=None)[0]
    by_line = np.mean((np.c_[unseen, np.ones(len(unseen))] @ line - truth) ** 2)
    assert np.mean((answer(made, unseen) - truth) ** 2) < 0.25 * by_line


def test_longer_training_fits_better() -> None:
    inputs, target = rows(3)
    errors = [
        np.mean((answer(fit(inputs, target, 6, epochs, len(inputs), seed=4), inputs) - target) ** 2)
        for epochs in (1, 20, 60)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.9 * errors[0]


def test_the_same_seed_gives_the_same_weights() -> None:
    inputs, target = rows(5)
    first, again = (fit(inputs, target, 4, 2, 256, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first.hidden_weight, again.hidden_weight)
    assert first.bias == again.bias
    assert not np.array_equal(first.output, fit(inputs, target, 4, 2, 256, seed=10).output)


def test_rows_that_count_more_are_fitted_better() -> None:
    inputs, target = rows(6)
    target[:2000] += 1.0  # two truths about the same inputs
    weight = np.ones(len(inputs))
    weight[:2000] = 9.0
    made = answer(network.fit(inputs, target, weight, 6, 20, 64, seed=1), inputs)
    assert abs(np.mean(made[:2000] - target[:2000])) < 0.15 < 0.8 < np.mean(made[2000:] - target[2000:])
