"""Whether the risk says anything of another outcome elsewhere: death in hospital.

Of each stay that did not train: the mean of the risk over its rows, and the mean of the engine's NEWS2, with
consciousness (from GCS) and oxygen where they are recorded.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from models.layout import Matrix
from models.progress import Told, counted, quiet
from models.rows import Dataset

ROUNDS = 200
Floats = NDArray[np.float64]


def measure(
    data: Dataset, chosen: NDArray[np.bool_], score: Callable[[Matrix], Matrix], seed: int, told: Told = quiet
) -> dict[str, float | list[float]]:
    """AUROC for death in hospital, of the chosen stays' mean risk and mean NEWS2, both ranks added, the difference."""
    risk: list[float] = []
    ward: list[float] = []
    died: list[float] = []
    for stay in counted(np.flatnonzero(chosen), told, "stays", int(chosen.sum())):
        at = data.rows.patient == stay
        scores, news2 = score(data.rows.features[at])[:, 0], data.news2[at]
        if not np.isfinite(scores).any() or not np.isfinite(news2).any():
            continue
        risk.append(float(np.nanmean(scores)))
        ward.append(float(np.nanmean(news2)))
        died.append(float(data.rows.labels[at][0]))
    return _figures(np.array(died), np.array(risk), np.array(ward), seed, told)


def _figures(died: Floats, risk: Floats, ward: Floats, seed: int, told: Told) -> dict[str, float | list[float]]:
    random, rounds = np.random.default_rng(seed), []
    both = rankdata(risk) + rankdata(ward)
    scores = (risk, ward, both)
    for _ in counted(range(ROUNDS), told, "rounds", ROUNDS):
        at = random.integers(0, len(died), len(died))
        if 0 < died[at].sum() < len(at):
            made = [float(roc_auc_score(died[at], values[at])) for values in scores]
            rounds.append([*made, made[0] - made[1]])
    intervals = np.percentile(rounds, [2.5, 97.5], axis=0).T.tolist()
    values = [float(roc_auc_score(died, score)) for score in scores]
    return {
        "stays": len(died),
        "deaths": int(died.sum()),
        "risk": values[0],
        "risk_95": intervals[0],
        "news2": values[1],
        "news2_95": intervals[1],
        "both": values[2],
        "both_95": intervals[2],
        "difference": values[0] - values[1],
        "difference_95": intervals[3],
    }
