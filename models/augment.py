"""Blanks parts of training rows, because a bedside device sends fewer signs than an ICU chart holds."""

import numpy as np

from models.layout import DERIVED, DEVIATIONS, SLOPES, SUPPORT, Layout, Matrix

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
NO_HISTORY_SHARE = 0.15
_PARTS = {"age_s", "delta", *SLOPES, *DEVIATIONS, "unchanged_s"}


def blank(layout: Layout, rows: Matrix, random: np.random.Generator) -> Matrix:
    """A copy of `rows`: some as one device alone would send them, some without a history."""
    out = rows.copy()
    for device in DEVICES:
        chosen = random.random(len(rows)) < BLANKED_SHARE / len(DEVICES)
        for name in (*layout.signs, *SUPPORT):
            if name not in device:
                columns = [at for at, column in enumerate(layout.features) if _is_of(name, column)]
                out[np.ix_(chosen, np.array(columns))] = np.nan
    fresh = random.random(len(rows)) < NO_HISTORY_SHARE
    history = [*layout.delta, *layout.rolling]
    out[np.ix_(fresh, np.array(history))] = np.nan
    for column in (*layout.columns("_unchanged_s"), layout.features.index("seen_s")):
        out[fresh, column] = np.where(np.isnan(out[fresh, column]), np.nan, 0.0)
    return out


def _is_of(sign: str, column: str) -> bool:
    """Whether a column says something of the sign's present value or its past."""
    return column == sign or column in DERIVED.get(sign, ()) or column.removeprefix(f"{sign}_") in _PARTS
