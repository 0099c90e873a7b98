"""What the per-sign scores see: a value swapped for another patient's."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.layout import Layout, Matrix
from models.progress import Told, quiet
from models.resampled import Figure, Weights, by_patient
from models.rows import Rows
from vigil.evaluation.ranking import Ranking


def measure(
    layout: Layout, rows: Rows, score: Callable[[Matrix], Matrix], seed: int, rounds: int, told: Told = quiet
) -> dict[str, Figure]:
    """AUROC per sign of telling a value from the same sign of another patient (baseline kept, so the delta moves).

    With intervals by the patient whose row it is.
    """
    random = np.random.default_rng(seed)
    chosen = random.choice(len(rows.labels), min(20_000, len(rows.labels)), replace=False)
    own = rows.features[chosen]
    before = score(own)
    rankings: dict[str, tuple[Ranking, NDArray[np.bool_]]] = {}
    for sign, name in enumerate(layout.signs):
        value, delta = layout.value[sign], layout.delta[sign]
        other = own.copy()
        other[:, value] = own[random.permutation(len(own)), value]
        other[:, delta] = own[:, delta] + other[:, value] - own[:, value]
        for extra, made in together({n: other[:, c] for n, c in zip(layout.signs, layout.value, strict=True)}).items():
            column = list(layout.features).index(extra)
            other[:, column] = np.where(np.isfinite(own[:, column]), made, np.nan)
        after = score(other)
        both = np.isfinite(before[:, 2 + sign]) & np.isfinite(after[:, 2 + sign]) & (other[:, value] != own[:, value])
        if both.sum() > 10:
            labels = np.r_[np.zeros(both.sum()), np.ones(both.sum())]
            rankings[name] = Ranking(labels, np.r_[before[both, 2 + sign], after[both, 2 + sign]]), both

    def figures(weights: Weights) -> dict[str, float]:
        return {
            name: ranking.auroc(None if weights is None else np.tile(weights[both], 2))
            for name, (ranking, both) in rankings.items()
        }

    return by_patient(rows.patient[chosen], figures, seed, rounds, told)


def together(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the core says of several signs, from their values (numbers or columns of them) by name."""
    return {
        "shock_index": value["heart_rate"] / value["systolic"],
        "pulse_pressure": value["systolic"] - value["diastolic"],
        "heart_rate_at_37": value["heart_rate"] - 8.0 * (value["temperature"] - 37.0),
    }
