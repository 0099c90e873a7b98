"""Rows of a recording: labels and NEWS2 beside the observation they are of, and a file that is whole or not there."""

from contextlib import suppress
from pathlib import Path

import numpy as np

from vigil.offline.feature_file import FeatureFile
from vigil.offline.features import feature_rows
from vigil.recordings import Device, Patient, Stay
from vigil.recordings.values import iso

HOUR_US = 3_600_000_000
START_US = 1_772_352_000_000_000


def stay(*observations: tuple[int, dict[str, float]]) -> Stay:
    """An observation an entry: hour, and metrics. Its label is its hour."""
    times_us = [START_US + hour * HOUR_US for hour, _ in observations]
    return Stay(
        patient=Patient(patient_id="p", age=60),
        device=Device(device_id="d"),
        observations=[
            {"deviceId": "d", "timestamp": iso(time_us), "metrics": metrics}
            for time_us, (_, metrics) in zip(times_us, observations, strict=True)
        ],
        times_us=times_us,
        labels={"hour": [hour for hour, _ in observations]},
    )


def test_labels_are_found_by_time_whatever_was_left_out() -> None:
    """The repetition has no row, so that rows and observations do not run in parallel."""
    (made,) = feature_rows([stay((0, {"hr": 70}), (0, {"hr": 70}), (3, {"hr": 71}), (5, {"hr": 72}))])
    assert ((made.time_us - START_US) // HOUR_US).tolist() == [0, 3, 5]
    assert made.labels["hour"].tolist() == [0, 3, 5]


def test_news2_is_unknown_where_nothing_of_it_is_known() -> None:
    (made,) = feature_rows([stay((0, {"etco2": 38}), (1, {"hr": 135}))])
    assert np.isnan(made.news2[0])
    assert made.news2[1] == 3.0


def test_a_stay_without_observations_has_no_rows() -> None:
    assert [made.stay.times_us for made in feature_rows([stay(), stay((0, {"hr": 70}))])] == [[START_US]]


def test_what_is_not_finished_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    rows, others = feature_rows([stay((0, {"hr": 70})), stay((1, {"hr": 80}), (2, {"hr": 90}))])
    with FeatureFile(file) as kept:
        kept.add(rows)
    before = file.read_bytes()
    with suppress(KeyboardInterrupt), FeatureFile(file, rows_per_group=1) as stopped:
        stopped.add(others)
        raise KeyboardInterrupt
    assert file.read_bytes() == before, "the file of before is left as it was"
    assert list(tmp_path.iterdir()) == [file]
