"""Alert events for the tests, made with the generated messages only."""

import uuid
from typing import Any

from vigil.pb import events_pb2 as pb

T0_US = 1_767_225_600_000_000
START, UPDATE, END = pb.ALERT_PHASE_START, pb.ALERT_PHASE_UPDATE, pb.ALERT_PHASE_END
SUPPRESSED = pb.ALERT_PHASE_SUPPRESSED
LOW, MEDIUM, HIGH = pb.PRIORITY_LOW, pb.PRIORITY_MEDIUM, pb.PRIORITY_HIGH


def alert(episode: uuid.UUID, step: int, phase: Any, priority: Any = MEDIUM, **fields: Any) -> pb.AlertEvent:
    """Step `step` of an episode; its id derives from both, as the rules engine's do."""
    at = T0_US + step * 60_000_000
    patient_id = fields.pop("patient_id", "p-1")
    ward = fields.pop("ward", "ICU-A")
    event = pb.AlertEvent(
        header=pb.Header(
            event_id=uuid.uuid5(episode, str(step)).bytes,
            source_event_id=uuid.uuid4().bytes,
            trace_id=uuid.uuid5(episode, "trace").bytes,
            event_type=pb.EVENT_TYPE_ALERT,
            version=1,
            event_time_us=at,
            ingest_time_us=at,
            device_id="d-1",
            patient_id=patient_id,
        ),
        alert_type="heart_rate_high",
        kind=pb.ALERT_KIND_PHYSIOLOGICAL,
        priority=priority,
        phase=phase,
        episode_id=episode.bytes,
        rule_id="heart_rate_high",
        rule_set_version="1",
        severity={LOW: pb.SEVERITY_LOW, MEDIUM: pb.SEVERITY_MEDIUM, HIGH: pb.SEVERITY_HIGH}[priority],
        condition=pb.Condition(
            onset_time_us=T0_US - 10_000_000,
            raised_time_us=T0_US,
            condition_delay_us=10_000_000,
            end_time_us=at if phase == END else 0,
            evidence=[
                pb.Evidence(
                    sign=pb.SIGN_HEART_RATE,
                    value=140 + step,
                    limit=130,
                    comparison=">",
                    event_time_us=at,
                    limit_source="rule",
                )
            ],
        ),
        message=f"heart rate {140 + step}",
        context=pb.Context(patient_id=patient_id, ward=ward, bed="3"),
        step=step,
    )
    for name, value in fields.items():
        setattr(event, name, value)
    return event


_PRESENCE = {"ACKNOWLEDGED": "ACKNOWLEDGED", "LATCHED": "LATCHED"}


def caused(episode: uuid.UUID, step: int, cause: str, priority: Any = MEDIUM, **fields: Any) -> pb.AlertEvent:
    """A step as the engine writes it: phase, presence and activation follow from `cause` ("END" is its plain end)."""
    phase = {"CONDITION": START, "RESUMED": START, "END": END, "SUPPRESSED": SUPPRESSED}.get(cause, UPDATE)
    made = alert(episode, step, phase, priority, **fields)
    made.cause = pb.AlertCause.Value(f"ALERT_CAUSE_{'CONDITION' if cause == 'END' else cause}")
    presence = "OFF" if phase in (END, SUPPRESSED) else _PRESENCE.get(cause, "ON")
    made.presence = fields.get("presence") or pb.AlarmPresence.Value(f"ALARM_PRESENCE_{presence}")
    made.activation = pb.ALARM_ACTIVATION_PAUSED if cause == "PAUSED" else pb.ALARM_ACTIVATION_ON
    if cause == "LATCHED":
        made.condition.end_time_us = made.header.event_time_us
    return made
