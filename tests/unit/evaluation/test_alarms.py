"""Alarms, catches and lead times against a count by hand and by brute force."""

import math

import numpy as np
import pytest

from vigil.backtest.labels import Event
from vigil.evaluation.alarms import HOUR_US, Course
from vigil.evaluation.rows import Rows
from vigil.evaluation.truth import kinds, truth


def course(scores: list[list[float]], onset_h: list[int | None], lookback_h: int = 4) -> Course:
    """A patient a list, a row an hour."""
    patient = np.repeat(np.arange(len(scores)), [len(s) for s in scores])
    hours = np.concatenate([np.arange(len(s)) for s in scores])
    onset = np.array([-1 if h is None else h * HOUR_US for h in onset_h], np.int64)
    time_us = hours * HOUR_US
    own = onset[patient]
    window = (own >= 0) & (time_us >= own - lookback_h * HOUR_US) & (time_us <= own)
    days = np.array([len(s) / 24 for s in scores])
    return Course(patient, time_us, np.concatenate(scores), window, onset, onset >= 0, days)


def test_by_hand() -> None:
    made = course([[0, 9, 9, 0, 9, 0], [9, 9, 9, 9], [5, 0, 0, 0]], [5, None, 3]).at(9.0)
    assert made.alarms.tolist() == [2, 1, 0]
    assert made.caught.tolist() == [True, False, False]
    assert made.lead_h.tolist()[0] == 4.0
    assert made.per_bed_day() == pytest.approx(3 / (14 / 24))
    assert (made.sensitivity(), made.precision(), made.median_lead_h()) == (0.5, pytest.approx(2 / 3), 4.0)


def test_a_time_on_is_kept_with_the_lowest_threshold() -> None:
    made = course([[1, 2, 3, 3], [4, 4, 5, 9]], [None, None])
    assert [made.threshold_of_time_on(share) for share in (1.0, 0.9, 0.5, 0.2, 0.125)] == [1.0, 2.0, 4.0, 9.0, 9.0]
    assert made.at(made.threshold_of_time_on(0.5)).time_on() == 0.5
    assert math.isnan(made.threshold_of_time_on(0.1))


def test_an_alarm_does_not_go_on_into_the_next_patient() -> None:
    assert course([[0, 9], [9, 9], [9, 0]], [None] * 3).at(9.0).alarms.tolist() == [1, 1, 1]


def test_the_threshold_is_the_highest_that_catches_enough() -> None:
    made = course([[1, 2, 3], [1, 5, 1], [0, 0, 9], [7, 7, 7]], [2, 2, 2, None])
    assert [made.threshold(share) for share in (0.3, 0.34, 0.67, 1.0)] == [9.0, 5.0, 3.0, 3.0]
    for share in (0.3, 0.34, 0.67, 1.0):
        assert made.at(made.threshold(share)).sensitivity() >= share
    assert math.isnan(course([[1, 2]], [None]).threshold(0.5))


def test_an_event_without_a_row_in_its_window_cannot_be_caught() -> None:
    made = course([[1, 2], [3, 4]], [30, 1])
    assert made.threshold(0.5) == 4.0
    assert math.isnan(made.threshold(1.0))


def test_a_rate_is_kept_with_the_lowest_threshold() -> None:
    random = np.random.default_rng(1)
    made = course([random.random(50).round(2).tolist() for _ in range(30)], [None] * 30)
    threshold = made.threshold_of_rate(2.0)
    assert made.at(threshold).per_bed_day() <= 2.0
    assert made.at(threshold - 0.01).per_bed_day() > 2.0


def test_a_threshold_that_has_exactly_the_rate_is_taken() -> None:
    made = course([[1, 3, 1, 5], [1, 1, 4, 1]], [None] * 2)
    assert made.at(3.0).alarms.sum() == 3
    assert made.threshold_of_rate(made.at(3.0).per_bed_day()) == 3.0


def test_an_alarm_that_is_always_on_is_not_taken_for_a_rare_one() -> None:
    made = course([[1, 3, 1, 5, 1, 4], [1, 1, 4, 1, 3, 1]], [None] * 2)
    assert [made.at(t).alarms.sum() for t in (1.0, 3.0, 4.0, 5.0)] == [2, 5, 3, 1]
    for alarms, threshold in ((4, 4.0), (3, 4.0), (2, 5.0), (1, 5.0), (5, 3.0), (99, 3.0)):
        assert made.threshold_of_rate(alarms / made.days.sum()) == threshold, alarms
    assert math.isnan(made.threshold_of_rate(0.5 / made.days.sum()))
    assert math.isnan(course([[]], [None]).threshold_of_rate(1.0))


def test_alarms_of_all_thresholds_are_those_of_each() -> None:
    random = np.random.default_rng(2)
    made = course([random.random(size).round(1).tolist() for size in (1, 30, 50)], [None] * 3)
    values = np.unique(made.score)
    assert made._starts(values).tolist() == [made.at(float(t)).alarms.sum() for t in values]


def test_weights_count_a_patient_as_often() -> None:
    made = course([[9, 0, 9], [0, 0, 0], [0, 9, 9]], [2, 2, None]).at(9.0)
    assert made.per_bed_day(np.array([1.0, 0.0, 0.0])) == pytest.approx(2 / (3 / 24))
    assert made.sensitivity(np.array([1.0, 3.0, 1.0])) == 0.25
    assert math.isnan(made.precision(np.array([0.0, 1.0, 0.0])))


def rows(hours: list[int]) -> Rows:
    patient = np.repeat(np.arange(len(hours)), hours)
    nothing = np.zeros(len(patient))
    return Rows(
        patients=[f"p{n}" for n in range(len(hours))],
        wards=[""],
        patient=patient,
        ward=np.zeros(len(patient), np.int64),
        time_us=np.concatenate([np.arange(n) for n in hours]) * HOUR_US,
        age_years=nothing,
        male=nothing,
        scores={},
    )


def test_rows_are_labelled_before_the_event_and_alarms_catch_it_until_then() -> None:
    events = [
        Event(subject="p0", kind="sepsis", onset_us=8 * HOUR_US),
        Event(subject="p0", kind="sepsis", onset_us=9 * HOUR_US),
        Event(subject="p1", kind="death"),
        Event(subject="elsewhere", kind="sepsis", onset_us=1),
    ]
    assert kinds(events) == {"sepsis": 3, "death": 1}
    made = truth(rows([10, 10, 10]), events, "sepsis", horizon_h=6, lookback_h=4)
    assert np.flatnonzero(made.label).tolist() == list(range(2, 10))
    assert np.flatnonzero(made.window).tolist() == list(range(4, 9))
    assert made.event.tolist() == [True, False, False]
    assert made.days.tolist() == pytest.approx([10 / 24] * 3)
    episode = Event(subject="p0", kind="sepsis", onset_us=5 * HOUR_US, end_us=7 * HOUR_US)
    ended = truth(rows([10]), [episode], "sepsis", horizon_h=2, lookback_h=1)
    assert np.flatnonzero(ended.label).tolist() == [3, 4, 5, 6, 7], "to the event's end"
    assert np.flatnonzero(ended.window).tolist() == [4, 5]
    whole = truth(rows([10, 10, 10]), events, "death", horizon_h=6, lookback_h=4)
    assert np.flatnonzero(whole.label).tolist() == list(range(10, 20)) == np.flatnonzero(whole.window).tolist()


def test_a_long_silence_is_no_time_in_a_bed() -> None:
    made = rows([10, 10])
    made.time_us[5:10] += 7 * HOUR_US
    assert truth(made, [], "sepsis", 6, 4).days.tolist() == pytest.approx([9 / 24, 10 / 24])
    made.time_us[5:10] -= 2 * HOUR_US  # six hours between two rows are counted
    assert truth(made, [], "sepsis", 6, 4).days.tolist() == pytest.approx([15 / 24, 10 / 24])
