"""Writes the examples of docs/events.md: sample events, passed through the code that `vigil tail` uses.

`python scripts/events_doc.py` rewrites the blocks between the markers; a test holds the page to its output.
"""

import json
import re
import sys
from pathlib import Path

from vigil import topology
from vigil.events import to_json
from vigil.pb import events_pb2 as pb

PAGE = Path(__file__).resolve().parent.parent / "docs" / "events.md"
_T0 = 1_767_258_000_000_000  # 2026-01-01T09:00:00Z
_TRACE = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")


def _id(number: int) -> bytes:
    return bytes.fromhex(f"0e7a53b1c4d2{0x8000 + number:04x}a1b2c3d4e5f60718")


def _header(kind: str, number: int, source: int | None = None, patient: str = "") -> pb.Header:
    return pb.Header(
        event_id=_id(number),
        source_event_id=_id(source) if source is not None else b"",
        trace_id=_TRACE,
        event_type=pb.EventType.Value(f"EVENT_TYPE_{kind}"),
        version=1,
        event_time_us=_T0,
        ingest_time_us=_T0 + 120_000,
        process_time_us=_T0 + 120_000 + 1_500 * number,
        device_id="monitor-12",
        patient_id=patient,
    )


def _context() -> pb.Context:
    return pb.Context(
        patient_id="patient-7",
        age_years=67,
        sex="female",
        conditions=["copd"],
        baseline=[pb.Baseline(sign=pb.SIGN_HEART_RATE, value=78.0)],
        limits=[pb.Limit(sign=pb.SIGN_HEART_RATE, low=50.0, high=120.0, critical_low=40.0, critical_high=150.0)],
        threshold_profile_id="profile-7",
        threshold_profile_version=2,
        ward="C3",
        bed="C3-04",
        spo2_scale=2,
    )


def _vitals() -> pb.Vitals:
    return pb.Vitals(
        signs=[pb.SIGN_HEART_RATE, pb.SIGN_TEMPERATURE, pb.SIGN_SPO2],
        values=[162.0, 37.0, -100.0],
        quality=[pb.QUALITY_VALID, pb.QUALITY_CONVERTED, pb.QUALITY_SENTINEL],
        unmapped=[pb.Unmapped(metric="perfusion_index", value="4.1")],
        issues=[pb.Issue(field="spo2", code="sentinel", original="-100 %")],
        sequence=4711,
        battery_percent=83.0,
        firmware="2.4.1",
        device_type="multiparameter_monitor",
    )


def _raw() -> pb.TelemetryBatch:
    measurements = [
        pb.RawMeasurement(metric="hr", value="162", unit="bpm"),
        pb.RawMeasurement(metric="temp", value="98.6", unit="degF"),
        pb.RawMeasurement(metric="spo2", value="-100", unit="%"),
        pb.RawMeasurement(metric="perfusion_index", value="4.1"),
    ]
    return pb.TelemetryBatch(
        raw=[
            pb.RawObservation(
                header=_header("TELEMETRY_RAW", 0),
                measurements=measurements,
                timestamp="2026-01-01T10:00:00+01:00",
                sequence=4711,
                device_type="multiparameter_monitor",
                battery_percent=83.0,
                firmware="2.4.1",
            )
        ]
    )


def _observation(stage: str, number: int) -> pb.TelemetryBatch:
    patient = "" if stage == "NORMALIZED" else "patient-7"
    observation = pb.Observation(header=_header(f"TELEMETRY_{stage}", number, number - 1, patient), vitals=_vitals())
    if patient:
        observation.context.CopyFrom(_context())
    if stage == "SCORED":
        observation.scores.CopyFrom(_scores())
    return pb.TelemetryBatch(observations=[observation])


def _scores() -> pb.Scores:
    news2 = pb.EarlyWarning(
        name="news2",
        total=3,
        partial=True,
        single_three=True,
        subscores=[
            pb.Subscore(sign=pb.SIGN_HEART_RATE, points=3),
            pb.Subscore(sign=pb.SIGN_TEMPERATURE, points=0),
        ],
        missing=[pb.SIGN_RESPIRATORY_RATE, pb.SIGN_SPO2, pb.SIGN_SYSTOLIC, pb.SIGN_CONSCIOUSNESS],
        risk="low-medium",
    )
    return pb.Scores(
        risk=0.6132,
        anomaly=0.8804,
        anomaly_signs=[pb.SIGN_HEART_RATE],
        anomaly_values=[0.9421],
        severity=pb.SEVERITY_HIGH,
        early_warnings=[news2],
        model_version="vitals-1",
        rule_set_version="default-1",
        source_offset=90210,
    )


def _alert() -> pb.AlertEvent:
    evidence = pb.Evidence(
        sign=pb.SIGN_HEART_RATE,
        value=162.0,
        limit=150.0,
        comparison=">",
        event_time_us=_T0,
        limit_source="patient",
        event_id=_id(2),
    )
    return pb.AlertEvent(
        header=_header("ALERT", 4, 2, "patient-7"),
        alert_type="heart_rate_high",
        kind=pb.ALERT_KIND_PHYSIOLOGICAL,
        priority=pb.PRIORITY_HIGH,
        phase=pb.ALERT_PHASE_START,
        episode_id=_id(0x0FFF),
        rule_id="heart_rate_critical_high",
        rule_set_version="default-1",
        severity=pb.SEVERITY_HIGH,
        condition=pb.Condition(
            onset_time_us=_T0 - 10_000_000,
            raised_time_us=_T0,
            condition_delay_us=10_000_000,
            evidence=[evidence],
            signal_delay_us=6_000,
        ),
        message="heart rate 162 /min > 150 /min",
        rule_text="heart rate of 150 /min or more (the patient's own limit), for 10 s",
        presence=pb.ALARM_PRESENCE_ON,
        activation=pb.ALARM_ACTIVATION_ON,
        cause=pb.ALERT_CAUSE_CONDITION,
        escalation_level=1,
        escalate_to="nurse",
        context=_context(),
    )


def samples() -> dict[str, bytes]:
    """One record's value per topic, along the journey of one observation."""
    letter = pb.DeadLetter(
        original=b"\x0a\x03abc",
        topic=topology.RAW,
        partition=2,
        offset=1042,
        stage="telemetry-normalizer",
        error_code="malformed_protobuf",
        error_message="truncated field",
        field="raw[0].header",
        time_us=_T0 + 500_000,
    )
    change = pb.RegistryChange(
        header=_header("REGISTRY_CHANGE", 9, patient="patient-7"),
        entity=pb.REGISTRY_ENTITY_LINK,
        patient_id="patient-7",
        device_ids=["monitor-12"],
    )
    messages = {
        topology.RAW: _raw(),
        topology.NORMALIZED: _observation("NORMALIZED", 1),
        topology.ENRICHED: _observation("ENRICHED", 2),
        topology.SCORED: _observation("SCORED", 3),
        topology.ALERTS: _alert(),
        topology.DEAD_LETTER: letter,
        topology.REGISTRY_CHANGES: change,
    }
    return {topic: message.SerializeToString(deterministic=True) for topic, message in messages.items()}


def render(page: str) -> str:
    """The page with every example block rewritten by the code."""
    for topic, value in samples().items():
        text = json.dumps(to_json(topic, value)[0], indent=2, ensure_ascii=False)
        block = f"<!-- example: {topic} -->\n```json\n{text}\n```\n<!-- end -->"
        pattern = rf"<!-- example: {re.escape(topic)} -->.*?<!-- end -->"
        page, found = re.subn(pattern, lambda _, block=block: block, page, flags=re.S)
        if found != 1:
            raise SystemExit(f"{PAGE.name} has {found} example blocks for {topic}, not one")
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
