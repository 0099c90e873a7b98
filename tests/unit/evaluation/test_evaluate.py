"""The report's figures on rows made by hand: the same rows for all scores, differences the right way round."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vigil.backtest.labels import Event
from vigil.evaluation.alarms import HOUR_US
from vigil.evaluation.evaluate import evaluate
from vigil.evaluation.rows import TITLES, Rows
from vigil.evaluation.truth import truth

PATIENTS, HOURS, ONSET_H = 40, 24, 20
SICK = 10  # the first of them


def rows(unknown: float = 0.0) -> Rows:
    """The risk tells the sick in their last hours well, NEWS2 a little, the others not at all; some NEWS2 `unknown`."""
    random = np.random.default_rng(1)
    patient = np.repeat(np.arange(PATIENTS), HOURS)
    hour = np.tile(np.arange(HOURS), PATIENTS)
    bad = (patient < SICK) & (hour >= ONSET_H - 6)
    size = len(patient)
    news2 = np.round(random.normal(4, 2, size).clip(0, 12) + 2 * bad)
    news2[random.random(size) < unknown] = np.nan
    return Rows(
        patients=[f"p{n:02}" for n in range(PATIENTS)],
        wards=["A", "B"],
        patient=patient,
        ward=patient % 2,
        time_us=hour * HOUR_US,
        age_years=np.full(size, 60.0),
        male=np.where(patient % 4 == 0, np.nan, patient % 2).astype(np.float64),
        scores={
            "risk": (random.random(size) * 0.2 + 0.5 * bad * random.random(size)).clip(0, 1),
            "news2": news2,
            "qsofa": random.integers(0, 3, size).astype(np.float64),
            "shock_index": random.random(size),
        },
    )


def evaluated(made: Rows, rounds: int = 20) -> tuple[dict[str, Any], np.ndarray]:
    events = [Event(subject=f"p{n:02}", kind="sepsis", onset_us=ONSET_H * HOUR_US) for n in range(SICK)]
    found = truth(made, events, "sepsis", 6.0, 6.0)
    return evaluate(made, found, (0.5,), rounds), found.label


def test_the_model_is_more_where_it_is_better_and_less_where_it_is_worse() -> None:
    made = rows()
    better, labels = evaluated(made)
    for name in ("news2", "qsofa", "shock_index"):
        entry = better["ranking"][name]
        own, its = (roc_auc_score(labels, made.scores[score]) for score in ("risk", name))
        assert entry["auroc"]["value"] == pytest.approx(its, abs=1e-6)
        assert entry["modelMore"]["auroc"]["value"] == pytest.approx(own - its, abs=2e-6)
        assert entry["modelMore"]["auroc"]["low"] > 0
    made.scores["risk"], made.scores["news2"] = made.scores["news2"] / 20, made.scores["risk"]
    worse, _ = evaluated(made)
    assert worse["ranking"]["news2"]["modelMore"]["auroc"]["high"] < 0
    assert worse["ranking"]["news2"]["modelMore"]["auprc"]["value"] < 0


def test_a_score_that_no_row_has_is_left_out_and_the_others_are_compared() -> None:
    made = rows()
    made.scores["news2"][:] = np.nan
    found, labels = evaluated(made)
    assert list(found["ranking"]) == ["risk", "qsofa", "shock_index"]
    assert (found["rowsCompared"], found["notScorable"]["news2"]) == (len(made), 1.0)
    expected = roc_auc_score(labels, made.scores["risk"])
    assert found["ranking"]["risk"]["auroc"]["value"] == pytest.approx(expected, abs=1e-6)
    assert found["alarms"]["atNews2"] == []


def test_a_score_that_only_knows_the_hour_tells_nothing_within_it() -> None:
    made = rows()
    clock = np.tile(np.arange(HOURS), PATIENTS).astype(np.float64)
    made.scores["news2"] = clock
    ranking = evaluated(made)[0]["ranking"]
    assert ranking["news2"]["auroc"]["value"] > 0.8
    assert ranking["news2"]["aurocSameHour"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert ranking["risk"]["aurocSameHour"]["value"] > 0.8
    assert ranking["news2"]["modelMore"]["aurocSameHour"]["low"] > 0.2


def test_what_one_score_cannot_score_is_compared_for_none() -> None:
    made = rows(unknown=0.3)
    found, labels = evaluated(made)
    known = np.isfinite(made.scores["news2"])
    assert found["rowsCompared"] == known.sum() < found["rows"] == len(made)
    assert found["notScorable"]["news2"] == pytest.approx(1 - known.mean(), abs=1e-6)
    for name in TITLES:
        expected = roc_auc_score(labels[known], made.scores[name][known])
        assert found["ranking"][name]["auroc"]["value"] == pytest.approx(expected, abs=1e-6)
    by = {(group["by"], group["group"]): group for group in found["groups"]}
    for number, ward in enumerate(made.wards):
        own = known & (made.ward == number)
        group = by["ward", ward]
        assert (group["rows"], group["patients"], group["patientsWithEvent"]) == (own.sum(), 20, 5)
        assert group["auroc"]["risk"]["value"] == pytest.approx(
            roc_auc_score(labels[own], made.scores["risk"][own]), abs=1e-6
        )
        assert group["meanRisk"] == pytest.approx(made.scores["risk"][own].mean(), abs=1e-6)
        assert group["meanLabel"] == pytest.approx(labels[own].mean(), abs=1e-6)
    assert by["sex", "female"]["auroc"] == {}, "no patient with the event but p02 and p06: it would say nothing"
    assert sum(by["sex", name]["patients"] for name in ("female", "male", "unknown")) == PATIENTS


def test_against_news2_the_model_has_as_many_alarms_or_as_many_events() -> None:
    found, _ = evaluated(rows())
    for pair in found["alarms"]["atNews2"]:
        ward, many, same = pair["news2"], pair["model"], pair["modelWithSameSensitivity"]
        assert many["alarmsPerBedDay"]["value"] <= ward["alarmsPerBedDay"]["value"]
        assert pair["modelWithSameTimeOn"]["timeOnShare"]["value"] <= ward["timeOnShare"]["value"]
        assert same["caught"] == ward["caught"]
        assert same["sensitivity"]["value"] == ward["sensitivity"]["value"]
    (fixed,) = found["alarms"]["atSensitivity"]
    assert all(entry["sensitivity"]["value"] >= 0.5 for entry in fixed["scores"].values())
