"""Boosted trees that the risk network learns from: smoother than labels of a few hundred patients.

Every row is taught by trees that did not see its patient, so that what they know by heart is not handed on.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from models.layout import Matrix

FOLDS = 4
TREES = 150
LEARNING_RATE = 0.06
LEAF_SHARE = 1 / 700
_EDGE = 1e-5


def logits(rows: Matrix, labels: NDArray[np.integer], patient: NDArray[np.integer], seed: int) -> NDArray[np.float64]:
    """The logit of P(label) of every row, by trees that learned from other patients."""
    made = np.zeros(len(rows))
    _, number = np.unique(patient, return_inverse=True)
    for fold in range(FOLDS):
        own = number % FOLDS == fold
        if len(np.unique(labels[~own])) < 2:
            made[own] = _logit(np.full(own.sum(), labels[~own].mean() if (~own).any() else 0.5))
            continue
        trees = HistGradientBoostingClassifier(
            learning_rate=LEARNING_RATE,
            max_iter=TREES,
            max_leaf_nodes=31,
            min_samples_leaf=max(20, int(len(rows) * LEAF_SHARE)),
            l2_regularization=50.0,
            max_features=0.3,
            max_bins=127,
            early_stopping=False,
            random_state=seed + fold,
        )
        telling = _telling(rows[~own])
        with threadpool_limits(limits=1):  # more would give other sums, and not be faster on few cores
            trees.fit(rows[~own][:, telling], labels[~own])
            made[own] = _logit(trees.predict_proba(rows[own][:, telling])[:, 1])
    return made


def _telling(rows: Matrix) -> NDArray[np.bool_]:
    """The columns that hold two values at least: the trees cannot bin others."""
    known = np.isfinite(rows)
    lowest, highest = np.where(known, rows, np.inf).min(axis=0), np.where(known, rows, -np.inf).max(axis=0)
    made: NDArray[np.bool_] = highest > lowest
    return made


def _logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(probability, _EDGE, 1 - _EDGE)
    made: NDArray[np.float64] = np.log(inside / (1 - inside))
    return made
