"""Alerts become stored notifications: one per alarm step that people must hear of, and channel.

- START: an `alarm`. SUPPRESSED: nothing.
- UPDATE by its cause: WORSE an `escalation`, RE_ALARM a `re_alarm`, RETURNED a `returned`, ESCALATED an
  `unacknowledged` for the role that the ladder names; BETTER, STALE, FRESH, ACKNOWLEDGED, PAUSED, LATCHED nothing.
- END: a `resolved`, which is sent only where the alarm itself was delivered (`limits` decides that).

Storing is idempotent by alert and channel, and what is decided here depends on earlier steps of the episode
only, so reading alerts again changes nothing. HIGH, and what nobody acknowledged, is ready to be sent at once; the
rest asks the limiter.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.notification_service.roles import DEFAULT
from services.notification_service.text import alarm_text, clean
from vigil.core import derive_id
from vigil.pb import events_pb2 as pb

_COLUMNS = (
    "id", "event_id", "channel", "kind", "status", "limiter", "priority", "severity", "episode_id", "step", "limit_key",
    "patient_id", "device_id", "ward", "bed", "rule_id", "trace_id", "title", "body", "event_time_us",
    "roles", "told_us",
)  # fmt: skip
INSERT = (
    f"INSERT INTO notification ({', '.join(_COLUMNS)}) "  # noqa: S608 (names of ours)
    f"VALUES ({', '.join(f'${i}' for i in range(1, len(_COLUMNS) + 1))}) ON CONFLICT (event_id, channel) DO NOTHING"
)
_TOLD = """
    SELECT DISTINCT episode_id, step, kind, priority, severity, roles, told_us FROM notification
    WHERE episode_id = ANY($1) AND kind NOT IN ('resolved', 'digest')
"""
_KINDS = {
    pb.ALERT_CAUSE_WORSE: "escalation",
    pb.ALERT_CAUSE_RE_ALARM: "re_alarm",
    pb.ALERT_CAUSE_RETURNED: "returned",
    pb.ALERT_CAUSE_ESCALATED: "unacknowledged",
}
_SILENT = {
    pb.ALERT_CAUSE_BETTER,
    pb.ALERT_CAUSE_LATCHED,
    pb.ALERT_CAUSE_ACKNOWLEDGED,
    pb.ALERT_CAUSE_STALE,
    pb.ALERT_CAUSE_FRESH,
    pb.ALERT_CAUSE_PAUSED,
}


class Told(NamedTuple):
    """What was told at a step of an episode: its kind, how urgent, to which roles, and when (processing time)."""

    kind: str
    rank: tuple[int, int]
    roles: tuple[str, ...]
    told_us: int


Steps = dict[int, Told]


class Asked(NamedTuple):
    """A notification to make: of which alert and kind, for which roles; how long nobody has acknowledged, if known."""

    alert: pb.AlertEvent
    kind: str
    roles: tuple[str, ...]
    unanswered_s: float | None


def notification_id(event_id: bytes, channel: str) -> UUID:
    """The same alert and channel always give the same notification."""
    return UUID(bytes=derive_id("notification", [event_id, channel.encode()]))


async def store(connection: Any, alerts: Sequence[pb.AlertEvent], channels: Sequence[str]) -> int:
    """Stores what `alerts` ask for, inside the caller's transaction. Returns the notifications asked for."""
    episodes = {UUID(bytes=alert.episode_id) for alert in alerts if alert.phase != pb.ALERT_PHASE_START}
    known: dict[bytes, Steps] = {}
    if episodes:
        for row in await connection.fetch(_TOLD, list(episodes)):
            known.setdefault(row["episode_id"].bytes, {})[row["step"]] = Told(
                row["kind"], (row["priority"], row["severity"]), tuple(row["roles"]), row["told_us"]
            )
    rows = [row for asked in worth_telling(alerts, known) for row in _rows(asked, channels)]
    if rows:
        await connection.executemany(INSERT, rows)
    return len(rows)


def worth_telling(alerts: Sequence[pb.AlertEvent], known: Mapping[bytes, Steps]) -> Iterable[Asked]:
    """What `alerts` ask for; `known` is what was told of their episodes before. Pure."""
    told = {episode: dict(steps) for episode, steps in known.items()}
    for alert in alerts:
        steps = told.setdefault(alert.episode_id, {})
        earlier = [steps[step] for step in sorted(steps) if step < alert.step]
        kind = kind_of(alert, max((e.rank for e in earlier), default=None))
        if kind is None:
            continue
        roles = _roles(alert, kind, earlier)
        yield Asked(alert, kind, roles, _unanswered_s(alert, earlier) if kind == "unacknowledged" else None)
        if kind != "resolved":
            rank = alert.priority, alert.severity
            steps[alert.step] = Told(kind, rank, roles, alert.header.ingest_time_us)


def kind_of(alert: pb.AlertEvent, before: tuple[int, int] | None) -> str | None:
    """The kind of notification this alert asks for, None for none; `before` is the most urgent told so far."""
    if alert.phase == pb.ALERT_PHASE_SUPPRESSED:
        return None
    if alert.phase == pb.ALERT_PHASE_END:
        return "resolved"
    if alert.phase == pb.ALERT_PHASE_UPDATE:
        if alert.cause in _SILENT:
            return None
        if alert.cause in _KINDS:
            return _KINDS[alert.cause]
        if before is not None:  # of a version that does not say why
            return "escalation" if (alert.priority, alert.severity) > before else None
    # A START; or an UPDATE whose beginning was never seen here, or a phase unknown here: better told.
    return "alarm"


def _roles(alert: pb.AlertEvent, kind: str, earlier: Sequence[Told]) -> tuple[str, ...]:
    """Whom the ladder names; where it names nobody now, and at the end, all who were told before."""
    if alert.escalate_to and kind != "resolved":
        return (clean(alert.escalate_to),)
    return tuple(dict.fromkeys(role for told in earlier for role in told.roles)) or (DEFAULT,)


def _unanswered_s(alert: pb.AlertEvent, earlier: Sequence[Told]) -> float | None:
    since_us = next((told.told_us for told in reversed(earlier) if told.kind != "unacknowledged"), 0)
    return (alert.header.ingest_time_us - since_us) / 1e6 if 0 < since_us < alert.header.ingest_time_us else None


def _rows(asked: Asked, channels: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    alert, kind = asked.alert, asked.kind
    header, context = alert.header, alert.context
    patient = header.patient_id or context.patient_id
    text = alarm_text(alert, kind, asked.unanswered_s)
    urgent = kind == "unacknowledged" or (kind != "resolved" and bypasses(alert))
    for channel in channels:
        yield (
            notification_id(header.event_id, channel),
            UUID(bytes=header.event_id),
            channel,
            kind,
            "pending",
            "bypass" if urgent else "undecided",
            pb.PRIORITY_LOW if kind == "resolved" else alert.priority,
            alert.severity,
            UUID(bytes=alert.episode_id),
            alert.step,
            f"patient:{patient}" if patient else f"device:{header.device_id}",
            patient,
            header.device_id,
            clean(context.ward),
            clean(context.bed),
            alert.rule_id,
            header.trace_id.hex(),
            text.title,
            text.body,
            header.event_time_us,
            list(asked.roles),
            header.ingest_time_us,
        )


def bypasses(alert: pb.AlertEvent) -> bool:
    """HIGH never asks the limiter, nor does a priority this version does not know."""
    return alert.priority not in (pb.PRIORITY_LOW, pb.PRIORITY_MEDIUM) or alert.severity >= pb.SEVERITY_CRITICAL
