"""Boosted trees that the risk network learns from: smoother than labels of a few hundred patients.

Every row is taught by trees that did not see its patient, so that what they know by heart is not handed on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from models.layout import Matrix
from models.progress import Told, counted, quiet

FOLDS = 4
_EDGE = 1e-5


@dataclass(frozen=True)
class Trees:
    """How trees grow for one kind of label."""

    number: int
    rate: float
    leaves: int
    leaf_share: float  # of all rows, that a leaf holds at least


SEPSIS = Trees(number=150, rate=0.06, leaves=31, leaf_share=1 / 700)
# All rows of a stay carry its outcome: a leaf of few rows would be a leaf of few stays.
DEATH = Trees(number=120, rate=0.05, leaves=15, leaf_share=1 / 130)


def logits(
    trees: Trees,
    rows: Matrix,
    labels: NDArray[np.integer],
    patient: NDArray[np.integer],
    others: Sequence[Matrix],
    seed: int,
    told: Told = quiet,
) -> list[NDArray[np.float64]]:
    """The logit of P(label) of every row, by trees that learned from other patients; then of rows of others."""
    own = np.zeros(len(rows))
    made = [np.zeros(len(other)) for other in others]
    _, number = np.unique(patient, return_inverse=True)
    for fold in counted(range(FOLDS), told, "trees", FOLDS):
        mine = number % FOLDS == fold
        learned = _Learned(trees, rows[~mine], labels[~mine], len(rows), seed + fold)
        own[mine] = learned.logit(rows[mine])
        for other, sums in zip(others, made, strict=True):
            sums += learned.logit(other) / FOLDS
    return [own, *made]


class _Learned:
    """Trees of some patients; without two kinds of labels, the share of the labelled."""

    def __init__(self, trees: Trees, rows: Matrix, labels: NDArray[np.integer], all_rows: int, seed: int) -> None:
        self._share = float(labels.mean()) if len(labels) else 0.5
        self._telling = _telling(rows)
        self._model = None
        if len(np.unique(labels)) == 2:
            self._model = HistGradientBoostingClassifier(
                learning_rate=trees.rate,
                max_iter=trees.number,
                max_leaf_nodes=trees.leaves,
                min_samples_leaf=max(20, int(all_rows * trees.leaf_share)),
                l2_regularization=50.0,
                max_features=0.3,
                max_bins=127,
                early_stopping=False,
                random_state=seed,
            )
            with threadpool_limits(limits=1):  # more would give other sums, and not be faster on few cores
                self._model.fit(rows[:, self._telling], labels)

    def logit(self, rows: Matrix) -> NDArray[np.float64]:
        if self._model is None or not len(rows):
            return _logit(np.full(len(rows), self._share))
        with threadpool_limits(limits=1):
            return _logit(self._model.predict_proba(rows[:, self._telling])[:, 1])


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
