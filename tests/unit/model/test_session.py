"""Scores of packed rows: what is missing stays missing, and the batch never changes a score."""

import math
from pathlib import Path

import numpy as np
import pytest

from tests.unit.model import synthetic
from vigil import core
from vigil.model import Model, ModelError, load

NAMES = core.feature_names()
SCORES = core.score_names()
SIGNS = [name.removeprefix("anomaly_") for name in SCORES[2:]]


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file)


def scores(model: Model, rows: np.ndarray) -> np.ndarray:
    packed = model.score(np.ascontiguousarray(rows, np.float32).tobytes(), len(rows))
    return np.frombuffer(packed, np.float32).reshape(len(rows), len(SCORES))


def row(**values: float) -> np.ndarray:
    made = np.full((1, len(NAMES)), np.nan, np.float32)
    for name, value in values.items():
        made[0, NAMES.index(name)] = value
    return made


@pytest.mark.parametrize("batch", [1, 3, 16, 17, 100, 1000])
def test_a_rows_scores_do_not_depend_on_its_batch(model: Model, batch: int) -> None:
    rows = synthetic.features(1000, seed=7)
    whole = scores(model, rows)
    parts = np.concatenate([scores(model, rows[at : at + batch]) for at in range(0, len(rows), batch)])
    np.testing.assert_array_equal(parts, whole)


def test_threads_do_not_change_a_score(model: Model, model_file: Path) -> None:
    rows = synthetic.features(4096, seed=8)
    np.testing.assert_array_equal(scores(load(model_file, threads=2), rows), scores(model, rows))


def test_scores_are_shares(model: Model) -> None:
    made = scores(model, synthetic.features(2000, seed=9))
    known = made[np.isfinite(made)]
    assert known.min() >= 0.0
    assert known.max() <= 1.0


def test_a_row_without_any_sign_is_not_scorable(model: Model) -> None:
    assert np.isnan(scores(model, row(age_years=60, male=1))).all()


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e30, -100.0, 8_388_607.0])
def test_a_value_out_of_range_is_not_scorable_and_never_zero(model: Model, value: float) -> None:
    made = scores(model, np.concatenate([row(heart_rate=value), row(heart_rate=value, spo2=97.0)]))
    assert np.isnan(made[0]).all()
    assert np.isnan(made[1, SCORES.index("anomaly_heart_rate")])
    assert np.isfinite(made[1, [0, 1, SCORES.index("anomaly_spo2")]]).all()


@pytest.mark.parametrize("sign", SIGNS)
def test_one_known_sign_is_scored_and_the_others_are_not(model: Model, sign: str) -> None:
    made = scores(model, row(**{sign: synthetic.USUAL[sign][0]}))[0]
    assert np.isfinite(made[[0, 1]]).all()
    assert [name for name, value in zip(SCORES[2:], made[2:], strict=True) if np.isfinite(value)] == [f"anomaly_{sign}"]


@pytest.mark.parametrize("sign", SIGNS)
def test_the_further_out_the_more_unusual(model: Model, sign: str) -> None:
    centre, spread = synthetic.USUAL[sign]
    rows = np.concatenate([row(**{sign: centre - k * spread}) for k in (0.0, 1.5, 3.0, 3.9)])
    made = scores(model, rows)[:, SCORES.index(f"anomaly_{sign}")]
    assert (np.diff(made) >= 0).all()
    assert made[0] < 0.8
    assert made[-1] > 0.99


@pytest.mark.parametrize(("length", "rows"), [(1, 1), (4, 1), (0, 1), (8, 0), (104, 2), (104, -1)])
def test_a_length_that_does_not_fit_is_refused(model: Model, length: int, rows: int) -> None:
    with pytest.raises(ModelError, match="bytes are not"):
        model.score(bytes(length), rows)


def test_no_rows_have_no_scores(model: Model) -> None:
    assert model.score(b"", 0) == b""
