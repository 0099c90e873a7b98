"""Devices."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.registry import keys
from services.registry.bodies import DeviceChange, DevicePage, NewDevice, content
from services.registry.store import rows
from services.registry.store.changes import record
from services.registry.store.rows import Registered, Row
from vigil.pb import events_pb2
from vigil.runtime.problem import not_found
from vigil.store import pages

_SELECT = (
    "d.device_id, d.device_type, d.status, d.key_sha256 IS NOT NULL AS has_key, d.metadata, d.registered_at, "
    "d.updated_at, l.patient_id, l.from_at"
)
_FROM = (
    "devices d LEFT JOIN links l ON l.device_id = d.device_id AND l.from_at <= now() "
    "AND (l.to_at IS NULL OR l.to_at > now())"
)


def to_json(row: Any, key: str | None = None) -> Row:
    """A device as the routes answer; `key` only in the answer that made it."""
    out = {
        "deviceId": row["device_id"],
        "deviceType": row["device_type"],
        "patientId": row["patient_id"],
        "linkedFrom": row["from_at"],
        "status": row["status"],
        "hasKey": row["has_key"],
        "metadata": row["metadata"],
        "registeredAt": row["registered_at"],
        "updatedAt": row["updated_at"],
    }
    return out | ({"key": key} if key else {})


async def register(
    connection: Any, bodies: Sequence[NewDevice], trace_id: bytes, *, many: bool
) -> tuple[dict[str, str], Registered]:
    """Registers; returns the keys that were made for new devices."""
    now = datetime.now(UTC)
    made: dict[str, str] = {}
    wanted = []
    for body in bodies:
        key = body.key
        if body.generate_key:
            key = made.setdefault(body.device_id, keys.new_key())
        wanted.append(
            {
                "device_id": body.device_id,
                "device_type": body.device_type,
                "status": body.status,
                "key_sha256": rows.hexed(keys.digest(key)) if key else None,
                "metadata": body.metadata,
                "content_sha256": rows.hexed(content(body)),
                "registered_at": now,
                "updated_at": now,
            }
        )
    done = await rows.register(connection, "devices", "device_id", "deviceId", wanted, many=many)
    new = sorted(done.created)
    # Somebody may remember that these were unknown.
    await record(
        connection, events_pb2.REGISTRY_ENTITY_DEVICE, new, trace_id, key=f"device:{new[0]}" if len(new) == 1 else None
    )
    return {device_id: key for device_id, key in made.items() if device_id in done.created}, done


async def get(connection: Any, device_id: str) -> Any:
    """The row with the patient it is on now; 404 when there is none."""
    row = await connection.fetchrow(f"SELECT {_SELECT} FROM {_FROM} WHERE d.device_id = $1", device_id)  # noqa: S608
    if row is None:
        raise not_found("deviceId", "device")
    return row


async def page(connection: Any, wanted: DevicePage) -> tuple[list[Row], int]:
    """Devices, ordered by id."""
    filters = [
        ("d.status = {}", wanted.status),
        ("d.device_type = {}", wanted.device_type),
        ("l.patient_id = {}", wanted.patient_id),
    ]
    found, total = await pages.page(connection, _SELECT, _FROM, "d.device_id", filters, wanted.limit, wanted.offset)
    return [to_json(row) for row in found], total


async def change(connection: Any, device_id: str, body: DeviceChange, trace_id: bytes) -> Row:
    """Changes what is given and notes it; returns the device, with a key that was made now."""
    given = body.model_fields_set
    key = keys.new_key() if body.generate_key else body.key
    changes: dict[str, Any] = {}
    if "status" in given and body.status is not None:
        changes["status"] = body.status
    if "metadata" in given:
        changes["metadata"] = body.metadata or {}
    if "key" in given or body.generate_key:
        changes["key_sha256"] = keys.digest(key) if key else None
    await get(connection, device_id)
    assignments = "".join(f"{name} = ${i}, " for i, name in enumerate(changes, 2))
    await connection.execute(
        f"UPDATE devices SET {assignments}updated_at = now() WHERE device_id = $1",  # noqa: S608
        device_id,
        *changes.values(),
    )
    await record(connection, events_pb2.REGISTRY_ENTITY_DEVICE, [device_id], trace_id, key=f"device:{device_id}")
    return to_json(await get(connection, device_id), key if body.generate_key else None)
