"""Hubs: senders with a key that stands for many devices."""

from datetime import UTC, datetime
from typing import Any

from services.registry import keys
from services.registry.bodies import HubChange, NewHub, content
from services.registry.store import rows
from services.registry.store.changes import record_hub
from services.registry.store.rows import Row
from vigil.runtime.problem import FieldError, Problem, not_found
from vigil.runtime.schema import Page
from vigil.store import pages


def to_json(row: Any, key: str | None = None) -> Row:
    """A hub as the routes answer; `key` only in the answer that made it."""
    out = {
        "hubId": row["hub_id"],
        "status": row["status"],
        "metadata": row["metadata"],
        "registeredAt": row["registered_at"],
        "updatedAt": row["updated_at"],
    }
    return out | ({"key": key} if key else {})


async def register(connection: Any, body: NewHub, trace_id: bytes) -> tuple[Row, bool]:
    """Registers a hub; returns it and whether it is new."""
    key = body.key or keys.new_key()
    now = datetime.now(UTC)
    row = {
        "hub_id": body.hub_id,
        "key_sha256": rows.hexed(keys.digest(key)),
        "status": "active",
        "metadata": body.metadata,
        "content_sha256": rows.hexed(content(body)),
        "registered_at": now,
        "updated_at": now,
    }
    taken = "SELECT 1 FROM hubs WHERE key_sha256 = $1 AND hub_id <> $2"
    if await connection.fetchval(taken, keys.digest(key), body.hub_id):
        error = FieldError("key", "conflict", "another hub has this key")
        raise Problem(409, "conflict", "another hub has this key", [error])
    done = await rows.register(connection, "hubs", "hub_id", "hubId", [row], many=False)
    is_new = body.hub_id in done.created
    if is_new:
        await record_hub(connection, body.hub_id, trace_id)
    return to_json(await get(connection, body.hub_id), key if is_new and body.generate_key else None), is_new


async def get(connection: Any, hub_id: str) -> Any:
    """The row; 404 when there is none."""
    row = await connection.fetchrow("SELECT * FROM hubs WHERE hub_id = $1", hub_id)
    if row is None:
        raise not_found("hubId", "hub")
    return row


async def page(connection: Any, wanted: Page) -> tuple[list[Row], int]:
    """Hubs, ordered by id."""
    found, total = await pages.page(connection, "*", "hubs", "hub_id", [], wanted.limit, wanted.offset)
    return [to_json(row) for row in found], total


async def change(connection: Any, hub_id: str, body: HubChange, trace_id: bytes) -> Row:
    """Revokes or re-admits, and notes it."""
    await get(connection, hub_id)
    await connection.execute("UPDATE hubs SET status = $2, updated_at = now() WHERE hub_id = $1", hub_id, body.status)
    await record_hub(connection, hub_id, trace_id)
    return to_json(await get(connection, hub_id))
