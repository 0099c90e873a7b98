"""The other outcome, on stays that did not train."""

import numpy as np

from models import mortality
from models.rows import Dataset, Rows


def stays() -> Dataset:
    """Forty stays of three rows; the first column is the risk, the second stay has none of it."""
    died = np.arange(40) % 4 == 0
    patient = np.repeat(np.arange(40, dtype=np.int32), 3)
    risk = died[patient] + np.tile([0.0, 0.9, -0.9], 40)
    risk[3:6] = np.nan
    features = np.column_stack([risk, risk]).astype(np.float32)
    news2 = (np.arange(40) % 8)[patient].astype(np.float64)
    news2[-3:] = np.nan
    return Dataset([], Rows(features, died[patient].astype(np.int8), patient), news2=news2)


def test_a_stay_is_told_by_the_mean_of_its_rows_where_both_scores_know_it() -> None:
    found = mortality.measure(stays(), np.ones(40, bool), lambda rows: rows, seed=1)
    assert (found["stays"], found["deaths"]) == (38, 10)
    assert found["risk"] == 1.0
    assert isinstance(found["news2"], float)
    assert found["difference"] == 1.0 - found["news2"]


def test_stays_that_trained_are_left_out() -> None:
    chosen = np.arange(40) < 20
    seen: list[int] = []

    def score(rows: np.ndarray) -> np.ndarray:
        seen.append(len(rows))
        return rows

    assert mortality.measure(stays(), chosen, score, seed=1)["stays"] == 19
    assert seen == [3] * 20
