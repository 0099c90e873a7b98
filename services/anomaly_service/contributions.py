"""What each sign adds to the risk: the risk with it, against the risk of the same observation without it.

The core makes a row for the whole observation and one for each sign left out, so that everything derived from the
sign goes with it. The contribution is the difference of the logits; with one sign alone there is nothing to compare.
Contributions need not add up to the risk: signs that say the same share what they say.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from vigil.core import Engine
from vigil.model import Manifest
from vigil.model.observation import enriched, feature_rows

Contributions = dict[str, float]


def packed_rows(
    engine: Engine,
    values: Mapping[str, float],
    event_time_us: int,
    *,
    patient_id: str = "",
    age_years: int | None = None,
    sex: str = "unknown",
) -> tuple[bytes, int]:
    """The row of all `values`, then one without each of them (not when there is but one), and how many rows."""
    without = [{k: v for k, v in values.items() if k != left_out} for left_out in values] if len(values) > 1 else []
    observations = [
        # A patient each: rows of one patient would be each other's history.
        enriched(some, event_time_us, patient_id=f"{patient_id}#{n}", age_years=age_years, sex=sex)
        for n, some in enumerate([dict(values), *without])
    ]
    return feature_rows(engine, observations), len(observations)


def contributions(manifest: Manifest, signs: Sequence[str], packed: bytes) -> tuple[dict[str, float], Contributions]:
    """The scores of the whole observation by name, and per sign what it adds to the logit of the risk."""
    matrix = np.frombuffer(packed, "<f4").reshape(-1, len(manifest.scores))
    scores = dict(zip(manifest.scores, matrix[0].tolist(), strict=True))
    risk = matrix[:, manifest.scores.index("risk")].tolist()
    added = {}
    for sign, left in zip(signs, risk[1:], strict=False):
        if math.isfinite(left) and math.isfinite(risk[0]):
            added[sign] = round(_logit(risk[0]) - _logit(left), 4)
    return scores, added


def _logit(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1.0 - 1e-6)
    return math.log(inside / (1.0 - inside))
