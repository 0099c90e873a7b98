"""Alerts become stored notifications: one per alarm step that people must hear of, and channel.

- START: an `alarm`.
- UPDATE: an `escalation`, when priority or severity is above all that this episode was notified with before.
- END: a `resolved`, which is sent only where the alarm itself was delivered (`limits` decides that).

Storing is idempotent by alert and channel, and what is decided here depends on earlier steps of the episode
only, so reading alerts again changes nothing. HIGH is ready to be sent at once; the rest asks the limiter.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.notification_service.text import alarm_text, clean
from vigil.core import derive_id
from vigil.pb import events_pb2 as pb

_COLUMNS = (
    "id", "event_id", "channel", "kind", "status", "limiter", "priority", "severity", "episode_id", "step", "limit_key",
    "patient_id", "device_id", "ward", "bed", "rule_id", "trace_id", "title", "body", "event_time_us",
)  # fmt: skip
INSERT = (
    f"INSERT INTO notification ({', '.join(_COLUMNS)}) "  # noqa: S608 (names of ours)
    f"VALUES ({', '.join(f'${i}' for i in range(1, len(_COLUMNS) + 1))}) ON CONFLICT (event_id, channel) DO NOTHING"
)
_STEPS = """
    SELECT DISTINCT episode_id, step, priority, severity FROM notification
    WHERE episode_id = ANY($1) AND kind IN ('alarm', 'escalation')
"""

Steps = dict[int, tuple[int, int]]


def notification_id(event_id: bytes, channel: str) -> UUID:
    """The same alert and channel always give the same notification."""
    return UUID(bytes=derive_id("notification", [event_id, channel.encode()]))


async def store(connection: Any, alerts: Sequence[pb.AlertEvent], channels: Sequence[str]) -> int:
    """Stores what `alerts` ask for, inside the caller's transaction. Returns the notifications asked for."""
    episodes = {UUID(bytes=alert.episode_id) for alert in alerts if alert.phase != pb.ALERT_PHASE_START}
    known: dict[bytes, Steps] = {}
    if episodes:
        for row in await connection.fetch(_STEPS, list(episodes)):
            known.setdefault(row["episode_id"].bytes, {})[row["step"]] = (row["priority"], row["severity"])
    rows = [row for alert, kind in _worth_telling(alerts, known) for row in _rows(alert, kind, channels)]
    if rows:
        await connection.executemany(INSERT, rows)
    return len(rows)


def _worth_telling(
    alerts: Sequence[pb.AlertEvent], known: Mapping[bytes, Steps]
) -> Iterable[tuple[pb.AlertEvent, str]]:
    notified = {episode: dict(steps) for episode, steps in known.items()}
    for alert in alerts:
        if alert.phase == pb.ALERT_PHASE_SUPPRESSED:
            continue
        steps = notified.setdefault(alert.episode_id, {})
        rank = alert.priority, alert.severity
        before = max((r for step, r in steps.items() if step < alert.step), default=None)
        if alert.phase == pb.ALERT_PHASE_END:
            yield alert, "resolved"
        elif alert.phase == pb.ALERT_PHASE_UPDATE and before is not None:
            if rank > before:
                steps[alert.step] = rank
                yield alert, "escalation"
        else:  # a START; or an UPDATE whose beginning was never seen here, or a phase unknown here: better told
            steps[alert.step] = rank
            yield alert, "alarm"


def _rows(alert: pb.AlertEvent, kind: str, channels: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    header, context = alert.header, alert.context
    patient = header.patient_id or context.patient_id
    text = alarm_text(alert, kind)
    urgent = kind != "resolved" and bypasses(alert)
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
        )


def bypasses(alert: pb.AlertEvent) -> bool:
    """HIGH never asks the limiter, nor does a priority this version does not know."""
    return alert.priority not in (pb.PRIORITY_LOW, pb.PRIORITY_MEDIUM) or alert.severity >= pb.SEVERITY_CRITICAL
