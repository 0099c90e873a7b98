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
    [
        ('{"kind":"k"}', "patientId: it, or deviceId, is missing"),
        ('{"patientId":"p"}', "kind: is missing"),
        ("{", "truncated"),
        ('{"patientId":"p","kind":"k","onset":"soon"}', "onset: soon is not an ISO 8601 time"),
        ('{"patientId":"p","kind":"k","onset":12}', "onset: Expected `str | null`, got `int`"),
        ('{"patientId":5,"kind":"k"}', "patientId: Expected `str`, got `int`"),
        ('{"patientId":"p","kind":{"a":1}}', "kind: Expected `str`, got `object`"),
        ('{"patientId":"p","kind":"k","expected":4}', "expected: Expected `array`, got `int`"),
        ('{"patientId":"p","kind":"k","priority":"urgent"}', "priority: urgent is none of low, medium, high"),
        (f'{{"patientId":"p","kind":"k","onset":"{AT}","end":"2026-02-01T08:00:00Z"}}', "end: is before the onset"),
        (f'{{"patientId":"p","kind":"k","end":"{AT}"}}', "end: without an onset"),
        ('{"patientId":"\xff","kind":"k"}', "utf-8"),
    ],
)
def test_a_wrong_line_is_named_and_its_field(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "l.jsonl"
    path.write_bytes(b"\n" + line.encode("latin-1") + b"\n")
    with pytest.raises(RecordingError, match="line 2: ") as caught:
        read(path)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("patientId,kind,Onset\np,k,2026-03-01\n", "line 1: Onset: no such column"),
        ("patientId,kind\np,k,2026-03-01\n", "line 2: more cells than columns"),
        ("patientId,kind,onset\np,k,soon\n", "line 2: onset: soon"),
        ("patientId,kind\np,k\n,k\n", "line 3: patientId"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, table: str, why: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text(table)
    with pytest.raises(RecordingError) as caught:
        read(path)
    assert why in str(caught.value)


def test_a_spreadsheet_s_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("\ufeffpatientId,kind\np,k\n", encoding="utf-8")
    assert read(path) == [Event(subject="p", kind="k")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"none\.csv: No such file or directory$"):
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
