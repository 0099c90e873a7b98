"""What speaks against the model is said: where it is below a baseline, and where the figures say little."""

from typing import Any

import pytest

from vigil.evaluation.remarks import remarks
from vigil.evaluation.rows import TITLES


def found(low: float | None = 0.1, high: float | None = 0.3, events: int = 40, scores: int = 4) -> dict[str, Any]:
    """The numbers of an evaluation; `low` and `high` of what the model's AUROC has more than the shock index's."""
    fine = {"value": 0.2, "low": 0.1, "high": 0.3}
    more = {"auroc": {"value": 0.0, "low": low, "high": high}, "auprc": fine}
    return {
        "patientsWithEvent": events,
        "calibration": {"intervals": {"slope": {"value": 1.1, "low": 0.9, "high": 1.3}}},
        "ranking": {
            "risk": {"title": "model"},
            "news2": {"title": "NEWS2", "modelMore": {"auroc": fine, "auprc": fine}},
            "qsofa": {"title": "qSOFA", "modelMore": {"auroc": fine, "auprc": fine}},
            "shock_index": {"title": "shock index", "modelMore": more},
        },
        "alarms": {"atSensitivity": [{"sensitivity": 0.8, "scores": {key: {} for key in list(TITLES)[:scores]}}]},
    }


def test_with_nothing_against_it_nothing_is_said() -> None:
    assert remarks(found()) == []


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(-0.1, 0.2, "not surely above"), (0.0, 0.2, "not surely above"), (-0.3, -0.1, "is below that of shock index"),
     (-0.3, 0.0, "not surely above"), (None, None, "cannot be said")],
)  # fmt: skip
def test_a_baseline_that_is_not_beaten(low: float | None, high: float | None, says: str) -> None:
    (said,) = remarks(found(low, high))
    assert says in said
    assert "AUROC" in said


def test_who_is_better_only_by_the_hour_is_said() -> None:
    made = found()
    made["ranking"]["news2"]["modelMore"]["aurocSameHour"] = {"value": -0.1, "low": -0.2, "high": -0.05}
    (said,) = remarks(made)
    assert said.startswith("The model's AUROC within the hour is below that of NEWS2")


@pytest.mark.parametrize(("events", "who"), [(1, "Only 1 patient has"), (4, "Only 4 patients have")])
def test_of_a_handful_of_events_nobody_is_said_to_be_better(events: int, who: str) -> None:
    (said,) = remarks(found(-0.3, -0.1, events=events))
    assert who in said
    assert "nothing of which score is better" in said


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(1.05, 1.3, "high ones too low"), (0.4, 0.9, "high ones too high"), (1.0, 1.2, None), (0.8, 1.0, None),
     (None, None, None)],
)  # fmt: skip
def test_a_slope_that_is_surely_not_1_is_said(low: float | None, high: float | None, says: str | None) -> None:
    made = found()
    made["calibration"]["intervals"]["slope"] = {"value": 1.0, "low": low, "high": high}
    assert [says in said for said in remarks(made) if says] == [True] * (says is not None)
    assert bool(remarks(made)) is (says is not None)
    made["patientsWithEvent"] = 2
    assert "slope" not in " ".join(remarks(made))


def test_a_baseline_that_no_row_has_is_named_and_not_called_unreached() -> None:
    made = found(scores=3)
    del made["ranking"]["shock_index"]
    assert remarks(made) == ["No row has what shock index needs: it is not compared."]


def test_few_events_and_a_sensitivity_that_is_not_reached() -> None:
    few, unreached = remarks(found(events=12, scores=3))
    assert "Only 12 patients" in few
    assert "80 % of the events with shock index" in unreached
