"""Intervals are of patients: rows of one patient come and go together."""

import numpy as np
import pytest

from models.resampled import Weights, by_patient


def test_rows_of_one_patient_have_one_weight_and_only_those_that_are_there_are_drawn() -> None:
    patient = np.array([7, 7, 3, 3, 3, 900])
    drawn: list[np.ndarray] = []

    def figures(weights: Weights) -> dict[str, float]:
        drawn.append(np.ones(6) if weights is None else weights)
        return {"rows": float(drawn[-1].sum())}

    heard: list[tuple[int, int]] = []
    found = by_patient(patient, figures, 1, 50, lambda _, done, of: heard.append((done, of)))
    for weights in drawn:
        assert weights[0] == weights[1]
        assert weights[2] == weights[3] == weights[4]
        assert weights[0] + weights[2] + weights[5] == 3, "as many patients as there are"
    assert found["rows"]["value"] == 6
    assert found["rows"]["low"] < 6 < found["rows"]["high"]
    assert heard == [(done, 50) for done in range(51)]


def test_a_figure_that_no_round_has_says_so() -> None:
    found = by_patient(np.arange(4), lambda _: {"nothing": float("nan")}, 1, 10)
    assert list(found["nothing"].values()) == pytest.approx([float("nan")] * 3, nan_ok=True)
