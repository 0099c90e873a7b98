"""The outbox: what others must look up again, written in the same transaction as the change itself."""

import uuid
from collections.abc import Sequence
from typing import Any

from vigil.pb import events_pb2

DEVICES_MAX = 500
"""Devices of one change event; a bulk is split."""


async def record(
    connection: Any,
    entity: int,
    device_ids: Sequence[str],
    trace_id: bytes,
    *,
    key: str | None = None,
    patient_id: str = "",
) -> None:
    """Notes that the contexts of `device_ids` change. Nothing is noted where no device is concerned.

    `key` is the entity's kind and id (`patient:p-1`): a later change with the same key concerns at least the
    same devices, so compaction may drop the earlier one. A bulk has a key of its own.
    """
    groups = [device_ids[i : i + DEVICES_MAX] for i in range(0, len(device_ids), DEVICES_MAX)]
    keys = [key if key is not None and len(groups) == 1 else f"bulk:{uuid.uuid4()}" for _ in groups]
    if groups:
        await connection.executemany(
            "INSERT INTO outbox (entity, key, patient_id, device_ids, trace_id) VALUES ($1, $2, $3, $4, $5)",
            [(entity, k, patient_id, list(group), trace_id) for k, group in zip(keys, groups, strict=True)],
        )


async def record_hub(connection: Any, hub_id: str, trace_id: bytes) -> None:
    """Notes that a hub's key came, or counts no more: that concerns every device."""
    await connection.execute(
        "INSERT INTO outbox (entity, key, patient_id, device_ids, trace_id) VALUES ($1, $2, '', '{}', $3)",
        events_pb2.REGISTRY_ENTITY_HUB,
        f"hub:{hub_id}",
        trace_id,
    )


async def devices_of(connection: Any, patient_ids: Sequence[str]) -> list[str]:
    """Every device that is or was linked to these patients: late observations need the new context too."""
    rows = await connection.fetch(
        "SELECT DISTINCT device_id FROM links WHERE patient_id = ANY($1) ORDER BY device_id", list(patient_ids)
    )
    return [row["device_id"] for row in rows]
