"""vigil features: rows of a recording as a Parquet file, whole or not at all."""

import json
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from vigil import core
from vigil.cli.main import app
from vigil.offline import feature_file


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two patients, one with an observation that comes late and one that comes twice."""
    lines: list[dict[str, object]] = [
        {
            "patients": [{"patientId": "p1", "age": 70, "gender": "male"}],
            "devices": [{"deviceId": "d1", "patientId": "p1"}],
        }
    ]
    for device, minutes in (("d1", [0, 1, 0, 1, 2]), ("d2", [5])):
        for minute in minutes:
            moment = f"2026-03-01T08:{minute:02}:00Z"
            lines.append({"deviceId": device, "timestamp": moment, "metrics": {"hr": 70 + minute, "spo2": 97}})
    file = tmp_path / "ward.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


def features(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["features", *map(str, words)])
    return done.exit_code, done.output if done.exception is None else f"{done.output}{done.exception}"


def test_every_evaluated_observation_has_a_row(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    assert features(recording, "--out", out)[0] == 0
    table = parquet.read_table(out)
    assert table.column_names == ["patient_id", "device_id", "event_time", *core.feature_names(), "outcome"]
    assert table.schema.metadata[b"feature_schema"].decode() == core.feature_schema()
    assert table["patient_id"].to_pylist() == ["p1", "p1", "p1", None]
    assert [moment.minute for moment in table["event_time"].to_pylist()] == [0, 1, 2, 5]
    assert table["heart_rate"].to_pylist() == [70.0, 71.0, 72.0, 75.0]
    assert table["heart_rate_delta"].to_pylist() == [None, 1.0, pytest.approx(1.5), None]
    assert table["male"].to_pylist() == [1.0, 1.0, 1.0, None]
    assert not list(tmp_path.glob(".*"))


def test_the_size_of_a_group_changes_nothing(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    features(recording, "--out", whole)
    monkeypatch.setattr(feature_file.FeatureFile.__init__, "__defaults__", (1,))
    features(recording, "--out", parts)
    assert parquet.ParquetFile(parts).num_row_groups == 2
    assert parquet.read_table(parts).equals(parquet.read_table(whole))


def test_labels_stand_beside_their_rows(tmp_path: Path) -> None:
    rows = ["HR|Temp|Age|Gender|ICULOS|SepsisLabel", "80|NaN|60|1|1|0", "NaN|NaN|60|1|2|0", "99|38.5|60|1|3|1"]
    (tmp_path / "p000001.psv").write_text("\n".join(rows))
    out = tmp_path / "rows.parquet"
    assert features(tmp_path, "--out", out)[0] == 0
    table = parquet.read_table(out)
    assert table["label_sepsis"].to_pylist() == [0, 1]
    assert table["seen_s"].to_pylist() == [0.0, 7200.0]
    assert json.loads(table["outcome"][0].as_py())["sepsis"] == 1
    assert table["temperature"].to_pylist() == [None, 38.5]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing-of-the-kind", "--out", "{tmp}/rows.parquet"], "no such file"),
        (["{tmp}/ward.jsonl", "--out", "{tmp}/nowhere/rows.parquet"], "folder that exists"),
        (["{tmp}/ward.jsonl", "--out", "{tmp}"], "not a file"),
        (["{tmp}/ward.jsonl", "--out", "/proc/rows.parquet"], "--out /proc/rows.parquet: No such file or directory"),
        (["{tmp}/empty.jsonl", "--out", "{tmp}/rows.parquet"], "no observation"),
    ],
)
def test_what_cannot_be_done_is_said(recording: Path, tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    code, output = features(*(word.format(tmp=tmp_path) for word in words))
    assert code != 0
    assert says in " ".join(output.split())
    assert not (tmp_path / "rows.parquet").exists()
