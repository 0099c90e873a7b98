"""The counts of alarm burden, against cases counted by hand."""

import numpy as np
import pytest

from vigil.backtest.alarms import Alarm
from vigil.backtest.burden import burden, figures, top_share
from vigil.backtest.subjects import GAP_MAX_US, Watched, watched

S = 1_000_000
DAY = 86_400 * S


def alarm(
    who: str, start_s: float, end_s: float | None, *levels: int, rule: str = "r", technical: bool = False
) -> Alarm:
    reached = {level: round(start_s * S) for level in levels or (2,)}
    end = None if end_s is None else round(end_s * S)
    return Alarm(
        subject=who, rule=rule, alert_type=rule, sign="spo2", technical=technical, raised_us=round(start_s * S),
        end_us=end, reached_us=reached,
    )  # fmt: skip


def test_alarms_per_bed_day_by_rule_and_priority() -> None:
    seen = {"a": Watched(0, DAY, DAY, 1), "b": Watched(0, DAY, DAY, 1)}
    alarms = [alarm("a", 0, 14.999, 1, 3), alarm("a", 100, 115), alarm("b", 0, None, rule="q")]
    found = burden(alarms, seen, {"r": 4})
    assert found["alarms"] == 3
    assert found["per_bed_day"] == 1.5
    assert found["by_highest_priority"] == {"low": 0, "medium": 2, "high": 1}
    assert found["by_rule"]["r"]["per_bed_day"] == 1.0  # type: ignore[index]
    assert found["by_priority"]["low"]["alarms"] == 0  # type: ignore[index]
    # One of the two that ended was over before 15 s; the one of exactly 15 s was not.
    assert found["under_15_s"] == 1
    assert found["under_15_s_share"] == 0.5
    assert found["suppressed"] == 4


def test_time_in_alarm_counts_overlapping_alarms_once_and_open_ones_to_the_last_observation() -> None:
    seen = {"a": Watched(0, 1000 * S, 1000 * S, 1), "b": Watched(0, 1000 * S, 1000 * S, 1)}
    alarms = [alarm("a", 0, 100), alarm("a", 50, 150), alarm("a", 60, 70), alarm("b", 900, None)]
    assert figures(alarms, seen, 2000 * S / DAY)["time_in_alarm_share"] == pytest.approx(250 / 2000)


def test_nothing_to_divide_by_is_unknown_and_not_zero() -> None:
    found = burden([], {}, {})
    assert found["per_bed_day"] is None
    assert found["under_15_s_share"] is None
    assert found["top_10_percent_patient_share"] is None


def test_the_share_of_the_most_alarmed_tenth() -> None:
    counts = {"p0": 50, **{f"p{n}": 5 for n in range(1, 11)}}
    assert top_share(counts, 20) == 0.55
    assert top_share(counts, 11) == 0.5
    assert top_share({"a": 3}, 3) == 1.0


def test_bed_time_is_the_time_between_observations_and_one_gap_more() -> None:
    hour = 3600 * S
    times = [0, hour, 2 * hour, 3 * hour, 3 * hour + GAP_MAX_US + 1, 4 * hour + GAP_MAX_US + 1, 7 * hour]
    subjects = np.array([1, 1, 1, 1, 1, 1, 0])
    found = watched(subjects, np.array(times), ["once", "often"])
    # Three hours, one after the absence, and a median gap for the last observation.
    assert found["often"] == Watched(0, 4 * hour + GAP_MAX_US + 1, 5 * hour, 6)
    assert found["once"] == Watched(7 * hour, 7 * hour, 0, 1)
    assert watched(np.array([], np.int64), np.array([], np.int64), []) == {}
