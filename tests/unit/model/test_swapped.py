"""Telling another patient's value from one's own, sign by sign, with intervals by patient."""

import numpy as np

from models import swapped, train
from models.rows import Rows
from tests.unit.model import synthetic

PATIENTS, HOURS = 30, 40


def rows() -> Rows:
    """Every patient has a usual heart rate of their own, and the same temperature as all others."""
    columns, features = train.layout(), synthetic.features(PATIENTS * HOURS, 1)
    patient = np.repeat(np.arange(PATIENTS, dtype=np.int32), HOURS)
    features[:, columns.value[0]] = 40.0 + 4.0 * patient
    features[:, columns.delta[0]] = 0.0
    features[:, columns.value[columns.signs.index("temperature")]] = 37.0
    return Rows(features, np.zeros(len(features), np.int8), patient)


def test_what_moves_away_from_the_baseline_is_told_and_what_is_the_same_is_not_asked() -> None:
    columns = train.layout()

    def score(features: np.ndarray) -> np.ndarray:
        made = np.zeros((len(features), 2 + len(columns.signs)), np.float32)
        made[:, 2] = np.abs(features[:, columns.delta[0]])
        return made

    found = swapped.measure(columns, rows(), score, seed=1, rounds=20)
    assert found["heart_rate"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["spo2"]["value"] == 0.5
    assert "temperature" not in found, "a value that is the same in everybody cannot be swapped"


def test_the_interval_is_as_wide_as_patients_differ() -> None:
    """A score that works for every second patient alone."""
    columns, given = train.layout(), rows()
    own = given.features[:, columns.value[0]].copy()

    def score(features: np.ndarray) -> np.ndarray:
        before = features[:, columns.value[0]] - features[:, columns.delta[0]]
        made = np.zeros((len(features), 2 + len(columns.signs)), np.float32)
        works = np.round((before - 40.0) / 4.0) % 2 == 0
        made[:, 2] = np.abs(features[:, columns.delta[0]]) * works
        return made

    found = swapped.measure(columns, given, score, seed=1, rounds=100)["heart_rate"]
    assert 0.6 < found["low"] < found["value"] < found["high"] < 0.9
    assert found["high"] - found["low"] > 0.05, "30 patients, not 1,200 rows"
    np.testing.assert_array_equal(given.features[:, columns.value[0]], own)
