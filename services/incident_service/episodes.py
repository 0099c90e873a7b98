"""Alerts as incident rows. Pure: steps may come in any order and again; the highest step says how it stands."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from services.incident_service import lifecycle
from vigil import events, scalars
from vigil.pb import events_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = events_pb2.ALERT_PHASE_END


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
    message: events_pb2.AlertEvent

    @property
    def ends(self) -> bool:
        """Whether the condition ends here."""
        return self.message.phase == END


def step_of(alert: events_pb2.AlertEvent, now: datetime) -> Step:
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
        "last_step": -1,
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
    """Folds new steps in. A step older than the newest known one completes the record, and changes no status."""
    row, actions = dict(row), []
    for step in sorted(steps, key=lambda s: s.step):
        _complete(row, step)
        if step.step > row["last_step"]:
            before = row["priority"] if row["last_step"] >= 0 else step.priority
            _advance(row, step)
            action = lifecycle.on_step(
                row["status"],
                ended=row["condition_ended"],
                priority_before=before,
                priority_now=step.priority,
                priority_max=row["priority_max"],
            )
            if action:
                row["status"] = action.status
                row["resolved_at"] = now if action.status == lifecycle.RESOLVED else None
                row["acknowledged_at"] = None if action.status == lifecycle.OPEN else row["acknowledged_at"]
                actions.append(action)
    row["updated_at"] = now
    return Folded(row, actions)


def _complete(row: dict[str, Any], step: Step) -> None:
    """What any step adds, whenever it comes."""
    condition = step.message.condition
    onset, raised = moment(condition.onset_time_us), moment(condition.raised_time_us) or step.event_at
    row["onset_at"] = min((t for t in (row["onset_at"], onset) if t), default=None)
    row["raised_at"] = min(row["raised_at"], raised)
    row["priority_max"] = max(row["priority_max"], step.priority)
    row["severity_max"] = max(row["severity_max"], step.severity)


def _advance(row: dict[str, Any], step: Step) -> None:
    """What the newest step says."""
    alert = step.message
    row |= {
        "last_step": step.step,
        "priority": step.priority,
        "severity": step.severity,
        "message": alert.message,
        "condition_ended": step.ends,
        "condition_stale": alert.condition.stale,
        "ended_at": (moment(alert.condition.end_time_us) or step.event_at) if step.ends else None,
        "device_id": alert.header.device_id or row["device_id"],
        "ward": alert.context.ward or row["ward"],
        "bed": alert.context.bed or row["bed"],
    }
