"""Label files: what is read, and what is refused with its line."""

from pathlib import Path

import pytest

from vigil.backtest.labels import Event, of_stay, read
from vigil.recordings import Device, Patient, RecordingError, Stay
from vigil.recordings.sepsis_hourly import SepsisHourly
from vigil.recordings.values import from_iso

AT = "2026-03-01T08:00:00Z"


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    lines, table = tmp_path / "l.jsonl", tmp_path / "l.csv"
    lines.write_text(
        f'{{"patientId":"p","kind":"k","onset":"{AT}","end":"{AT}",'
        '"expected":[{"alertType":"spo2_low","priority":"high"},{"alertType":"x","priority":"high"}]}\n\n'
        '{"deviceId":"d","kind":"death"}\n'
    )
    table.write_text(
        f"patientId,deviceId,kind,onset,end,priority,alertTypes\np,,k,{AT},{AT},high,spo2_low;x\n,d,death,,,,\n"
    )
    us = from_iso(AT)
    wanted = [
        Event(subject="p", kind="k", onset_us=us, end_us=us, alert_types=("spo2_low", "x"), priority="high"),
        Event(subject="device:d", kind="death"),
    ]
    assert read(lines) == read(table) == wanted


@pytest.mark.parametrize(
    ("line", "why"),
    [('{"kind":"k"}', "patientId is missing"), ('{"patientId":"p"}', "kind is missing"), ("{", "line 1"),
     ('{"patientId":"p","kind":"k","onset":"soon"}', "soon"),
     ('{"patientId":"p","kind":"k","priority":"urgent"}', "low, medium")],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(RecordingError, match="line 1") as caught:
        read(path)
    assert why in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        read(tmp_path / "none.csv")


def test_sepsis_begins_six_hours_after_its_label() -> None:
    rows = "".join(f"80|{hour}|60|1|{int(hour >= 9)}\n" for hour in range(1, 13))
    stay = SepsisHourly(Path("x")).stay("p1", "HR|ICULOS|Age|Gender|SepsisLabel\n" + rows)
    (event,) = of_stay(stay)
    assert event == Event(subject="sepsis-p1", kind="sepsis", onset_us=from_iso("2026-01-01T14:00:00Z"))


def test_a_death_may_have_no_time() -> None:
    stay = Stay(
        patient=Patient(patient_id="p"), device=Device(device_id="d"), observations=[], times_us=[], outcome={"died": 1}
    )
    assert list(of_stay(stay)) == [Event(subject="p", kind="death")]
