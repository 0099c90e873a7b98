"""`python -m models.train` from recordings to the files, on recordings small enough for a test."""

import json
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

from models import train, without
from tests.unit.model import small_recordings
from vigil.model import load

FILES = (train.FILE, "manifest.json", "metrics.json", "MODEL_CARD.md", "calibration.svg")
INTERVALS = ("recall_0.95", "recall_0.99", "precision_0.95", "precision_0.99", "auroc")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_recordings.folder(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What training wrote, and what it said."""
    out = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patched:
        said: list[str] = []
        patched.setattr("models.progress.say", said.append)
        assert command(data, out) == 0
    return out, "\n".join(said)


@pytest.fixture
def out(trained: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of what training wrote."""
    return Path(shutil.copytree(trained[0], tmp_path / "models"))


def command(data: Path, out: Path, *words: str) -> int:
    return train.main(["--data", str(data), "--out", str(out), *words])


def bytes_of(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def refused(data: Path, out: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Why the report alone is not to be had. Nothing is changed."""
    before = bytes_of(out)
    assert command(data, out, "--report-only", *words) == 1
    assert bytes_of(out) == before
    return " ".join(capsys.readouterr().err.split())


def test_it_writes_model_and_card(trained: tuple[Path, str]) -> None:
    folder = trained[0]
    version = load(folder / train.FILE).version
    numbers = json.loads((folder / "metrics.json").read_text())
    assert numbers["model"] == version
    assert sum(numbers["patients"].values()) == small_recordings.PATIENTS
    assert numbers["bytes"] == (folder / train.FILE).stat().st_size
    assert (folder / "MODEL_CARD.md").read_text().startswith(f"# Model card: {version}\n")


def test_artefacts_swapped_and_blanked_have_intervals(trained: tuple[Path, str]) -> None:
    numbers = json.loads((trained[0] / "metrics.json").read_text())
    figures: list[dict[str, Any]] = [*numbers["blanked_auroc"].values(), *numbers["swapped_value_auroc"].values()]
    for found in numbers["artefacts"].values():
        figures += [found[name] for name in INTERVALS if found["put_in"] > found["refused"]]
    assert len(figures) > 4 + 5 + len(INTERVALS)
    for figure in figures:
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert any(figure["low"] < figure["high"] for figure in figures)
    table = (trained[0] / "MODEL_CARD.md").read_text().split("| artefact |")[1].splitlines()
    spike = next(line for line in table if line.startswith("| spike |"))
    assert spike.count(" … ") == len(INTERVALS)


def test_it_says_what_it_does(trained: tuple[Path, str]) -> None:
    said = trained[1]
    steps = ["sepsis_hourly: patients, 45", "icu_mortality: patients, 45", "sepsis: trees, 4", "network 5 of 5, 40"]
    steps += ["held out: ranking", "held out: groups", "blanked: rounds, 200", "without: times: network 1 of 5, 40"]
    steps += ["without: both: rounds, 200", "swapped: rounds, 200", "artefacts: spike", "artefacts: probe off: rounds"]
    steps += ["deaths: stays", "deaths: rounds, 200", "cost"]
    at = [said.find(f" s: {step}") for step in steps]
    assert -1 not in at, said
    assert at == sorted(at)


def test_the_report_alone_is_the_same_and_trains_nothing(
    data: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(*_args: Any, **_more: Any) -> NoReturn:
        raise AssertionError("trains")

    monkeypatch.setattr(train, "train", trains)
    monkeypatch.setattr(without, "measure", trains)
    before = bytes_of(out)
    for name in ("MODEL_CARD.md", "calibration.svg"):
        (out / name).unlink()
    assert command(data, out, "--report-only") == 0
    assert bytes_of(out) == before


def test_no_report_of_a_model_that_is_not_what_its_manifest_says(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said before the recordings are read: there are none in this folder."""
    empty = tmp_path / "recordings"
    for name in (train.RECORDING, train.MORTALITY):
        (empty / name).mkdir(parents=True)
    with (out / train.FILE).open("ab") as file:
        file.write(b"\0")
    assert "sha256" in refused(empty, out, capsys)


def test_no_report_on_top_of_another_models(data: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = json.loads((out / "metrics.json").read_text())
    (out / "metrics.json").write_text(json.dumps(numbers | {"model": "vitals-another"}))
    assert "metrics.json: is of vitals-another, not of vitals-" in refused(data, out, capsys)


def test_no_report_of_other_patients(data: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "metrics.json: patients were {" in refused(data, out, capsys, "--patients", "40")
