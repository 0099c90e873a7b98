"""AUROC within hours against scikit-learn, hour by hour; a clock tells nothing there."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vigil.evaluation.same_hour import SameHour, hours

_H_US = 3_600_000_000


def by_hand(labels: np.ndarray, scores: np.ndarray, hour: np.ndarray, weights: np.ndarray) -> float:
    """The mean of every hour's AUROC, weighed by its pairs."""
    area = pairs = 0.0
    for at in np.unique(hour):
        mine = (hour == at) & (weights > 0)
        true, false = weights[mine & (labels == 1)].sum(), weights[mine & (labels == 0)].sum()
        if true * false > 0:
            area += true * false * roc_auc_score(labels[mine], scores[mine], sample_weight=weights[mine])
            pairs += true * false
    return area / pairs


@pytest.mark.parametrize("step", [0.001, 0.1, 1.0])
def test_as_scikit_learn_says_hour_by_hour(step: float) -> None:
    random = np.random.default_rng(1)
    labels = (random.random(3000) < 0.1).astype(np.int8)
    scores = np.round((random.random(3000) + 0.3 * labels) / step) * step
    hour = random.integers(0, 40, 3000)
    ranking = SameHour(labels, scores, hour)
    assert ranking.auroc() == pytest.approx(by_hand(labels, scores, hour, np.ones(3000)))
    weights = random.integers(0, 4, 3000).astype(np.float64)
    assert ranking.auroc(weights) == pytest.approx(by_hand(labels, scores, hour, weights))


def test_who_only_knows_the_time_knows_nothing() -> None:
    random = np.random.default_rng(2)
    hour = random.integers(0, 48, 5000)
    labels = random.random(5000) < hour / 100
    assert roc_auc_score(labels, hour) > 0.7
    assert SameHour(labels, hour.astype(np.float64), hour).auroc() == 0.5


def test_without_a_pair_there_is_no_figure() -> None:
    assert np.isnan(SameHour(np.array([1, 0]), np.array([0.2, 0.1]), np.array([3, 4])).auroc())
    assert np.isnan(SameHour(np.zeros(3, int), np.arange(3.0), np.zeros(3, int)).auroc())
    assert np.isnan(SameHour(np.zeros(0, int), np.zeros(0), np.zeros(0, int)).auroc())
    assert SameHour(np.array([1, 0]), np.array([0.2, 0.1]), np.array([3, 3])).auroc() == 1.0


def test_hours_count_from_the_first_row_of_each_patient() -> None:
    patient = np.array([0, 0, 2, 2, 2])
    time_us = np.array([5 * _H_US, 6 * _H_US + 1, 0, _H_US - 1, 50 * _H_US])
    assert hours(patient, time_us).tolist() == [0, 1, 0, 0, 50]
    assert hours(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
