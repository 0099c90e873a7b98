"""Artefacts in stays: one sign in one interval, the recording untouched, the figures of what was put in."""

import numpy as np
import pytest

from models import artefacts, train
from models.artefacts import KINDS, METRIC, Kind
from vigil import core
from vigil.recordings import Device, Patient, Stay
from vigil.recordings.values import iso

HOUR_US = 3_600_000_000
START_US = 1_767_225_600_000_000


def stay(number: int, hours: int = 30, gender: str = "unknown") -> Stay:
    random = np.random.default_rng(number)
    name = f"made-up-{number}"
    times = [START_US + hour * HOUR_US for hour in range(hours)]
    usual = {"hr": 80, "spo2": 96, "rr": 17, "temp": 36.9, "sbp": 125, "dbp": 70, "map": 88}
    observations = [
        {
            "deviceId": name,
            "timestamp": iso(time_us),
            "metrics": {metric: round(value + random.normal(), 1) for metric, value in usual.items()},
        }
        for time_us in times
    ]
    return Stay(
        patient=Patient(patient_id=name, gender=gender),
        device=Device(device_id=name),
        observations=observations,
        times_us=times,
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_one_sign_in_one_interval_is_altered_and_the_recording_is_not(kind: Kind) -> None:
    stays = [stay(number) for number in range(6)]
    before = [[dict(one["metrics"]) for one in own.observations] for own in stays]
    made = list(artefacts.altered(stays, kind, seed=1))
    assert len(made) == len(stays)
    for own, pair in zip(before, made, strict=True):
        metric = METRIC[pair.sign]
        for time_us, was, now in zip(pair.stay.times_us, own, pair.stay.observations, strict=True):
            others = {k: v for k, v in now["metrics"].items() if k != metric}
            assert others == {k: v for k, v in was.items() if k != metric}
            if time_us in pair.values:
                assert now["metrics"][metric] == pair.values[time_us]
        assert len(pair.values) == kind.hours - kind.seen_after
        if kind.freezes:
            assert len(set(pair.values.values())) == 1
    assert [[one["metrics"] for one in own.observations] for own in stays] == before
    assert [pair.values for pair in artefacts.altered(stays, kind, seed=1)] == [pair.values for pair in made]


def test_a_short_stay_is_left_out() -> None:
    assert not list(artefacts.altered([stay(1, hours=10)], KINDS[1], seed=1))


def test_figures_are_of_what_reached_the_model() -> None:
    """A score that calls every pressure of a probe's kind and nothing else finds all and only them."""
    columns = train.layout()

    def score(rows: np.ndarray) -> np.ndarray:
        made = np.zeros((len(rows), 2 + len(columns.signs)), np.float32)
        for at, column in enumerate(columns.value):
            usual = {"systolic": 100, "mean_pressure": 60, "spo2": 80}.get(columns.signs[at], 32)
            made[:, 2 + at] = rows[:, column] < usual
        return made

    found = artefacts.measure(columns, [stay(number) for number in range(8)], score, seed=2, rounds=20)
    assert set(found) == {kind.name for kind in KINDS}
    probe = found["probe off"]
    assert probe["put_in"] == 8 * 3
    assert [probe[name] for name in ("auroc", "recall_0.99", "precision_0.99")] == [
        {"value": 1.0, "low": 1.0, "high": 1.0}
    ] * 3, "whoever is drawn, nothing is missed"
    fever = found["unit slip, °F as °C"]
    assert fever["refused"] == fever["put_in"], "98 °C is no temperature"
    assert found["flat line"]["recall_0.99"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_figures_have_intervals_of_the_stays_that_might_have_been_drawn() -> None:
    """A score that sees what is put into half of the stays, all of it or nothing: that is the chance, not the rows."""
    columns = train.layout()
    temperature = columns.value[columns.signs.index("temperature")]

    def score(rows: np.ndarray) -> np.ndarray:
        made = np.zeros((len(rows), 2 + len(columns.signs)), np.float32)
        seen = rows[:, core.feature_names().index("male")] == 1.0
        made[seen] = (rows[seen, temperature] < 33.0)[:, None] | (rows[seen, columns.value[1]] < 80.0)[:, None]
        return made

    stays = [stay(number, gender="male" if number % 2 else "female") for number in range(12)]
    found = artefacts.measure(columns, stays, score, seed=2, rounds=200)["probe off"]
    for name in ("recall_0.95", "auroc"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert found["recall_0.95"]["value"] == 0.5
    assert found["recall_0.95"]["high"] - found["recall_0.95"]["low"] > 0.4, "12 stays, not 36 values"
    assert found["precision_0.95"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["put_in"] == 36
