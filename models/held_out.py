"""The model on the patients that it never saw: the figures of `vigil evaluate`, from rows already in memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.layout import Layout, Matrix
from models.progress import Told, quiet
from models.rows import LABEL, Dataset
from vigil.evaluation import evaluate
from vigil.evaluation.rows import Rows, qsofa
from vigil.evaluation.truth import truth

HORIZON_H, LOOKBACK_H = 6.0, 12.0
SENSITIVITIES = (0.5, 0.8)


def evaluated(
    layout: Layout, data: Dataset, scores: Matrix, chosen: NDArray[np.bool_], rounds: int, told: Told = quiet
) -> dict[str, Any]:
    """As `vigil evaluate` has it. `scores` of the rows of the `chosen` patients alone."""
    at = chosen[data.rows.patient]
    features = data.rows.features[at].astype(np.float64)

    def column(name: str) -> NDArray[np.float64]:
        return features[:, list(layout.features).index(name)]

    rate, systolic = column("respiratory_rate"), column("systolic")
    number = np.cumsum(chosen) - 1
    patient = number[data.rows.patient[at]].astype(np.int64)
    names = [name for name, taken in zip(data.names, chosen, strict=True) if taken]
    own = [ward for ward, taken in zip(data.wards, chosen, strict=True) if taken]
    wards = sorted(set(own))
    rows = Rows(
        patients=names,
        wards=wards,
        patient=patient,
        ward=np.array([wards.index(ward) for ward in own], np.int64)[patient],
        time_us=data.time_us[at],
        age_years=column("age_years"),
        male=column("male"),
        scores={
            "risk": scores[:, 0].astype(np.float64),
            "news2": data.news2[at],
            "qsofa": qsofa(rate, systolic),
            "shock_index": column("shock_index"),
        },
    )
    known = truth(rows, data.events, LABEL, HORIZON_H, LOOKBACK_H)
    return evaluate.evaluate(rows, known, SENSITIVITIES, rounds, lambda step: told(step, 0, 0))
