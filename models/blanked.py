"""What of the risk rests on how care is organised: its AUROC where columns are missing that otherwise say so."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.layout import SUPPORT, Layout, Matrix
from models.progress import Told, quiet
from models.resampled import Figure, Weights, by_patient
from models.rows import Rows
from vigil.evaluation.ranking import Ranking


def support(layout: Layout) -> list[int]:
    """The columns of the signs of support: values and ages."""
    return [at for at, name in enumerate(layout.features) if name.removesuffix("_age_s") in SUPPORT]


def blank(rows: Rows, columns: Sequence[int]) -> Rows:
    """A copy without what the columns say."""
    features = rows.features.copy()
    features[:, list(columns)] = np.nan
    return replace(rows, features=features)


def measure(
    layout: Layout, rows: Rows, score: Callable[[Matrix], Matrix], seed: int, rounds: int, told: Told = quiet
) -> dict[str, Figure]:
    """AUROC of the risk on rows as they are, without the signs of support, without times, and without both.

    With intervals by patient.
    """
    of_support = support(layout)
    times = [at for at, name in enumerate(layout.features) if name.endswith("_age_s") or name == "seen_s"]
    rankings: dict[str, tuple[Ranking, NDArray[np.bool_]]] = {}
    for name, columns in (("nothing", []), ("support", of_support), ("times", times), ("both", [*of_support, *times])):
        risk = score(blank(rows, columns).features)[:, 0]
        known = np.isfinite(risk)
        rankings[name] = Ranking(rows.labels[known], risk[known]), known

    def figures(weights: Weights) -> dict[str, float]:
        return {
            name: ranking.auroc(None if weights is None else weights[known])
            for name, (ranking, known) in rankings.items()
        }

    return by_patient(rows.patient, figures, seed, rounds, told)
