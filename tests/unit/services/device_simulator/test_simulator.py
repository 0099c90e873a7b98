"""The simulator: reproducible by seed, quiet when nothing is injected, true to its ground truth."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from services.device_simulator.encode import JsonTemplate, iso_ms
from services.device_simulator.encode_grpc import GrpcTemplate
from services.device_simulator.episodes import KINDS, PROFILES
from services.device_simulator.physiology import ABSENT_VALUE
from services.device_simulator.simulator import Body, Plan, Simulator
from vigil.pb import telemetry_gateway_pb2 as pb
from vigil.recordings.values import from_iso

START_US = from_iso("2026-03-01T08:00:00Z")


def plan(**changes: object) -> Plan:
    values = {"devices": 60, "interval_s": 1.0, "seed": 7, "start_us": START_US, "duration_s": 60.0, **changes}
    return Plan(**values)  # type: ignore[arg-type]


def digest(bodies: Iterable[Body]) -> str:
    sha = hashlib.sha256()
    for body in bodies:
        sha.update(body.body)
    return sha.hexdigest()


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(Simulator(plan(episodes=8)).bodies()) == digest(Simulator(plan(episodes=8)).bodies())
    assert digest(Simulator(plan()).bodies()) != digest(Simulator(plan(seed=8)).bodies())


def observations(simulator: Simulator) -> list[dict[str, object]]:
    return [observation for body in simulator.bodies() for observation in json.loads(body.body)]


def test_how_it_is_cut_into_bodies_does_not_change_the_values() -> None:
    def values(per_body: int) -> dict[tuple[str, int], object]:
        counted: dict[str, int] = {}
        found = {}
        for observation in observations(Simulator(plan(per_body=per_body, duration_s=20.0))):
            device = str(observation["deviceId"])
            counted[device] = counted.get(device, 0) + 1
            found[device, counted[device]] = observation["metrics"]
        return found

    assert values(60) == values(60)
    few, many = values(60), values(7)
    assert few.keys() == many.keys()
    same = sum(few[key] == many[key] for key in few)
    assert same > 0.98 * len(few)  # the time of day shifts by less than an interval; chart rounding may flip


def test_every_device_sends_once_an_interval_in_order_of_time() -> None:
    simulator = Simulator(plan(per_body=10, duration_s=5.0, interval_s=0.5))
    times: dict[str, list[int]] = {}
    for observation in observations(simulator):
        times.setdefault(str(observation["deviceId"]), []).append(from_iso(str(observation["timestamp"])))
    assert len(times) == 60
    for sent in times.values():
        assert len(sent) == 10
        assert set(np.diff(sent)) <= {499_000, 500_000, 501_000}


def test_quiet_patients_stay_in_quiet_ranges() -> None:
    limits = {"hr": (50, 100), "spo2": (94, 100), "rr": (10, 21), "temp": (36.0, 38.0), "sbp": (95, 160)}
    for observation in observations(Simulator(plan(devices=500, duration_s=120.0, interval_s=2.0))):
        metrics = observation["metrics"]
        assert isinstance(metrics, dict)
        for name, (low, high) in limits.items():
            assert low <= metrics[name] <= high, (name, metrics)


def test_exactly_the_asked_episodes_are_injected_and_told(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    simulator = Simulator(plan(episodes=len(KINDS), truth=truth, duration_s=60.0))
    seen = observations(simulator)
    entries = [json.loads(line) for line in truth.read_text().splitlines()]
    assert sorted(entry["kind"] for entry in entries) == sorted(KINDS)
    assert len({entry["deviceId"] for entry in entries}) == len(KINDS)
    assert simulator.truth.episodes == len(KINDS)
    end_us = START_US + 60_000_000
    for entry in entries:
        assert START_US < from_iso(entry["onset"]) <= from_iso(entry["height"]) < from_iso(entry["sureBy"]) <= end_us
        at_height = [
            o["metrics"]
            for o in seen
            if o["deviceId"] == entry["deviceId"]
            and from_iso(entry["height"]) < from_iso(str(o["timestamp"])) < from_iso(entry["sureBy"])
        ]
        assert len(at_height) >= 20
        check = SHOWS[entry["kind"]]
        assert all(check(metrics) for metrics in at_height), (entry["kind"], at_height[:2])


SHOWS = {
    "desaturation": lambda m: m["spo2"] < 85,
    "tachycardia": lambda m: m["hr"] >= 150,
    "bradycardia": lambda m: 0 < m["hr"] <= 40,
    "asystole": lambda m: m["hr"] == 0 and m["spo2"] > 0,
    "hypotension": lambda m: m["sbp"] < 80,
    "fever": lambda m: m["temp"] >= 39.5,
    "tachypnoea": lambda m: m["rr"] >= 30,
    "probe_off": lambda m: m["spo2"] == "off",
}


def test_the_rate_is_the_rate() -> None:
    simulator = Simulator(plan(devices=400, interval_s=60.0, duration_s=3600.0 * 3, episode_rate=1.0, per_body=400))
    for _ in simulator.bodies():
        pass
    # 1 an hour and device, less the time an episode and the pause after it take.
    assert 400 * 3 * 0.7 < simulator.truth.episodes < 400 * 3 * 1.1


def test_a_long_interval_still_covers_an_episode_with_observations(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    for _ in Simulator(plan(interval_s=60.0, duration_s=1200.0, episodes=8, truth=truth)).bodies():
        pass
    for entry in map(json.loads, truth.read_text().splitlines()):
        assert from_iso(entry["end"]) - from_iso(entry["height"]) >= 5 * 60_000_000


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_both_encodings_say_the_same(transport: str) -> None:
    signs = np.array([[72.4, 97.6, 15.5, 36.84, 120.0, 80.0], [0.0, ABSENT_VALUE, 9.0, 40.05, 99.5, 101.0]])
    time_us = from_iso("2026-03-01T08:00:00.123Z")
    if transport == "http":
        first, second = json.loads(JsonTemplate("sim-").body(41, time_us, signs))
        got = [(o["deviceId"], o["timestamp"], list(o["metrics"].values())) for o in (first, second)]
        off: object = "off"
    else:
        batch = pb.SendMeasurementsBatchRequest.FromString(GrpcTemplate("sim-").body(41, time_us, signs))
        requests = sorted(batch.requests, key=lambda request: request.device_id)
        got = [(r.device_id, r.timestamp, [m.value for m in r.measurements]) for r in requests]
        assert [dict(r.device_metadata) for r in requests] == [{}, {"probe_off": "true"}]
        off = 0.0
    at = iso_ms(time_us).decode()
    assert got == [
        ("sim-0000041", at, [72, 98, 16, 36.8, 120, 80]),
        ("sim-0000042", at, [0, off, 9, 40.1, 100, 101]),
    ]


def test_the_profiles_name_known_kinds_once() -> None:
    assert len(set(KINDS)) == len(PROFILES) == 8
    assert [p.kind for p in PROFILES if p.technical] == ["probe_off"]
