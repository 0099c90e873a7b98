"""Made-up feature rows in the core's own layout, so that models can be trained in a second without recordings."""

import numpy as np

from models.layout import DEVIATIONS, SLOPES
from models.rows import Dataset, Rows
from models.swapped import together
from models.train import layout
from vigil import core

USUAL = {
    "heart_rate": (80.0, 15.0),
    "spo2": (97.0, 2.0),
    "respiratory_rate": (17.0, 4.0),
    "temperature": (37.0, 0.6),
    "systolic": (125.0, 18.0),
    "diastolic": (70.0, 10.0),
    "mean_pressure": (88.0, 12.0),
}


def features(rows: int, seed: int) -> np.ndarray:
    """Rows of plausible vital signs, a fifth of them missing."""
    random = np.random.default_rng(seed)
    columns, names = layout(), core.feature_names()
    made = np.full((rows, len(names)), np.nan, np.float32)
    for sign, at, delta in zip(columns.signs, columns.value, columns.delta, strict=True):
        centre, spread = USUAL[sign]
        known = random.random(rows) < 0.8
        highest = 100.0 if sign == "spo2" else 1000.0
        made[known, at] = np.minimum(random.normal(centre, spread, known.sum()), highest)
        of = {part: names.index(f"{sign}_{part}") for part in ("age_s", *SLOPES, *DEVIATIONS, "unchanged_s")}
        made[known, of["age_s"]] = 0.0
        made[known, delta] = random.normal(0.0, spread / 3, known.sum())
        for slope, deviation in zip(SLOPES, DEVIATIONS, strict=True):
            made[known, of[slope]] = random.normal(0.0, spread / 3, known.sum())
            made[known, of[deviation]] = spread * random.random(known.sum())
        made[known, of["unchanged_s"]] = 3600.0 * random.integers(0, 3, known.sum())
    first = random.random(rows) < 0.4  # rows of patients without a past, as single calls make them
    for name in names:
        if name.endswith(("_delta", *SLOPES, *DEVIATIONS)):
            made[first, names.index(name)] = np.nan
    made[:, names.index("age_years")] = random.integers(18, 95, rows)
    made[:, names.index("seen_s")] = 3600.0 * random.integers(0, 60, rows)
    made[:, names.index("male")] = random.integers(0, 2, rows)
    value = {sign: made[:, at] for sign, at in zip(columns.signs, columns.value, strict=True)}
    for name, column in together(value).items():
        made[:, names.index(name)] = column
    return made


def dataset(patients: int = 60, hours: int = 40, seed: int = 1) -> Dataset:
    """Patients with a label that a fast heart makes likelier."""
    rows = features(patients * hours, seed)
    fast = np.nan_to_num(rows[:, core.feature_names().index("heart_rate")], nan=80.0) > 95
    labels = (np.random.default_rng(seed).random(len(rows)) < np.where(fast, 0.7, 0.03)).astype(np.int8)
    names = [f"patient-{index}" for index in range(patients)]
    return Dataset(names, Rows(rows, labels, np.repeat(np.arange(patients, dtype=np.int32), hours)))
