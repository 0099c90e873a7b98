"""What the routes answer; the models are for the document at /openapi.json."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from services.incident_service import lifecycle
from vigil import scalars


class Answer(BaseModel):
    """camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Incident(Answer):
    """An incident as it stands."""

    incident_id: str
    status: str
    version: int
    legal_actions: list[str]
    kind: str
    alert_type: str
    priority: str
    priority_max: str
    severity: str
    severity_max: str
    patient_id: str | None
    device_id: str | None
    ward: str | None
    bed: str | None
    rule_id: str
    rule_set_version: str
    message: str
    owner: str | None
    condition: str
    condition_ended: bool
    condition_stale: bool
    latched: bool
    presence: str
    activation: str
    paused_by: str | None
    paused_until: datetime | None
    pause_reason: str | None
    escalation_level: int
    escalated_to: str | None
    rule_text: str | None
    onset_at: datetime | None
    raised_at: datetime
    ended_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    opened_at: datetime
    updated_at: datetime
    trace_id: str


class HistoryEntry(Answer):
    """One entry of the history."""

    at: datetime
    actor: str
    action: str
    from_status: str | None
    to_status: str
    from_owner: str | None
    to_owner: str | None
    note: str | None
    version: int


class Step(Answer):
    """One step of the alarm episode."""

    event_id: str
    step: int
    phase: str
    cause: str | None
    presence: str | None
    actor: str | None
    reason: str | None
    priority: str
    severity: str
    event_at: datetime
    stored_at: datetime
    message: str
    evidence: list[dict[str, Any]]
    condition: dict[str, Any]


class Suppression(Answer):
    """An alarm that nobody was told of; `incident_id` is set once it was raised after all."""

    event_id: str
    episode_id: str
    incident_id: str | None
    kind: str
    alert_type: str
    priority: str
    severity: str
    patient_id: str | None
    device_id: str | None
    ward: str | None
    bed: str | None
    rule_id: str
    rule_set_version: str
    rule_text: str | None
    message: str
    suppressed_by: str | None
    actor: str | None
    reason: str | None
    until_at: datetime | None
    onset_at: datetime | None
    suppressed_at: datetime
    stored_at: datetime


class SuppressionsListed(Answer):
    """A page of suppressions."""

    items: list[Suppression]
    total: int
    page: int
    limit: int


class Whole(Incident):
    """An incident with its episode and its history."""

    suppressions: list[Suppression]
    timeline: list[Step]
    history: list[HistoryEntry]
    evidence: list[dict[str, Any]]


class Listed(Answer):
    """A page of incidents."""

    items: list[Incident]
    total: int
    page: int
    limit: int


def incident(row: Any) -> dict[str, Any]:
    """An incident row."""
    out = {
        to_camel(name): row[name] for name in ("incident_id", "status", "version", "kind", "alert_type", "patient_id",
        "device_id", "ward", "bed", "rule_id", "rule_set_version", "message", "owner", "condition_ended",
        "condition_stale", "presence", "activation", "paused_by", "paused_until", "pause_reason", "escalation_level",
        "escalated_to", "rule_text", "onset_at", "raised_at", "ended_at", "acknowledged_at", "resolved_at", "opened_at",
        "updated_at", "trace_id")
    }  # fmt: skip
    return out | {
        "priority": scalars.priority_name(row["priority"]),
        "priorityMax": scalars.priority_name(row["priority_max"]),
        "severity": scalars.severity_name(row["severity"]),
        "severityMax": scalars.severity_name(row["severity_max"]),
        "condition": "ended" if row["condition_ended"] else "present",
        "latched": row["condition_ended"] and row["status"] != lifecycle.RESOLVED,
        "legalActions": sorted(lifecycle.LEGAL[row["status"]]),
    }


def act(row: Any) -> dict[str, Any]:
    """A history row."""
    names = ("at", "actor", "action", "from_status", "to_status", "from_owner", "to_owner", "note", "version")
    return {to_camel(name): row[name] for name in names}


def step(row: Any) -> dict[str, Any]:
    """A step row with the evidence that fired it."""
    condition = row["alert"]["condition"]
    return {
        "eventId": row["event_id"],
        "step": row["step"],
        "phase": row["phase"],
        **{name: row["alert"].get(name) for name in ("cause", "presence", "actor", "reason")},
        "priority": scalars.priority_name(row["priority"]),
        "severity": scalars.severity_name(row["severity"]),
        "eventAt": row["event_at"],
        "storedAt": row["stored_at"],
        "message": row["alert"]["message"],
        "evidence": condition["evidence"],
        "condition": {name: value for name, value in condition.items() if name != "evidence"},
    }


def suppression(row: Any) -> dict[str, Any]:
    """A suppression row."""
    shown = {to_camel(name): row[name] for name in Suppression.model_fields}
    return shown | {
        "priority": scalars.priority_name(row["priority"]),
        "severity": scalars.severity_name(row["severity"]),
    }


def whole(row: Any, steps: list[Any], history: list[Any], suppressed: list[Any]) -> dict[str, Any]:
    """An incident with timeline and history; `evidence` is that of the newest step that has any."""
    timeline = [step(s) for s in steps]
    evidence: list[dict[str, Any]] = next((s["evidence"] for s in reversed(timeline) if s["evidence"]), [])
    return incident(row) | {
        "suppressions": [suppression(s) for s in suppressed],
        "timeline": timeline,
        "history": [act(h) for h in history],
        "evidence": evidence,
    }
