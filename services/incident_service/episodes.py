"""Alerts as incident rows. Pure: steps may come in any order and again; the highest step says how it stands."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from services.incident_service import lifecycle
from vigil import events, scalars
from vigil.pb import events_pb2 as pb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ON, LATCHED, OFF = "on", "latched", "off"
PRESENCES = (ON, LATCHED, "acknowledged", OFF)
ACTIVATIONS = (ON, "paused", OFF)
SOUNDS = {
    pb.ALERT_CAUSE_WORSE: "the alarm's priority rose",
    pb.ALERT_CAUSE_RE_ALARM: "the condition is still there: the alarm sounds again",
    pb.ALERT_CAUSE_RETURNED: "the condition is there again",
}
"""Causes that put the signal on again, and what the history says of them."""


def moment(microseconds: int) -> datetime | None:
    """None for 0 (absent), or beyond what a calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds) if microseconds else None
    except OverflowError:
        return None


class Step(NamedTuple):
    """One step of an episode, as it is stored."""

    event_id: uuid.UUID
    incident_id: uuid.UUID
    step: int
    phase: str
    priority: int
    severity: int
    event_at: datetime
    alert: dict[str, Any]
    message: pb.AlertEvent

    @property
    def ends(self) -> bool:
        """Whether the condition ends here."""
        return self.message.phase == pb.ALERT_PHASE_END


def step_of(alert: pb.AlertEvent, now: datetime) -> Step:
    """An alert event as a step; without an event time, now is taken for it."""
    return Step(
        uuid.UUID(bytes=alert.header.event_id),
        uuid.UUID(bytes=alert.episode_id),
        alert.step,
        scalars.phase_name(alert.phase),
        alert.priority,
        alert.severity,
        moment(alert.header.event_time_us) or now,
        events.alert(alert),
        alert,
    )


class Folded(NamedTuple):
    """An incident with new steps folded in, and what the system did because of them."""

    row: dict[str, Any]
    actions: list[lifecycle.SystemAction]


def opened(step: Step, now: datetime) -> dict[str, Any]:
    """A new incident from whichever step came first."""
    alert, condition = step.message, step.message.condition
    return {
        "incident_id": step.incident_id,
        "status": lifecycle.OPEN,
        "version": 0,
        "kind": scalars.kind_name(alert.kind),
        "alert_type": alert.alert_type,
        "priority": step.priority,
        "priority_max": step.priority,
        "severity": step.severity,
        "severity_max": step.severity,
        "patient_id": alert.header.patient_id or None,
        "device_id": alert.header.device_id or None,
        "ward": alert.context.ward or None,
        "bed": alert.context.bed or None,
        "rule_id": alert.rule_id,
        "rule_set_version": alert.rule_set_version,
        "message": alert.message,
        "owner": None,
        "rule_text": alert.rule_text or None,
        "presence": ON,
        "activation": ON,
        "paused_by": None,
        "paused_until": None,
        "pause_reason": None,
        "escalation_level": 0,
        "escalated_to": None,
        "last_step": -1,
        "sounded_step": -1,
        "acknowledged_step": -1,
        "pause_step": -1,
        "escalation_step": -1,
        "condition_ended": False,
        "condition_stale": False,
        "onset_at": moment(condition.onset_time_us),
        "raised_at": moment(condition.raised_time_us) or step.event_at,
        "ended_at": None,
        "acknowledged_at": None,
        "resolved_at": None,
        "opened_at": now,
        "updated_at": now,
        "trace_id": alert.header.trace_id.hex(),
    }


def fold(row: dict[str, Any], steps: list[Step], now: datetime) -> Folded:
    """Folds new steps in. A step older than the newest known one completes the record and undoes nothing later."""
    row, actions = dict(row), []
    for step in sorted(steps, key=lambda s: s.step):
        _complete(row, step)
        before = row["priority"] if row["last_step"] >= 0 else step.priority
        newest = step.step > row["last_step"]
        if newest:
            _advance(row, step)
        facts = _facts(row, step, worse=newest and step.priority > before)
        for action in [*noted(step, row["status"]), *lifecycle.on_step(row["status"], facts)]:
            _apply(row, action, step, now)
            actions.append(action)
    row["updated_at"] = now
    return Folded(row, actions)


def _facts(row: dict[str, Any], step: Step, *, worse: bool) -> lifecycle.Facts:
    alert = step.message
    sounds = SOUNDS.get(alert.cause, "")
    if sounds or alert.phase == pb.ALERT_PHASE_START:
        row["sounded_step"] = max(row["sounded_step"], step.step)
    if not alert.cause and worse and not step.ends:  # of a version that did not say why
        sounds = SOUNDS[pb.ALERT_CAUSE_WORSE]
    acknowledged = alert.cause == pb.ALERT_CAUSE_ACKNOWLEDGED
    if acknowledged:
        row["acknowledged_step"] = max(row["acknowledged_step"], step.step)
    return lifecycle.Facts(
        sounds=sounds if step.step > row["acknowledged_step"] else "",
        acknowledged=acknowledged and step.step > row["sounded_step"],
        actor=alert.actor,
        reason=alert.reason,
        ended=row["presence"] == OFF,
        priority_max=row["priority_max"],
    )


def _apply(row: dict[str, Any], action: lifecycle.SystemAction, step: Step, now: datetime) -> None:
    if action.status == row["status"]:
        return
    row["status"] = action.status
    row["resolved_at"] = now if action.status == lifecycle.RESOLVED else None
    if action.status == lifecycle.OPEN:
        row["acknowledged_at"] = None
    elif action.status == lifecycle.ACKNOWLEDGED:
        row["acknowledged_at"] = step.event_at
        row["owner"] = row["owner"] or step.message.actor or None


def noted(step: Step, status: str) -> list[lifecycle.SystemAction]:
    """What the history tells of a step beside the status, which stays as it is."""
    alert = step.message
    because = f": {alert.reason}" if alert.reason else ""
    if alert.cause == pb.ALERT_CAUSE_PAUSED:
        end = f"until {scalars.time_text(alert.until_us)}" if alert.until_us else "until it is resumed"
        return [lifecycle.SystemAction("pause", status, f"paused {end}{because}", alert.actor or lifecycle.SYSTEM)]
    if alert.cause == pb.ALERT_CAUSE_ESCALATED:
        note = f"nobody acknowledged it: level {alert.escalation_level}, {alert.escalate_to or 'no one named'}"
        return [lifecycle.SystemAction("escalate", status, note)]
    if alert.cause == pb.ALERT_CAUSE_LATCHED:
        return [lifecycle.SystemAction("latch", status, "the condition ended; the signal stays until someone acts")]
    if alert.cause == pb.ALERT_CAUSE_RULE_WITHDRAWN:
        return [lifecycle.SystemAction("withdraw", status, "the rule set no longer has the rule")]
    return []


def _complete(row: dict[str, Any], step: Step) -> None:
    """What any step adds, whenever it comes."""
    alert, condition = step.message, step.message.condition
    onset, raised = moment(condition.onset_time_us), moment(condition.raised_time_us) or step.event_at
    row["onset_at"] = min((t for t in (row["onset_at"], onset) if t), default=None)
    row["raised_at"] = min(row["raised_at"], raised)
    row["priority_max"] = max(row["priority_max"], step.priority)
    row["severity_max"] = max(row["severity_max"], step.severity)
    row["rule_text"] = row["rule_text"] or alert.rule_text or None
    if alert.escalation_level and step.step > row["escalation_step"]:
        row |= {
            "escalation_step": step.step,
            "escalation_level": alert.escalation_level,
            "escalated_to": alert.escalate_to or None,
        }
    pauses = alert.cause == pb.ALERT_CAUSE_PAUSED
    if (pauses or alert.activation != pb.ALARM_ACTIVATION_PAUSED) and step.step > row["pause_step"]:
        row |= {
            "pause_step": step.step,
            "paused_by": (alert.actor or None) if pauses else None,
            "paused_until": moment(alert.until_us) if pauses else None,
            "pause_reason": (alert.reason or None) if pauses else None,
        }


def _advance(row: dict[str, Any], step: Step) -> None:
    """What the newest step says."""
    alert = step.message
    presence = OFF if step.ends else scalars.presence_name(alert.presence)
    presence = presence if presence in PRESENCES else ON
    activation = scalars.activation_name(alert.activation)
    ended = presence in (OFF, LATCHED)
    row |= {
        "last_step": step.step,
        "priority": step.priority,
        "severity": step.severity,
        "message": alert.message,
        "presence": presence,
        "activation": activation if activation in ACTIVATIONS else ON,
        "condition_ended": ended,
        "condition_stale": alert.condition.stale,
        "ended_at": (moment(alert.condition.end_time_us) or step.event_at) if ended else None,
        "device_id": alert.header.device_id or row["device_id"],
        "ward": alert.context.ward or row["ward"],
        "bed": alert.context.bed or row["bed"],
    }
