"""The offline pipeline: simulated episodes raise what the ground truth claims, quiet patients raise nothing."""

import json
from pathlib import Path

import pytest

from services.device_simulator import enrolment as simulated
from services.device_simulator.episodes import KINDS
from services.device_simulator.simulator import Plan, Simulator
from vigil.offline.pipeline import OfflinePipeline
from vigil.offline.run import replay
from vigil.pb import events_pb2 as pb
from vigil.recordings import Device, Patient, Stay
from vigil.recordings import open as open_recording
from vigil.recordings.values import from_iso
from vigil.settings import Settings

START_US = from_iso("2026-03-01T08:00:00Z")
LEVEL = {pb.PRIORITY_LOW: "low", pb.PRIORITY_MEDIUM: "medium", pb.PRIORITY_HIGH: "high"}


def plan(**changes: object) -> Plan:
    values = {"devices": 40, "interval_s": 1.0, "seed": 3, "start_us": START_US, "duration_s": 60.0, **changes}
    return Plan(**values)  # type: ignore[arg-type]


def stays(of: Plan) -> list[Stay]:
    made = []
    for patient, device in zip(simulated.patients(of), simulated.devices(of), strict=True):
        who = Patient(patient_id=patient["patientId"], age=patient["age"], gender=patient["gender"])
        made.append(
            Stay(patient=who, device=Device(device_id=device["deviceId"]), observations=[], times_us=[START_US])
        )
    return made


def alerts_of(of: Plan) -> list[pb.AlertEvent]:
    pipeline = OfflinePipeline(Settings(), None)
    pipeline.enrol(stays(of))
    found = [
        pb.AlertEvent.FromString(value) for body in Simulator(of).bodies() for value in pipeline.feed(body.body).alerts
    ]
    assert pipeline.counts.rejected == 0
    assert pipeline.counts.difference == 0
    return found


def test_what_waits_at_the_end_of_a_recording_is_evaluated() -> None:
    of = plan(devices=1)
    pipeline = OfflinePipeline(Settings(), None)
    pipeline.enrol(stays(of))
    (stay,) = stays(of)
    for second, sequence in [(0, 1), (3, 5)]:  # a gap: the last one waits
        one = {"deviceId": stay.device.device_id, "timestamp": START_US // 1000 + second * 1000, "sequence": sequence}
        pipeline.feed(json.dumps([{**one, "metrics": {"hr": 0 if second else 70}}]).encode())
    assert pipeline.counts.scored == 1
    found = [pb.AlertEvent.FromString(value).alert_type for value in pipeline.settle().alerts]
    assert "asystole" in found
    assert pipeline.counts.scored == 2


def test_quiet_patients_raise_no_alarm() -> None:
    assert [(a.alert_type, a.header.patient_id) for a in alerts_of(plan(devices=200, duration_s=90.0))] == []


@pytest.mark.parametrize("interval_s", [1.0, 5.0])
def test_every_episode_raises_what_the_truth_claims_in_time(tmp_path: Path, interval_s: float) -> None:
    truth = tmp_path / "truth.jsonl"
    found = alerts_of(plan(episodes=len(KINDS), truth=truth, duration_s=130.0, interval_s=interval_s))
    for entry in map(json.loads, truth.read_text().splitlines()):
        (expected,) = entry["expected"]
        mine = [
            alert
            for alert in found
            if alert.header.patient_id == entry["patientId"] and alert.alert_type == expected["alertType"]
        ]
        starts = [alert for alert in mine if alert.phase == pb.ALERT_PHASE_START]
        assert len(starts) == 1, (entry["kind"], [(a.alert_type, a.phase) for a in mine])
        assert from_iso(entry["onset"]) <= starts[0].header.event_time_us <= from_iso(entry["sureBy"]), entry["kind"]
        assert (starts[0].kind == pb.ALERT_KIND_TECHNICAL) == entry["technical"]
        highest = max(
            (a for a in mine if a.header.event_time_us <= from_iso(entry["sureBy"])), key=lambda a: a.priority
        )
        assert LEVEL[highest.priority] == expected["priority"], entry["kind"]


def test_a_recording_gives_the_same_alerts_again_and_its_files_are_whole(tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"patients": [{"patientId": "p1", "age": 70}], "devices": [{"deviceId": "d1", "patientId": "p1"}]}
    ]
    for second in range(40):
        rate = 72 if second < 10 else 0
        at = f"2026-03-01T08:00:{second:02d}Z"
        lines.append({"deviceId": "d1", "timestamp": at, "metrics": {"hr": rate, "spo2": 97, "sbp": 120}})
        lines.append({"deviceId": "orphan", "timestamp": at, "metrics": {"hr": 200}})
    lines.append({"deviceId": "d1", "timestamp": "2026-03-01T08:00:50Z", "metrics": {"hr": True}})
    file = tmp_path / "ward.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))

    def run(name: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        pipeline = OfflinePipeline(Settings(), None)
        counts = replay(open_recording(file), pipeline, tmp_path / name)
        assert (counts.accepted, counts.rejected, counts.scored) == (80, 1, 80)
        read = [(tmp_path / name / kind).read_text().splitlines() for kind in ("scored.jsonl", "alerts.jsonl")]
        return [json.loads(line) for line in read[0]], [json.loads(line) for line in read[1]]

    scored, alerts = run("first")
    _, again = run("second")
    assert len(scored) == 80
    started = {(a["patient_id"] or a["device_id"], a["alert_type"]) for a in alerts if a["phase"] == "start"}
    assert {("p1", "asystole"), ("orphan", "heart_rate_high")} <= started
    assert [(a["event_id"], a["episode_id"]) for a in alerts] == [(a["event_id"], a["episode_id"]) for a in again]
