"""Which alarm catches which event, and how early: cases made by hand."""

from dataclasses import replace

import pytest

from tests.unit.backtest.test_burden import S, alarm
from vigil.backtest.alarms import Alarm
from vigil.backtest.catch import GRACE_US, Criterion, detectors, match, summary
from vigil.backtest.compare import difference, events, per_patient
from vigil.backtest.labels import Event
from vigil.backtest.subjects import Watched

HOUR = 3600 * S
SEEN = {name: Watched(0, 100 * HOUR, 100 * HOUR, 1) for name in ("a", "b", "c")}
EPISODE = Event(subject="a", kind="desaturation", onset_us=100 * S, height_us=105 * S, end_us=200 * S,
                alert_types=("r",), priority="high")  # fmt: skip
OUTCOME = Event(subject="a", kind="sepsis", onset_us=50 * HOUR)


def one(event: Event, *alarms: Alarm, **criterion: float) -> tuple[bool, float | None]:
    (found,) = match([event], alarms, SEEN, Criterion(**criterion))  # type: ignore[arg-type]
    return found.caught, found.seconds


def test_an_episode_is_caught_by_an_alarm_of_its_type_and_priority_while_it_lasts() -> None:
    rising = Alarm(subject="a", rule="r", alert_type="r", sign="spo2", technical=False, raised_us=110 * S,
                   end_us=190 * S, reached_us={2: 110 * S, 3: 130 * S})  # fmt: skip
    assert one(EPISODE, rising) == (True, 10.0)
    assert one(EPISODE, alarm("a", 110, 190, 2)) == (False, None)  # never became high
    assert one(EPISODE, alarm("b", 110, 190, 3)) == (False, None)
    assert one(EPISODE, alarm("a", 110, 190, 3, rule="other")) == (False, None)
    assert one(EPISODE, alarm("a", 10, 99, 3)) == (False, None)
    assert one(EPISODE, alarm("a", 10, 101, 3)) == (True, 0.0)  # was there already
    late = (200 * S + GRACE_US) / S
    assert one(EPISODE, alarm("a", late, None, 3)) == (True, late - 100)
    assert one(EPISODE, alarm("a", late + 1, None, 3)) == (False, None)


def test_an_alarm_of_too_low_a_priority_is_told_apart_from_none() -> None:
    (found,) = match([EPISODE], [alarm("a", 110, 190, 2)], SEEN, Criterion())
    assert (found.caught, found.alarmed) == (False, True)


def test_what_the_recording_does_not_hold_is_not_missed() -> None:
    stranger = Event(subject="nobody", kind="k", onset_us=0, end_us=9 * S, alert_types=("r",))
    cut = Event(subject="a", kind="k", onset_us=100 * HOUR - S, end_us=100 * HOUR + S, alert_types=("r",))
    seen = Event(subject="a", kind="k", onset_us=0, end_us=9 * S, alert_types=("r",))
    found = match([stranger, cut, seen], [], SEEN, Criterion())
    assert [one.unseen for one in found] == [True, True, False]
    figures = summary(found)["k"]
    assert isinstance(figures, dict)
    assert (figures["events"], figures["missed"], figures["unseen"]) == (1, 1, 2)
    # What was caught counts, wherever the recording ends.
    (caught,) = match([cut], [alarm("a", 360_000 - 0.5, None, 3)], SEEN, Criterion())
    assert (caught.caught, caught.unseen) == (True, False)


def test_an_outcome_is_caught_in_the_hours_before_it() -> None:
    at = 50 * 3600
    assert one(OUTCOME, alarm("a", at - 7200, at - 3600, 2)) == (True, 7200.0)
    assert one(OUTCOME, alarm("a", at - 7200, at - 3600, 1)) == (False, None)
    assert one(OUTCOME, alarm("a", at, None, 2)) == (True, 0.0)
    assert one(OUTCOME, alarm("a", at + 1, None, 2)) == (False, None)
    assert one(OUTCOME, alarm("a", at - 7200, at - 3600, 2, technical=True)) == (False, None)
    # One that began before the window counts from the window's start on, if it lasted into it.
    assert one(OUTCOME, alarm("a", 0, None, 2), lookback_h=10.0) == (True, 36_000.0)
    assert one(OUTCOME, alarm("a", 0, 3600, 2), lookback_h=10.0) == (False, None)


def test_an_outcome_without_a_time_is_caught_by_any_alarm_and_has_no_lead() -> None:
    death = Event(subject="a", kind="death")
    assert one(death, alarm("a", 1, 2, 2)) == (True, None)
    assert one(death) == (False, None)


def test_the_lead_of_a_priority_counts_from_when_it_was_reached() -> None:
    rising = Alarm(subject="a", rule="news2", alert_type="news2", sign="news2", technical=False, score=True,
                   raised_us=30 * HOUR, reached_us={1: 30 * HOUR, 3: 46 * HOUR})  # fmt: skip
    found = {d["detector"]: d for d in detectors([OUTCOME], [rising, alarm("b", 0, 5, 3)], SEEN, Criterion())}
    assert found["news2 low"]["lead_h_median"] == 20.0
    assert found["news2 medium"]["lead_h_median"] == 4.0
    assert found["news2 high"]["lead_h_median"] == 4.0
    assert found["news2 high"]["alarmed_without_event_share"] == 0.0
    assert found["any high"]["alarmed_without_event_share"] == 0.5  # b, not c


def test_a_single_alarm_is_told_with_what_it_costs_and_not_beyond_the_priority_it_reaches() -> None:
    own = [replace(alarm("a", hour * 3600, hour * 3600 + 60, 1, rule="risk-high"), score=True) for hour in (45, 47)]
    found = {d["detector"]: d for d in detectors([OUTCOME], [*own, alarm("b", 0, 5, 3)], SEEN, Criterion())}
    assert [name for name in found if not name.startswith("any")] == ["risk-high low"]
    days = 3 * 100 / 24
    assert found["risk-high low"]["per_bed_day"] == pytest.approx(2 / days)
    assert (found["any low"]["per_bed_day"], found["any high"]["per_bed_day"]) == (
        pytest.approx(3 / days),
        pytest.approx(1 / days),
    )
    assert detectors([OUTCOME], own, {}, Criterion())[0]["per_bed_day"] is None


def test_delays_by_kind() -> None:
    events = [Event(subject=name, kind="k", onset_us=0, end_us=100 * S, alert_types=("r",)) for name in ("a", "b", "c")]
    found = summary(match(events, [alarm("a", 4, 9), alarm("b", 8, 9)], SEEN, Criterion()))["k"]
    assert isinstance(found, dict)
    assert (found["events"], found["caught"], found["missed"]) == (3, 2, 1)
    assert found["delay_s_median"] == 6.0
    assert found["delay_s_p90"] == pytest.approx(7.6)


def test_what_two_rule_sets_gain_and_lose() -> None:
    other = Event(subject="b", kind="k", onset_us=0, end_us=9 * S, alert_types=("r",))
    new = match([EPISODE, other], [alarm("b", 1, 2, 3)], SEEN, Criterion())
    old = match([EPISODE, other], [alarm("a", 110, 120, 3)], SEEN, Criterion())
    found = events(new, old)
    assert [row["patient"] for row in found["newly_caught"]] == ["b"]
    assert [row["patient"] for row in found["lost"]] == ["a"]
    rows = per_patient([alarm("a", 1, 2)], [alarm("a", 1, 2), alarm("b", 1, 2), alarm("b", 3, 4)])
    assert rows == [{"patient": "b", "rules": 0, "against": 2, "difference": -2}]
    zero = {"alarms": 0, "time_in_alarm_share": None, "by_rule": {}}
    assert difference({**zero, "alarms": 3}, zero)["alarms_change"] is None
