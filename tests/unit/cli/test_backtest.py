"""`vigil backtest` as a person calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.backtest import ward
from vigil.cli.console import CliError
from vigil.cli.main import app
from vigil.recordings import RecordingError
from vigil.recordings.values import iso

DIP_S, LENGTH_S = 20, 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIGIL_DIR", str(tmp_path / "vigil"))
    ward.recording(tmp_path / "w.jsonl", {"p1": [97] * DIP_S + [85] * LENGTH_S + [97] * 30, "p2": [97] * 60})
    onset = ward.START_US + DIP_S * 1_000_000
    event = {"patientId": "p1", "kind": "dip", "onset": iso(onset), "end": iso(onset + LENGTH_S * 1_000_000),
             "expected": [{"alertType": "spo2_low", "priority": "medium"}]}  # fmt: skip
    ward.labels(tmp_path / "labels.jsonl", [event])
    ward.rules(tmp_path / "none.toml")
    # So late that even the grace after the episode is over.
    ward.rules(tmp_path / "slow.toml", delay=60)
    return tmp_path


def called(folder: Path, *words: str, code: int = 0) -> tuple[str, dict[str, Any]]:
    line = ["backtest", str(folder / "w.jsonl"), "--out", str(folder / "out"), "--processes", "1", "--no-model"]
    done = CliRunner().invoke(app, [*line, *(str(folder / w) if w.endswith((".toml", ".jsonl")) else w for w in words)])
    assert done.exit_code == code, done.output
    return done.output, json.loads((folder / "out" / "backtest.json").read_text())


def test_it_prints_and_writes(folder: Path) -> None:
    output, made = called(folder, "--rules", "none.toml", "--labels", "labels.jsonl")
    assert "spo2-low" in output
    assert made["rule_sets"]["rules"]["burden"]["alarms"] == 1
    assert made["rule_sets"]["rules"]["events"]["dip"]["delay_s_median"] == 0.0
    assert (folder / "out" / "backtest.html").read_text().startswith("<!doctype html>")
    assert list((folder / "vigil" / "cache" / "backtest").iterdir())


def test_a_lost_event_is_exit_code_1_and_a_gained_one_is_not(folder: Path) -> None:
    labels = ("--labels", "labels.jsonl")
    output, made = called(folder, *labels, "--rules", "slow.toml", "--against", "none.toml", code=1)
    assert "lost: dip of p1" in output
    assert made["difference"]["events"]["lost"][0]["patient"] == "p1"
    _, made = called(folder, *labels, "--rules", "none.toml", "--against", "slow.toml")
    assert len(made["difference"]["events"]["newly_caught"]) == 1
    called(folder, *labels, "--rules", "slow.toml", "--against", "slow.toml")


def test_labels_of_another_recording_are_refused(folder: Path) -> None:
    """Not: 0 of 0 events caught, and exit code 0."""
    ward.labels(folder / "others.jsonl", [{"patientId": f"q{n}", "kind": "dip"} for n in (2, 1)])
    words = ["--labels", str(folder / "others.jsonl"), "--rules", str(folder / "none.toml"), "--no-model"]
    refused = CliRunner().invoke(app, ["backtest", str(folder / "w.jsonl"), *words, "--processes", "1"])
    assert isinstance(refused.exception, RecordingError)
    assert str(refused.exception) == (
        f"{folder / 'w.jsonl'}: none of the 2 labelled patients is in it: the labels know q1, the recording p1"
    )
    assert not list(folder.rglob("backtest.json"))


def test_labelled_patients_that_are_not_in_the_recording_are_said(folder: Path) -> None:
    with (folder / "labels.jsonl").open("a") as labels:
        labels.write('{"patientId": "q1", "kind": "fall"}\n{"patientId": "q1", "kind": "dip"}\n')
    output, made = called(folder, "--rules", "none.toml", "--labels", "labels.jsonl")
    assert "1 of 2 labelled patients have no observation and are not counted, such as q1" in output
    assert made["rule_sets"]["rules"]["events"]["dip"]["caught"] == 1


def test_labels_without_an_event_are_said(folder: Path) -> None:
    """A ward where nothing happened has alarms all the same."""
    (folder / "empty.jsonl").write_text("\n")
    output, made = called(folder, "--rules", "none.toml", "--labels", "empty.jsonl")
    assert "empty.jsonl: there is no event in it" in " ".join(output.split())
    assert made["rule_sets"]["rules"]["burden"]["alarms"] == 1


def test_nothing_is_kept_when_that_is_asked(folder: Path) -> None:
    called(folder, "--rules", "none.toml", "--no-cache")
    assert not (folder / "vigil").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [(["--rules", "gone.toml"], "gone.toml"), (["--rules", "bad.toml"], "bad.toml"),
     (["--priority", "urgent"], "medium"), (["--out", "w.jsonl.toml"], "is a file, not a folder")],
)  # fmt: skip
def test_what_cannot_be_done_is_said(folder: Path, words: list[str], why: str) -> None:
    (folder / "w.jsonl.toml").write_text("")
    (folder / "bad.toml").write_text("version = 1\n[[rule]]\nid = 3\n")
    line = [str(folder / w) if w.endswith(".toml") else w for w in words]
    done = CliRunner().invoke(app, ["backtest", str(folder / "w.jsonl"), *line])
    assert isinstance(done.exception, CliError)
    assert why in str(done.exception)
    assert isinstance(CliRunner().invoke(app, ["backtest"]).exception, CliError)
