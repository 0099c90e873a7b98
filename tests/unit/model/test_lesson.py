"""What the risk is to learn from two kinds of patients."""

import numpy as np
import pytest

from models import train
from models.lesson import Lesson, lesson
from models.rows import Dataset, Rows
from tests.unit.model import synthetic
from vigil import core

SYSTOLIC = core.feature_names().index("systolic")


def dying(seed: int) -> Dataset:
    """Stays whose patients die when their pressure is low."""
    data = synthetic.dataset(patients=120, hours=20, seed=seed)
    rows = data.rows
    died = np.random.default_rng(seed).random(120) < 0.4
    rows.features[died[rows.patient], SYSTOLIC] -= 40.0
    return Dataset(
        [f"stay-{at}" for at in range(120)], Rows(rows.features, died[rows.patient].astype(np.int8), rows.patient)
    )


@pytest.fixture(scope="module")
def taught() -> tuple[Lesson, Lesson]:
    """Without stays that have an outcome, and with them."""
    sepsis, columns = synthetic.dataset().rows, train.layout()
    none = Rows.none(len(columns.features))
    return lesson(columns, sepsis, none, 1), lesson(columns, sepsis, dying(2).rows, 1)


def test_the_rows_of_both_come_one_after_the_other(taught: tuple[Lesson, Lesson]) -> None:
    alone, both = taught
    assert len(both.rows) == len(both.logit) == len(both.weight) == len(alone.rows) + 120 * 20
    np.testing.assert_array_equal(both.rows[: len(alone.rows)], alone.rows)
    np.testing.assert_array_equal(both.rows[len(alone.rows) :], dying(2).rows.features)


def test_who_looks_like_those_who_died_is_at_more_risk(taught: tuple[Lesson, Lesson]) -> None:
    """Sepsis says nothing of pressure here, so what the logit gained by the deaths is theirs."""
    alone, both = taught
    gained = both.logit[: len(alone.rows)] - alone.logit
    pressure = alone.rows[:, SYSTOLIC]
    assert np.mean(gained[pressure < 95]) > 0.2 + np.mean(gained[pressure > 120])
    assert abs(np.mean(gained)) < 0.01


def test_rows_of_high_risk_count_more(taught: tuple[Lesson, Lesson]) -> None:
    fast = np.nan_to_num(taught[0].rows[:, core.feature_names().index("heart_rate")], nan=80.0) > 95
    for one in taught:
        assert np.mean(one.weight) == pytest.approx(1.0)
        mine = one.weight[: len(fast)]
        assert np.mean(mine[fast]) > 2 * np.mean(mine[~fast])


def test_stays_with_an_outcome_change_the_model_and_only_those_that_train() -> None:
    data, stays = synthetic.dataset(), dying(2)
    made = train.train(data, stays)
    assert made == train.train(data, stays)
    assert made[1] != train.train(data)[1]
    test = train.split_outcomes(stays.names)[1]
    stays.rows.features[test[stays.rows.patient]] = np.nan
    assert train.train(data, stays)[1] == made[1]
