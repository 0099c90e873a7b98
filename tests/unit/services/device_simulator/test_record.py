"""Recordings of simulated patients, and the short dips in them."""

import json
from pathlib import Path

import numpy as np
import pytest

from services.device_simulator.dips import Dips
from services.device_simulator.episodes import SIGNS, SPO2
from services.device_simulator.physiology import ABSENT_VALUE
from services.device_simulator.record import record, truth_path
from services.device_simulator.simulator import Plan, Simulator
from vigil import recordings
from vigil.recordings.values import from_iso

START_US = from_iso("2026-03-01T08:00:00Z")


def plan(**changes: object) -> Plan:
    values = {"devices": 12, "interval_s": 1.0, "seed": 5, "start_us": START_US, "duration_s": 240.0, **changes}
    return Plan(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ward.jsonl", "ward.jsonl.gz"])
def test_a_recording_holds_what_would_have_been_sent(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    made = record(plan(episodes=4, dip_rate=20.0), path)
    sent = [o for body in Simulator(plan(episodes=4, dip_rate=20.0)).bodies() for o in json.loads(body.body)]
    stays = list(recordings.open(path).stays())
    assert len(stays) == 12
    assert sum(len(stay.observations) for stay in stays) == len(sent) == made.observations
    for stay in stays:
        assert stay.observations == [o for o in sent if o["deviceId"] == stay.device.device_id]
        assert stay.patient is not None
        assert stay.patient.patient_id.endswith(stay.device.device_id[-7:])
    assert len((tmp_path / "ward.truth.jsonl").read_text().splitlines()) == 4
    assert not list(tmp_path.glob("*.part"))


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.jsonl.gz", "b.jsonl.gz")]
    for file in files:
        record(plan(episode_rate=20.0, dip_rate=20.0), file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert truth_path(files[0]).read_bytes() == truth_path(files[1]).read_bytes()


def test_a_recording_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="duration"):
        record(plan(duration_s=0.0), tmp_path / "a.jsonl")


def lengths_below_90(hours: int, rate: float) -> tuple[list[int], int]:
    """Runs of seconds below 90 %, over 40 devices whose SpO2 is 97 otherwise."""
    dips, devices = Dips(40, 3, rate), 40
    below = np.zeros((hours * 3600, devices), bool)
    for second in range(hours * 3600):
        signs = np.full((devices, len(SIGNS)), 97.0)
        dips.apply(0, float(second), signs)
        below[second] = signs[:, SPO2] < 90.0
    runs = []
    for device in range(devices):
        edges = np.flatnonzero(np.diff(np.r_[0, below[:, device].astype(np.int8), 0]))
        runs += list(edges[1::2] - edges[::2])
    return runs, dips.count


def test_dips_are_as_long_and_as_many_as_published() -> None:
    runs, count = lengths_below_90(hours=2, rate=6.0)
    assert abs(count - 480) < 90
    assert abs(len(runs) - count) <= 40
    share = [sum(1 for run in runs if run <= limit) / len(runs) for limit in (14, 19)]
    assert share == pytest.approx([0.5, 0.67], abs=0.08)


def test_dips_do_not_depend_on_how_devices_are_sliced_and_spare_a_probe_that_is_off() -> None:
    def run(slices: list[tuple[int, int]]) -> np.ndarray:
        dips, found = Dips(10, 1, 60.0), np.empty((600, 10))
        for second in range(600):
            for first, size in slices:
                signs = np.full((size, len(SIGNS)), 97.0)
                dips.apply(first, float(second), signs)
                found[second, first : first + size] = signs[:, SPO2]
        return found

    assert np.array_equal(run([(0, 10)]), run([(0, 3), (3, 7)]))
    assert (run([(0, 10)]) < 90).any()
    off = np.full((10, len(SIGNS)), ABSENT_VALUE)
    dips = Dips(10, 1, 3600.0)
    for second in range(60):
        dips.apply(0, float(second), off)
    assert (off == ABSENT_VALUE).all()
    assert not Dips(3, 1, 0.0).count
