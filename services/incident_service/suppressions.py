"""Alarms that nobody was told of: stored as they come, and listed. None of them opens an incident."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.incident_service.episodes import moment
from vigil import events, scalars
from vigil.pb import events_pb2 as pb
from vigil.store import pages


async def store(connection: Any, alerts: Sequence[pb.AlertEvent], now: datetime) -> int:
    """Stores in the caller's transaction; returns how many are new."""
    if not alerts:
        return 0
    stored = await connection.fetch(
        "INSERT INTO suppressions SELECT * FROM json_populate_recordset(NULL::suppressions, $1) "
        "ON CONFLICT DO NOTHING RETURNING 1",
        [_row(alert, now) for alert in alerts],
    )
    return len(stored)


def _row(alert: pb.AlertEvent, now: datetime) -> dict[str, Any]:
    header, context = alert.header, alert.context
    return {
        "event_id": uuid.UUID(bytes=header.event_id),
        "episode_id": uuid.UUID(bytes=alert.episode_id),
        "step": alert.step,
        "kind": scalars.kind_name(alert.kind),
        "alert_type": alert.alert_type,
        "priority": alert.priority,
        "severity": alert.severity,
        "patient_id": header.patient_id or None,
        "device_id": header.device_id or None,
        "ward": context.ward or None,
        "bed": context.bed or None,
        "rule_id": alert.rule_id,
        "rule_set_version": alert.rule_set_version,
        "rule_text": alert.rule_text or None,
        "message": alert.message,
        "suppressed_by": alert.suppressed_by or None,
        "actor": alert.actor or None,
        "reason": alert.reason or None,
        "until_at": moment(alert.until_us),
        "onset_at": moment(alert.condition.onset_time_us),
        "suppressed_at": moment(header.event_time_us) or now,
        "stored_at": now,
        "alert": events.alert(alert),
    }


_COLUMNS = "s.*, i.incident_id"
_FROM = "suppressions s LEFT JOIN incidents i ON i.incident_id = s.episode_id"


async def of_episode(connection: Any, episode_id: uuid.UUID) -> list[Any]:
    """The suppressions of one episode, in order."""
    select = f"SELECT {_COLUMNS} FROM {_FROM} WHERE s.episode_id = $1 ORDER BY s.step"  # noqa: S608
    return list(await connection.fetch(select, episode_id))


async def page(connection: Any, filters: Sequence[tuple[str, Any]], limit: int, offset: int) -> tuple[list[Any], int]:
    """Suppressions, the newest first, and how many there are in all. A filter is a column and its value."""
    ours = [(f"s.{column} = {{}}", value) for column, value in filters]
    return await pages.page(connection, _COLUMNS, _FROM, "s.suppressed_at DESC, s.event_id", ours, limit, offset)
