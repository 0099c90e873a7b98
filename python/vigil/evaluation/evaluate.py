"""Rows and truth to everything the report says; all scores on the same rows, intervals by patient.

1. Ranking: AUROC, AUPRC and AUROC within the hour of observation, of model and baselines, and the model's paired
   difference from each.
2. Calibration of the model's probability, over all rows and in each group.
3. Alarms: at fixed sensitivities, and at the alarm rate, time on and sensitivity of NEWS2 >= 7 and >= 5.
4. The same ranking in groups by age, sex and ward.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigil.evaluation.alarms import Alarmed, Course
from vigil.evaluation.bootstrap import ROUNDS, Resampled, intervals
from vigil.evaluation.calibration import Sample
from vigil.evaluation.ranking import Ranking
from vigil.evaluation.rows import BASELINES, RISK, TITLES, Rows
from vigil.evaluation.same_hour import SameHour, hours
from vigil.evaluation.truth import Truth

SEED = 20_260_102
AGES = (0, 50, 65, 80, 200)
NEWS2_LIMITS = (7.0, 5.0)
MEASURES = ("auroc", "auprc", "aurocSameHour")
"""Of a ranking."""
GROUP_ROUNDS = 100
GROUP_EVENTS_MIN = 5
"""A group with fewer patients with the event has no figures: they would say nothing."""
Progress = Callable[[str], None]


def comparable(rows: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """The rows with those scores that any of them has, and which rows have all of these."""
    some = {name: score for name, score in rows.scores.items() if np.isfinite(score).any()}
    usable = np.ones(len(rows), bool)
    for score in some.values():
        usable &= np.isfinite(score)
    return replace(rows, scores=some), usable if some else ~usable


def evaluate(
    rows: Rows, truth: Truth, sensitivities: Sequence[float], rounds: int = ROUNDS, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """The numbers, ready for JSON. NaN becomes None. The model has scored some of the rows that are `comparable`."""
    missing = {name: float(np.isnan(score).mean()) for name, score in rows.scores.items()}
    rows, usable = comparable(rows)
    scores = {name: score[usable] for name, score in rows.scores.items()}
    labels, patient = truth.label[usable], rows.patient[usable]
    progress("ranking")
    hour = hours(rows.patient, rows.time_us)[usable]
    ranking, curves = _ranking(scores, labels, patient, hour, rounds)
    progress("calibration")
    calibrated = _calibration(rows, truth, rounds)
    progress("alarms")
    alarms = _alarms(rows, truth, sensitivities, rounds)
    progress("groups")
    groups = _groups(rows, truth, usable, min(rounds, GROUP_ROUNDS))
    made = {
        "kind": truth.kind,
        "patients": len(rows.patients),
        "patientsWithEvent": int(truth.event.sum()),
        "bedDays": round(float(truth.days.sum()), 2),
        "rows": len(rows),
        "rowsCompared": int(usable.sum()),
        "prevalence": float(labels.mean()) if len(labels) else math.nan,
        "notScorable": missing,
        "bootstrapRounds": rounds,
        "ranking": ranking,
        "curves": curves,
        "calibration": calibrated,
        "alarms": alarms,
        "groups": groups,
    }
    found: dict[str, Any] = _plain(made)
    return found


def _ranking(
    scores: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.bool_],
    patient: NDArray[np.int64],
    hour: NDArray[np.int64],
    rounds: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    people, index = np.unique(patient, return_inverse=True)
    rankings = {name: Ranking(labels, score) for name, score in scores.items()}
    within = {name: SameHour(labels, score, hour) for name, score in scores.items()}

    def figures(weights: NDArray[np.float64] | None) -> dict[str, float]:
        w = None if weights is None else weights[index]
        of = {name: (*ranking.both(w), within[name].auroc(w)) for name, ranking in rankings.items()}
        made = {f"{name} {measure}": of[name][at] for name in of for at, measure in enumerate(MEASURES)}
        for name in BASELINES.keys() & of.keys():
            made |= {f"{name} {measure} less": of[RISK][at] - of[name][at] for at, measure in enumerate(MEASURES)}
        return made

    found = intervals(figures, len(people), SEED, rounds)
    ranking: dict[str, Any] = {}
    for name in scores:
        ranking[name] = {"title": TITLES[name]} | {m: _interval(found[f"{name} {m}"]) for m in MEASURES}
        if name in BASELINES:
            ranking[name]["modelMore"] = {m: _interval(found[f"{name} {m} less"]) for m in MEASURES}
    curves = {name: {"roc": r.roc(), "precisionRecall": r.precision_recall()} for name, r in rankings.items()}
    return ranking, curves


def _calibration(rows: Rows, truth: Truth, rounds: int) -> dict[str, Any]:
    """The model's, and under `intervals` the same figures with theirs."""
    known = np.isfinite(rows.scores[RISK])
    people, index = np.unique(rows.patient[known], return_inverse=True)
    sample = Sample(truth.label[known], rows.scores[RISK][known])

    def figures(weights: NDArray[np.float64] | None) -> dict[str, float]:
        return sample.figures(None if weights is None else weights[index])

    found = intervals(figures, len(people), SEED, rounds)
    return asdict(sample.calibration()) | {"intervals": {name: _interval(figure) for name, figure in found.items()}}


def _course(rows: Rows, truth: Truth, name: str) -> Course:
    score = rows.scores[name]
    known = np.isfinite(score)
    return Course(
        patient=rows.patient[known],
        time_us=rows.time_us[known],
        score=score[known],
        window=truth.window[known],
        onset_us=truth.onset_us,
        event=truth.event,
        days=truth.days,
    )


def _alarms(rows: Rows, truth: Truth, sensitivities: Sequence[float], rounds: int) -> dict[str, Any]:
    courses = {name: _course(rows, truth, name) for name in rows.scores}
    fixed = []
    for sensitivity in sensitivities:
        by_score = {}
        for name, course in courses.items():
            threshold = course.threshold(sensitivity)
            if not math.isnan(threshold):
                by_score[name] = _shown(course.at(threshold), rounds)
        fixed.append({"sensitivity": sensitivity, "scores": by_score})
    matched = []
    for limit in NEWS2_LIMITS if "news2" in courses else ():
        ward = courses["news2"].at(limit)
        threshold = courses[RISK].threshold_of_rate(ward.per_bed_day())
        if math.isnan(threshold):
            continue
        # Alarms that stay on for longer catch more: on for as long as the ward's. The other way round: as many events,
        # and how many alarms they cost.
        long = courses[RISK].threshold_of_time_on(ward.time_on())
        same = courses[RISK].threshold(ward.sensitivity()) if ward.caught.any() else math.nan
        matched.append(
            {
                "news2From": limit,
                "news2": _shown(ward, rounds),
                "model": _shown(courses[RISK].at(threshold), rounds),
                "modelWithSameTimeOn": None if math.isnan(long) else _shown(courses[RISK].at(long), rounds),
                "modelWithSameSensitivity": None if math.isnan(same) else _shown(courses[RISK].at(same), rounds),
            }
        )
    return {"atSensitivity": fixed, "atNews2": matched}


def _shown(alarmed: Alarmed, rounds: int) -> dict[str, Any]:
    found = intervals(alarmed.figures, len(alarmed.days), SEED, rounds)
    return {
        "threshold": alarmed.threshold,
        "caught": int(alarmed.caught.sum()),
        "leadHours": [round(hours, 3) for hours in alarmed.leads()],
        **{name: _interval(value) for name, value in found.items()},
    }


def _groups(rows: Rows, truth: Truth, usable: NDArray[np.bool_], rounds: int) -> list[dict[str, Any]]:
    made = []
    for title, name, member in _members(rows):
        chosen = usable & member
        labels, patient = truth.label[chosen], rows.patient[chosen]
        people, index = np.unique(patient, return_inverse=True)
        events = int(truth.event[people].sum())
        entry: dict[str, Any] = {
            "by": title,
            "group": name,
            "patients": len(people),
            "patientsWithEvent": events,
            "rows": int(chosen.sum()),
            "auroc": {},
        }
        if events >= GROUP_EVENTS_MIN and 0 < labels.sum() < len(labels):
            rankings = {n: Ranking(labels, score[chosen]) for n, score in rows.scores.items()}

            def figures(
                weights: NDArray[np.float64] | None, rankings: Any = rankings, index: Any = index
            ) -> dict[str, float]:
                w = None if weights is None else weights[index]
                return {n: ranking.auroc(w) for n, ranking in rankings.items()}

            found = intervals(figures, len(people), SEED, rounds)
            entry["auroc"] = {n: _interval(value) for n, value in found.items()}
            entry["meanRisk"] = float(rows.scores[RISK][chosen].mean())
            entry["meanLabel"] = float(labels.mean())
        made.append(entry)
    return made


def _members(rows: Rows) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Title, group and which rows are in it."""
    found: list[tuple[str, str, NDArray[np.bool_]]] = []
    for low, high in pairwise(AGES):
        name = f"under {high}" if low == 0 else f"{low} and over" if high == AGES[-1] else f"{low}-{high - 1}"
        found.append(("age", name, (rows.age_years >= low) & (rows.age_years < high)))
    found.append(("age", "unknown", np.isnan(rows.age_years)))
    found += [("sex", name, rows.male == value) for name, value in (("female", 0.0), ("male", 1.0))]
    found.append(("sex", "unknown", ~np.isin(rows.male, (0.0, 1.0))))
    found += [("ward", name or "unknown", rows.ward == at) for at, name in enumerate(rows.wards)]
    return [entry for entry in found if entry[2].any()]


def _interval(figure: Resampled) -> dict[str, float]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
