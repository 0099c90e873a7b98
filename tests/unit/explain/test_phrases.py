"""Values, durations and times as people say them; values as a line."""

import pytest

from vigil.explain.phrases import clock, duration, evidence_text, reading, seconds_between
from vigil.explain.sparkline import sparkline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.006, "6 ms"),
        (10, "10 s"),
        (90, "90 s"),
        (120.4, "2 min"),
        (5_940, "99 min"),
        (7_200, "2 h"),
        (7_500, "2 h 5 min"),
        (259_200, "3 d"),
        (266_400, "3 d 2 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_readings() -> None:
    assert reading("spo2", 84.0, "%", "<", 85.0, "rule") == "SpO2 84% below limit 85%"
    assert (
        reading("heart_rate", 182, "/min", ">", 150, "patient")
        == "heart rate 182 /min above the patient's limit 150 /min"
    )
    assert reading("temperature", "NaN", "Cel", None, 0, None) == "temperature NaN °C"
    assert reading("consciousness", 2.0, "{ACVPU}", ">", 0, "rule") == "consciousness V"


def test_evidence_of_more_than_one_value() -> None:
    pressure = {
        "sign": "systolic",
        "value": 105.0,
        "unit": "mm[Hg]",
        "comparison": "<=",
        "limit": 110.0,
        "limit_source": "rule",
    }
    alone = "systolic pressure 105 mmHg at or below limit 110 mmHg"
    assert evidence_text(pressure) == alone
    assert evidence_text(pressure | {"reference": None, "window_s": None}) == alone
    assert evidence_text(pressure | {"reference": 140.0, "window_s": 600.0}) == (
        f"{alone} (35 mmHg down from 140 mmHg within 10 min)"
    )
    risen = pressure | {"comparison": ">=", "limit": 100.0, "reference": 80.5, "window_s": 60.0}
    assert evidence_text(risen).endswith("(24.5 mmHg up from 80.5 mmHg within 60 s)")
    assert (
        evidence_text(pressure | {"reference": None, "window_s": 30.0})
        == f"mean of systolic pressure over 30 s{alone[17:]}"
    )


def test_times() -> None:
    assert clock("2026-01-01T09:00:00.123456Z") == "2026-01-01 09:00:00 UTC"
    assert clock(None) == "at an unknown time"
    assert seconds_between("2026-01-01T09:00:00.000000Z", "2026-01-01T09:00:01.500000Z") == 1.5
    assert seconds_between(None, "2026-01-01T09:00:01.500000Z") is None
    assert seconds_between("out of range: 9 us", "2026-01-01T09:00:01.500000Z") is None


def test_a_line_of_values() -> None:
    values = [(i * 10, float(i)) for i in range(8)]
    assert sparkline(values, 0, 80, width=8) == "▁▂▃▄▅▆▇█"
    assert sparkline([values[0], values[7]], 0, 80, width=8) == "▁      █"
    assert sparkline([(0, 5.0), (10, 5.0)], 0, 20, width=2) == "▁▁"
    assert sparkline([], 0, 20) == ""
    assert sparkline([(99, 1.0)], 0, 20) == ""
