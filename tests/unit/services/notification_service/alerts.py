"""Alerts for the tests of their consumers."""

import uuid
from typing import Any

from vigil.pb import events_pb2 as pb

T0 = 1_767_258_000_000_000  # 2026-01-01T09:00:00Z


def alert(
    phase: str = "START",
    priority: str = "HIGH",
    *,
    patient: str = "patient-7",
    episode: bytes | None = None,
    step: int = 0,
    at_s: float = 0.0,
    value: float = 182.0,
    **more: Any,
) -> pb.AlertEvent:
    """A heart-rate alarm's step, `at_s` seconds after T0; the same arguments with an episode give the same ids."""
    episode = episode or uuid.uuid4().bytes
    now = T0 + round(at_s * 1e6)
    made = pb.AlertEvent(
        header=pb.Header(
            event_id=uuid.uuid5(uuid.UUID(bytes=episode), f"{phase} {step}").bytes,
            trace_id=bytes(range(16)),
            event_type=pb.EVENT_TYPE_ALERT,
            version=1,
            event_time_us=now,
            device_id="monitor-12",
            patient_id=patient,
        ),
        alert_type="heart_rate_high",
        kind=pb.ALERT_KIND_PHYSIOLOGICAL,
        priority=pb.Priority.Value(f"PRIORITY_{priority}"),
        severity=pb.Severity.Value(f"SEVERITY_{priority}"),
        phase=pb.AlertPhase.Value(f"ALERT_PHASE_{phase}"),
        episode_id=episode,
        rule_id="heart_rate_high",
        condition=pb.Condition(
            onset_time_us=T0 - 10_000_000,
            raised_time_us=T0,
            evidence=[
                pb.Evidence(
                    sign=pb.SIGN_HEART_RATE,
                    value=value,
                    limit=150.0,
                    comparison=">",
                    event_time_us=now,
                    limit_source="rule",
                )
            ],
        ),
        context=pb.Context(patient_id=patient, ward="C3", bed="C3-04"),
        step=step,
    )
    if phase == "END":
        made.condition.end_time_us = now
    for name, content in more.items():
        setattr(made, name, content)
    return made
