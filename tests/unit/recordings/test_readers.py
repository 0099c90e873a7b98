"""The readers of recordings: what devices would have sent, with the recording's own mess."""

import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigil import recordings

DATA = recordings.data_folder()
needs_data = pytest.mark.skipif(DATA is None, reason="the recordings are not beside the project (set VIGIL_DATA)")

PSV = "HR|O2Sat|Temp|FiO2|Age|Gender|Unit1|Unit2|ICULOS|SepsisLabel\n"


def psv_folder(folder: Path) -> Path:
    (folder / "p000002.psv").write_text(PSV + "70|NaN|NaN|NaN|61.5|1|0|1|1|0\n71|NaN|NaN|NaN|61.5|1|0|1|2|1\n")
    (folder / "p000001.psv").write_text(
        PSV + "NaN|NaN|NaN|NaN|40|0|NaN|NaN|1|0\n93|92.5|NaN|-50|40|0|NaN|NaN|2|0\n0|99|50|0.5|40|0|NaN|NaN|3|0\n"
    )
    return folder


def archived(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:xz") as made:
        made.add(folder, folder.name)
    return archive


def test_hourly_rows_become_observations_as_they_were_recorded(tmp_path: Path) -> None:
    first, second = recordings.open(psv_folder(tmp_path)).stays()
    assert first.device.device_id == "sepsis-p000001"
    assert first.observations == [
        {
            "deviceId": "sepsis-p000001",
            "timestamp": "2026-01-01T01:00:00Z",
            "metrics": {"hr": 93, "spo2": 92.5, "fio2": -50},
        },
        {
            "deviceId": "sepsis-p000001",
            "timestamp": "2026-01-01T02:00:00Z",
            "metrics": {"hr": 0, "spo2": 99, "temp": 50, "fio2": 0.5},
        },
    ]
    assert first.patient is not None
    assert (first.patient.age, first.patient.gender) == (40, "female")
    assert second.labels == {"sepsis": [0, 1]}
    assert second.outcome["sepsis"] == 1
    assert second.patient is not None
    assert second.patient.ward == "SICU"


def test_how_many_stays_there_are_is_known_before_they_are_read(tmp_path: Path) -> None:
    folder = psv_folder(tmp_path)
    for path in (folder, archived(folder, tmp_path.parent / "some.tar.xz")):
        for limit, size in ((None, 2), (1, 1), (9, 2)):
            recording = recordings.open(path, limit=limit)
            assert isinstance(recording, recordings.TextRecording)
            assert recording.size() == size == len(list(recording.files()))


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_which_files_are_stays_is_the_same_in_a_folder_and_its_archive(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "set-a"
    (folder / "more" / "7.txt").mkdir(parents=True)  # a directory is no stay, whatever its name
    for name in ("132540.txt", "132539.txt", "more/132538.txt", "notes.txt", "132541.csv"):
        (folder / name).write_text("Time,Parameter,Value\n00:07,HR,73\n")
    (folder / "Outcomes-a.txt").write_text("RecordID,In-hospital_death\n132540,1\n")
    path = folder if kind == "folder" else archived(folder, tmp_path / "set-a.tar.xz")
    recording = recordings.open(path)
    assert isinstance(recording, recordings.TextRecording)
    assert recording.size() == 3
    assert [stay.device.device_id[10:] for stay in recording.stays()] == ["132539", "132540", "132538"]
    assert [stay.outcome for stay in recording.stays()] == [{}, {"died": 1}, {}]


@pytest.mark.parametrize("name", ["p000003.psv", "132542.txt"])
def test_what_cannot_be_read_of_an_archive_is_refused_not_left_out(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "some.tar.xz"
    with tarfile.open(archive, "w:xz") as made:
        odd = tarfile.TarInfo(name)
        odd.type = tarfile.FIFOTYPE
        made.addfile(odd)
    with pytest.raises(recordings.RecordingError, match=f"{name} cannot be read"):
        list(recordings.open(archive).stays())


def test_the_start_time_moves_every_observation(tmp_path: Path) -> None:
    start = datetime(2025, 6, 1, 12, tzinfo=UTC)
    stay = next(recordings.open(psv_folder(tmp_path), start=start).stays())
    assert stay.observations[0]["timestamp"] == "2025-06-01T13:00:00Z"


def test_the_limit_takes_the_first_patients_in_sorted_order(tmp_path: Path) -> None:
    assert [s.device.device_id for s in recordings.open(psv_folder(tmp_path), limit=1).stays()] == ["sepsis-p000001"]


def test_merging_by_time_keeps_each_devices_order(tmp_path: Path) -> None:
    merged = list(recordings.observations_by_time(recordings.open(psv_folder(tmp_path))))
    assert [(o["deviceId"][-1], o["timestamp"][11:13]) for _, o in merged] == [
        ("2", "00"),
        ("1", "01"),
        ("2", "01"),
        ("1", "02"),
    ]


def test_a_bedside_zero_is_sent_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "s00001-x.csv"
    file.write_text("minute,HR [bpm],RESP [pm],NBPSys [mmHg]\n0,0.0,23.0,\n1,62.8,12.7,120\n")
    (stay,) = recordings.open(file).stays()
    assert stay.observations[0]["metrics"] == {"hr": 0.0, "rr": 23.0}
    assert stay.observations[1]["units"] == {"hr": "bpm", "rr": "pm", "sbp": "mmHg"}


def test_a_repeated_parameter_is_kept_as_an_observation_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "132539.txt").write_text(
        "Time,Parameter,Value\n00:00,Age,54\n00:00,Gender,0\n00:00,ICUType,4\n00:07,HR,73\n00:07,HR,75\n00:07,Temp,-17.8\n"
    )
    (stay,) = recordings.open(tmp_path).stays()
    assert [(o["sequence"], o["metrics"]) for o in stay.observations] == [
        (0, {"hr": 73, "temp": -17.8}),
        (1, {"hr": 75}),
    ]


def test_json_lines_round_trip(tmp_path: Path) -> None:
    lines = [
        {
            "patients": [{"patientId": "p", "age": 70, "gender": "male"}],
            "devices": [{"deviceId": "d", "deviceType": "pulse_oximeter", "patientId": "p"}],
        },
        {"deviceId": "d", "timestamp": "2026-02-01T00:00:00+01:00", "metrics": {"spo2": 88}},
        {"deviceId": "orphan", "timestamp": 1769900400000, "metrics": {"hr": 0}},
    ]
    file = tmp_path / "ward.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    known, orphan = recordings.open(file).stays()
    assert known.patient is not None
    assert (known.patient.age, known.device.device_type, known.observations) == (70, "pulse_oximeter", [lines[1]])
    assert orphan.patient is None
    assert known.times_us == orphan.times_us


@pytest.mark.parametrize(("name", "text"), [("x.txt", ""), ("x.jsonl", "{"), ("x.jsonl", '{"a":1}')])
def test_what_is_no_recording_is_refused_with_its_path(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(recordings.RecordingError, match=name):
        list(recordings.open(tmp_path / name).stays())


@pytest.mark.recordings
@needs_data
@pytest.mark.parametrize(
    ("name", "limit", "stays", "observations"),
    [
        ("sepsis_hourly", 20, 20, 914),
        ("icu_mortality", 20, 20, 1209),
        ("icu_charted", None, 53, 6407),
        ("bedside_minutes", None, 1, 1936),
    ],
)
def test_the_recordings_give_what_they_hold(name: str, limit: int | None, stays: int, observations: int) -> None:
    assert DATA is not None
    found = list(recordings.open(DATA / name, limit=limit).stays())
    assert len(found) == stays
    assert sum(len(stay.observations) for stay in found) == observations
    for stay in found:
        assert stay.times_us == sorted(stay.times_us)
        keys = {(o["timestamp"], o.get("sequence")) for o in stay.observations}
        assert len(keys) == len(stay.observations)


@pytest.mark.recordings
@needs_data
def test_the_charted_recordings_keep_both_temperature_units() -> None:
    assert DATA is not None
    units = {
        observation["units"].get("temp")
        for stay in recordings.open(DATA / "icu_charted").stays()
        for observation in stay.observations
        if "temp" in observation["metrics"]
    }
    assert units >= {"Deg. C", "Deg. F", "?F"}
