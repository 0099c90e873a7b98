"""Alarm episodes from alerts: when raised, how long, how urgent at worst, what people did about them, or that nobody
was told. Idempotent by alert event id."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.analytics.columns import storable
from vigil.pb import events_pb2 as pb

# One statement an alert: the step counts only if it is new. Steps may come in any order.
_STEP = """
    WITH fresh AS (
        INSERT INTO alarm_step (event_id, episode_id, phase) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1
    )
    INSERT INTO alarm AS kept (episode_id, patient_id, device_id, ward, rule_id, alert_type, kind, sign, priority,
                               severity, started_us, ended_us, updates, raised, suppressed, re_alarms, escalations,
                               sounded_us, acknowledged_us)
    SELECT $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21 FROM fresh
    ON CONFLICT (episode_id) DO UPDATE SET
        ward = CASE WHEN kept.ward = '' THEN excluded.ward ELSE kept.ward END,
        sign = CASE WHEN kept.sign = 0 THEN excluded.sign ELSE kept.sign END,
        priority = greatest(kept.priority, excluded.priority),
        severity = greatest(kept.severity, excluded.severity),
        started_us = CASE WHEN kept.raised = excluded.raised THEN least(kept.started_us, excluded.started_us)
                          WHEN kept.raised THEN kept.started_us ELSE excluded.started_us END,
        ended_us = coalesce(excluded.ended_us, kept.ended_us),
        updates = kept.updates + excluded.updates,
        raised = kept.raised OR excluded.raised,
        suppressed = kept.suppressed OR excluded.suppressed,
        re_alarms = kept.re_alarms + excluded.re_alarms,
        escalations = kept.escalations + excluded.escalations,
        sounded_us = least(kept.sounded_us, excluded.sounded_us),
        acknowledged_us = least(kept.acknowledged_us, excluded.acknowledged_us)
"""


async def merge_alarms(connection: Any, alerts: Sequence[pb.AlertEvent]) -> None:
    """Merges alerts into their episodes, inside the caller's transaction."""
    if alerts:
        await connection.executemany(_STEP, [_row(alert) for alert in alerts])


def _row(alert: pb.AlertEvent) -> tuple[Any, ...]:
    header, condition = alert.header, alert.condition
    ended = alert.phase == pb.ALERT_PHASE_END
    suppressed = alert.phase == pb.ALERT_PHASE_SUPPRESSED
    given_us = header.ingest_time_us or None  # processing time of what caused the step
    return (
        UUID(bytes=header.event_id),
        UUID(bytes=alert.episode_id),
        alert.phase,
        storable(header.patient_id or alert.context.patient_id),
        storable(header.device_id),
        storable(alert.context.ward),
        storable(alert.rule_id),
        storable(alert.alert_type),
        alert.kind,
        next((e.sign for e in condition.evidence), 0),
        alert.priority,
        alert.severity,
        condition.raised_time_us or header.event_time_us,
        (condition.end_time_us or header.event_time_us) if ended else None,
        int(alert.phase == pb.ALERT_PHASE_UPDATE),
        not suppressed,
        suppressed,
        int(alert.cause in (pb.ALERT_CAUSE_RE_ALARM, pb.ALERT_CAUSE_RETURNED)),
        int(alert.cause == pb.ALERT_CAUSE_ESCALATED),
        given_us if alert.phase == pb.ALERT_PHASE_START else None,
        given_us if alert.cause == pb.ALERT_CAUSE_ACKNOWLEDGED else None,
    )
