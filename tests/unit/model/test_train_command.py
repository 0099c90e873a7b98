"""`python -m models.train` from recordings to the files, on recordings small enough for a test."""

import json
from pathlib import Path

import pytest

from models import train
from tests.unit.model import small_recordings
from vigil.model import load


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_recordings.folder(tmp_path_factory.mktemp("recordings"))


def command(data: Path, out: Path, *words: str) -> int:
    return train.main(["--data", str(data), "--out", str(out), *words])


def test_it_writes_model_and_card_and_says_what_it_does(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(data, tmp_path) == 0
    version = load(tmp_path / train.FILE).version
    numbers = json.loads((tmp_path / "metrics.json").read_text())
    assert numbers["model"] == version
    assert sum(numbers["patients"].values()) == 60
    assert (tmp_path / "MODEL_CARD.md").read_text().startswith(f"# Model card: {version}\n")
    assert (tmp_path / "calibration.svg").exists()
    said = capsys.readouterr().err
    steps = ["sepsis_hourly: patients, 60", "icu_mortality: patients, 60", "sepsis: trees, 4", "network 5 of 5, 40"]
    steps += ["held out: ranking", "held out: groups", "without: times: network 1 of 5", "artefacts: probe off"]
    steps += ["deaths: stays", "deaths: rounds, 200"]
    at = [said.find(f" s: {step}") for step in steps]
    assert -1 not in at, said
    assert at == sorted(at)
