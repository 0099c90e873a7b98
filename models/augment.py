"""Blanks parts of training rows, because a bedside device sends fewer signs than an ICU chart holds."""

import numpy as np

from models.layout import DERIVED, Layout, Matrix

# The signs that common single devices measure.
DEVICES: tuple[frozenset[str], ...] = (
    frozenset({"heart_rate", "spo2"}),
    frozenset({"systolic", "diastolic", "mean_pressure", "heart_rate"}),
    frozenset({"systolic", "diastolic"}),
    frozenset({"temperature"}),
    frozenset({"heart_rate", "respiratory_rate", "spo2"}),
    frozenset({"heart_rate", "spo2", "respiratory_rate", "systolic", "diastolic", "temperature"}),
)
BLANKED_SHARE = 0.3
NO_BASELINE_SHARE = 0.15


def blank(layout: Layout, rows: Matrix, random: np.random.Generator) -> Matrix:
    """A copy of `rows`: some as one device alone would send them, some without a baseline."""
    out = rows.copy()
    for device in DEVICES:
        chosen = random.random(len(rows)) < BLANKED_SHARE / len(DEVICES)
        for sign, name in enumerate(layout.signs):
            if name not in device:
                derived = [layout.features.index(extra) for extra in DERIVED.get(name, ())]
                columns = [layout.value[sign], layout.age[sign], layout.delta[sign], *derived]
                out[np.ix_(chosen, np.array(columns))] = np.nan
    fresh = random.random(len(rows)) < NO_BASELINE_SHARE
    out[np.ix_(fresh, np.array(layout.delta))] = np.nan
    return out
