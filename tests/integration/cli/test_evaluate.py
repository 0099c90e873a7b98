"""`vigil evaluate`: on a ward made here, and on the recordings where they are."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from vigil.cli.main import app
from vigil.evaluation import held_out
from vigil.recordings.values import iso

HOUR_US = 3_600_000_000
START_US = 1_767_225_600_000_000


def run(*words: object) -> str:
    shown = CliRunner().invoke(app, ["evaluate", *map(str, words)], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    return shown.output


@pytest.fixture
def ward(tmp_path: Path) -> tuple[Path, Path]:
    """Forty patients for a day; every fourth gets a fast heart and short of breath in the six hours before an event."""
    random = np.random.default_rng(1)
    lines, events = [], []
    for n in range(40):
        sick = n % 4 == 0
        for hour in range(24):
            bad = sick and hour >= 14
            values = {
                "hr": round(float(random.normal(135 if bad else 78, 6))),
                "rr": round(float(random.normal(31 if bad else 16, 2))),
                "spo2": round(float(random.normal(88 if bad else 97, 1))),
                "sbp": round(float(random.normal(88 if bad else 125, 5))),
                "temp": 37.0,
            }
            at = iso(START_US + hour * HOUR_US)
            lines.append(json.dumps({"deviceId": f"bed-{n}", "timestamp": at, "metrics": values}))
        if sick:
            events.append([f"bed-{n}", "arrest", iso(START_US + 20 * HOUR_US)])
    recording, labels = tmp_path / "ward.jsonl", tmp_path / "ward.csv"
    head = {
        "patients": [{"patientId": f"bed-{n}", "age": 40 + n, "ward": "C3"} for n in range(40)],
        "devices": [{"deviceId": f"bed-{n}", "patientId": f"bed-{n}"} for n in range(40)],
    }
    recording.write_text("\n".join([json.dumps(head), *lines]) + "\n")
    with labels.open("w", newline="") as file:
        csv.writer(file).writerows([["patientId", "kind", "onset"], *events])
    return recording, labels


def test_a_ward_with_its_labels(ward: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    recording, labels = ward
    out = tmp_path / "out"
    shown = run(recording, "--labels", labels, "--out", out, "--processes", 1, "--rounds", 50)
    assert "arrest" in shown
    made = json.loads((out / "evaluation.json").read_text())
    found = made["found"]
    assert (found["kind"], found["patients"], found["patientsWithEvent"], found["rows"]) == ("arrest", 40, 10, 960)
    assert found["bedDays"] == pytest.approx(40.0)
    for score in ("risk", "news2", "shock_index"):
        entry = found["ranking"][score]["auroc"]
        assert entry["value"] > 0.9
        assert entry["low"] <= entry["value"] <= entry["high"]
    (half, most) = found["alarms"]["atSensitivity"]
    assert half["scores"]["news2"]["caught"] >= 5
    assert most["scores"]["news2"]["medianLeadH"]["value"] == pytest.approx(6.0, abs=1.0)
    assert {group["by"] for group in found["groups"]} == {"age", "sex", "ward"}
    for name in ("brier", "expected_error", "mean_probability"):
        figure = found["calibration"]["intervals"][name]
        assert figure["low"] <= figure["value"] == found["calibration"][name] <= figure["high"]
    assert "Only 10 patients" in made["remarks"][0]
    assert all(remark in " ".join(shown.split()) for remark in made["remarks"])
    page = (out / "evaluation.html").read_text()
    assert "What speaks against it" in page
    assert "Calibration" in page
    assert "<script" not in page
    assert any("learned from none" in note for note in made["notes"])


def test_what_cannot_be_evaluated_is_one_sentence(
    ward: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    nobody, empty, file = tmp_path / "nobody.csv", tmp_path / "empty.jsonl", tmp_path / "file"
    nobody.write_text("patientId,kind,onset\nsomebody-else,arrest,2026-01-01T20:00:00Z\n")
    empty.write_text("\n")
    file.write_text("")
    for words, sentence in (
        ([ward[0]], "no labelled event"),
        ([ward[0], "--labels", nobody], "the labels know somebody-else, the recording bed-0"),
        ([ward[0], "--labels", empty], "there is no event in it"),
        ([ward[0], "--labels", tmp_path], "Is a directory"),
        ([ward[0], "--labels", ward[1], "--out", file], "is a file, not a folder"),
        ([ward[0], "--labels", ward[1], "--out", "/proc/nowhere"], "/proc/nowhere: No such file"),
        ([ward[0], "--labels", ward[1], "--kind", "death"], "there are arrest"),
        ([ward[0], "--patients", "some"], "held-out or all"),
        ([ward[0], "--sensitivity", "1.5"], "a share above 0"),
        ([ward[0], "--labels", ward[1], "--model", "/nowhere/x.onnx"], "--model /nowhere/x.onnx: "),
    ):
        refused = CliRunner().invoke(app, ["evaluate", *map(str, words), "--processes", "1"])
        assert sentence in str(refused.exception), refused.output


def rewrite(recording: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes every observation of a recording of JSON lines, in place."""
    head, *lines = recording.read_text().splitlines()
    observations = [json.loads(line) for line in lines]
    for observation in observations:
        change(observation)
    recording.write_text("\n".join([head, *map(json.dumps, observations)]) + "\n")


def test_a_ward_of_one_sign_is_evaluated_with_the_scores_that_it_has(
    ward: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    rewrite(ward[0], lambda line: line.update(metrics={"hr": line["metrics"]["hr"]}))
    shown = run(ward[0], "--labels", ward[1], "--out", tmp_path, "--processes", 1, "--rounds", 10)
    assert "No row has what shock index needs" in shown
    found = json.loads((tmp_path / "evaluation.json").read_text())["found"]
    assert list(found["ranking"]) == ["risk", "news2"]
    assert found["rowsCompared"] == 960
    assert (tmp_path / "evaluation.html").exists()


def test_rows_with_all_scores_that_are_labelled_alike_are_said(
    ward: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))

    def sick_without_pressure(line: dict[str, Any]) -> None:  # so no labelled row has a shock index
        if int(line["deviceId"].removeprefix("bed-")) % 4 == 0:
            del line["metrics"]["sbp"]

    rewrite(ward[0], sick_without_pressure)
    refused = CliRunner().invoke(app, ["evaluate", str(ward[0]), "--labels", str(ward[1]), "--processes", "1"])
    assert "the 720 rows that have all of its scores are labelled alike" in str(refused.exception)
    assert "shock index 720" in str(refused.exception)


def test_a_limit_that_leaves_no_patient_held_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    folder = tmp_path / "sepsis_hourly"
    folder.mkdir()
    (folder / "p000001.psv").write_text("HR|SepsisLabel\n80|0\n")
    named = next(n for n in range(1, 99) if not held_out(f"sepsis-p{n:06}"))
    (folder / "p000001.psv").rename(folder / f"p{named:06}.psv")
    refused = CliRunner().invoke(app, ["evaluate", str(folder), "--limit", "1", "--processes", "1"])
    assert "--limit 1: none of these patients is held out" in str(refused.exception)


def test_labelled_patients_without_a_row_are_said(
    ward: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    with ward[1].open("a") as labels:
        labels.write("somebody-else,arrest,2026-01-01T20:00:00Z\n")
        labels.write("bed-1,fall,2026-01-01T20:00:00Z\n")
    shown = run(ward[0], "--labels", ward[1], "--out", tmp_path, "--processes", 1, "--rounds", 10)
    assert ", arrest: 10 of 40 patients" in shown, "the commonest kind"
    assert "1 of 11 labelled patients have no row and are not counted, such as somebody-else" in shown


@pytest.mark.recordings
def test_the_hourly_recording_takes_only_held_out_patients(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    out = tmp_path / "out"
    run("sepsis_hourly", "--data", recordings, "--limit", 700, "--out", out, "--processes", 1, "--rounds", 20)
    made = json.loads((out / "evaluation.json").read_text())
    assert 100 < made["found"]["patients"] < 200
    assert "held out of training" in made["notes"][0]
    assert made["found"]["ranking"]["risk"]["auroc"]["value"] > 0.5
