"""What people do with an incident is done to the alarm's signal too: a control for the rules engine, by the outbox.

The engine answers with a step whose actor is the same person; by then the incident is acknowledged, so that step
changes nothing, and no control is made from steps: there is no loop.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from vigil import controls
from vigil.pb import events_pb2 as pb
from vigil.runtime.outbox import OutboxRecord


async def acknowledge(connection: Any, row: Mapping[str, Any], actor: str, reason: str) -> None:
    """Notes, in the caller's transaction, that the episode's signal is acknowledged; nothing for one that is over."""
    if row["presence"] == "off" or not (row["patient_id"] or row["device_id"]):
        return
    made = controls.control(
        "acknowledge",
        patient_id=row["patient_id"] or "",
        device_id=row["device_id"] or "",
        episode_id=row["incident_id"].bytes,
        actor=actor,
        reason=reason,
        idempotency_key=f"incident:{row['incident_id']}:{row['version']}",
    )
    await connection.execute(
        "INSERT INTO outbox (event_id, control) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        uuid.UUID(bytes=made.event_id),
        made.SerializeToString(),
    )


def record_of(row: Any, partitions: int) -> OutboxRecord:
    """The control among the observations of whom it concerns."""
    to = controls.record_of(pb.Control.FromString(row["control"]), partitions)
    return OutboxRecord(to.topic, to.partition, to.key, to.value)
