"""Scores beside their observations: whose they are, in which order, and unknown where nothing is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from vigil import core, paths, recordings
from vigil.backtest.cache import Cache
from vigil.backtest.prepared import RecordingSource
from vigil.backtest.workers import Workers
from vigil.evaluation import rows as module
from vigil.evaluation.rows import LostRows, Rows, joined, score_part
from vigil.recordings.values import from_iso, iso

START_US = from_iso("2026-03-01T08:00:00Z")
MINUTE_US = 60_000_000
# Patient b comes first in the recording, c is nobody's.
OBSERVATIONS: list[tuple[str, int, dict[str, float]]] = [
    ("b", 0, {"etco2": 38}),
    ("a", 1, {"hr": 90, "rr": 22, "sbp": 101}),
    ("b", 2, {"rr": 21, "sbp": 100, "hr": 100}),
    ("c", 2, {"hr": 70}),
    ("a", 5, {"rr": 21}),
]


@pytest.fixture
def rows(tmp_path: Path, model_file: Path) -> Rows:
    head = {
        "patients": [
            {"patientId": name, "age": age, "ward": ward} for name, age, ward in (("a", 60, "W"), ("b", 70, ""))
        ],
        "devices": [{"deviceId": f"d-{name}", "patientId": name} for name in "ab"],
    }
    lines = [json.dumps(head)]
    for name, minute, metrics in OBSERVATIONS:
        at = iso(START_US + minute * MINUTE_US)
        lines.append(json.dumps({"deviceId": f"d-{name}", "timestamp": at, "metrics": metrics}))
    (tmp_path / "ward.jsonl").write_text("\n".join(lines) + "\n")
    source = RecordingSource(recording=recordings.open(tmp_path / "ward.jsonl"), start=recordings.DEFAULT_START)
    with Workers(1) as workers:
        prepared = source.prepared(workers, Cache(tmp_path / "cache"), lambda *_: None)
    rules = paths.RULES.read_text("utf-8")
    return joined([score_part(prepared.folder, part, rules, str(model_file)) for part in prepared.parts])


def test_rows_are_of_known_patients_by_patient_and_time(rows: Rows) -> None:
    assert rows.patients == ["a", "b"]
    assert [rows.patients[number] for number in rows.patient] == ["a", "a", "b", "b"]
    assert ((rows.time_us - START_US) // MINUTE_US).tolist() == [1, 5, 0, 2]
    assert [rows.wards[ward] for ward in rows.ward] == ["W", "W", "", ""]
    assert rows.age_years.tolist() == [60, 60, 70, 70]
    assert np.isnan(rows.male).all()


def test_baselines_count_what_is_known_and_are_unknown_where_nothing_is(rows: Rows) -> None:
    assert rows.scores["qsofa"].tolist()[:2] == [1.0, 0.0], "22 a minute counts, 101 mmHg and 21 a minute do not"
    assert rows.scores["qsofa"].tolist()[3] == 1.0, "100 mmHg counts"
    assert rows.scores["shock_index"].tolist()[3] == 1.0
    only_carbon_dioxide = {name: score[2] for name, score in rows.scores.items()}
    assert all(np.isnan(score) for score in only_carbon_dioxide.values()), only_carbon_dioxide
    others = np.array([0, 1, 3])
    assert np.isfinite(rows.scores["news2"][others]).all()
    assert np.isfinite(rows.scores["risk"][others]).all()


def test_scores_that_do_not_stand_beside_their_observations_are_refused(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "scored_columns", lambda scored: core.scored_columns(scored[:-1]))
    with pytest.raises(LostRows, match=f"of {len(OBSERVATIONS)} rows"):
        request.getfixturevalue("rows")


def test_pieces_are_joined_by_name() -> None:
    def piece(names: list[str], wards: list[str], minutes: list[int]) -> Rows:
        size = len(minutes)
        number = np.arange(size) % len(names)
        return Rows(
            patients=names, wards=wards, patient=number, ward=number % len(wards), time_us=np.array(minutes, np.int64),
            age_years=np.zeros(size), male=np.zeros(size), scores={"risk": np.array(minutes, np.float64)},
        )  # fmt: skip

    made = joined([piece(["z", "m"], ["W"], [5, 7, 3]), piece(["a"], ["V", "W"], [4, 1])])
    assert (made.patients, made.wards) == (["a", "m", "z"], ["V", "W"])
    assert [made.patients[p] for p in made.patient] == ["a", "a", "m", "z", "z"]
    assert made.time_us.tolist() == made.scores["risk"].tolist() == [1, 4, 7, 3, 5]
    assert [made.wards[w] for w in made.ward] == ["V", "V", "W", "W", "W"]
