"""Incidents in PostgreSQL: what the sink writes and what the routes read and change."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.incident_service import lifecycle, outbox, suppressions
from services.incident_service.episodes import Step, fold, opened, step_of
from vigil.pb import events_pb2 as pb
from vigil.store import pages

_OPENED = lifecycle.SystemAction("open", lifecycle.OPEN, "the alarm was raised")
_RESUMED = lifecycle.SystemAction("open", lifecycle.OPEN, "the alarm was raised when its suppression ended")


async def store_alerts(connection: Any, alerts: Sequence[pb.AlertEvent]) -> list[tuple[str, int]]:
    """Stores a batch in the caller's transaction; what is known already changes nothing. Returns counts.

    0. suppress what nobody was told of is kept apart and opens nothing
    1. open     an incident for every episode that has none
    2. lock     the incidents of the batch, in one order for all consumers
    3. insert   the steps; one that is there already comes back from nobody, and counts for nothing
    4. fold     the new steps into each incident
    """
    now = datetime.now(UTC)
    told = [alert for alert in alerts if alert.phase != pb.ALERT_PHASE_SUPPRESSED]
    untold = [alert for alert in alerts if alert.phase == pb.ALERT_PHASE_SUPPRESSED]
    suppressed = await suppressions.store(connection, untold, now)
    steps = {step.event_id: step for step in (step_of(alert, now) for alert in told)}
    created = await _open(connection, list(steps.values()), now)
    locked = await connection.fetch(
        "SELECT * FROM incidents WHERE incident_id = ANY($1) ORDER BY incident_id FOR UPDATE",
        list({step.incident_id for step in steps.values()}),
    )
    fresh = await _insert(connection, list(steps.values()), now)
    await _fold(connection, locked, fresh, created, now)
    return [
        ("alert_stored", len(fresh)),
        ("alert_repeated", len(alerts) - len(fresh) - suppressed),
        ("incident_opened", len(created)),
        *([("alert_suppressed", suppressed)] if suppressed else []),
    ]


async def _open(connection: Any, steps: Sequence[Step], now: datetime) -> dict[uuid.UUID, lifecycle.SystemAction]:
    first: dict[uuid.UUID, Step] = {}
    for step in steps:
        if step.incident_id not in first or step.step < first[step.incident_id].step:
            first[step.incident_id] = step
    rows = await connection.fetch(
        "INSERT INTO incidents SELECT * FROM json_populate_recordset(NULL::incidents, $1) "
        "ON CONFLICT DO NOTHING RETURNING incident_id",
        [opened(first[incident_id], now) for incident_id in sorted(first)],
    )
    resumed = pb.ALERT_CAUSE_RESUMED
    return {
        row["incident_id"]: _RESUMED if first[row["incident_id"]].message.cause == resumed else _OPENED for row in rows
    }


async def _insert(connection: Any, steps: Sequence[Step], now: datetime) -> list[Step]:
    rows = await connection.fetch(
        "INSERT INTO incident_steps SELECT * FROM json_populate_recordset(NULL::incident_steps, $1) "
        "ON CONFLICT DO NOTHING RETURNING event_id",
        [{name: value for name, value in s._asdict().items() if name != "message"} | {"stored_at": now} for s in steps],
    )
    stored = {row["event_id"] for row in rows}
    return [step for step in steps if step.event_id in stored]


async def _fold(
    connection: Any,
    rows: Sequence[Any],
    steps: Sequence[Step],
    created: Mapping[uuid.UUID, lifecycle.SystemAction],
    now: datetime,
) -> None:
    by_incident: dict[uuid.UUID, list[Step]] = {}
    for step in steps:
        by_incident.setdefault(step.incident_id, []).append(step)
    updates, notes = [], []
    for row in rows:
        fresh = by_incident.get(row["incident_id"])
        if not fresh:
            continue
        folded, actions = fold(dict(row), fresh, now)
        former, owner, version = row["status"], row["owner"], row["version"]
        opening = created.get(row["incident_id"])
        for action in [*([opening] if opening else []), *actions]:
            version += 1
            before = None if action is opening else former
            owned = folded["owner"] if action.action == "acknowledge" else owner
            notes.append((row["incident_id"], now, action.actor, action.action, before, action.status,
                          owner, owned, action.note, version))  # fmt: skip
            former, owner = action.status, owned
        updates.append(folded | {"version": max(version, row["version"] + 1)})
    await _update(connection, updates)
    await _note(connection, notes)


async def _update(connection: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(rows[0], 1))
        await connection.executemany(
            f"UPDATE incidents SET {assignments} WHERE incident_id = ${len(rows[0]) + 1}",  # noqa: S608
            [(*row.values(), row["incident_id"]) for row in rows],
        )


async def _note(connection: Any, notes: Sequence[tuple[Any, ...]]) -> None:
    await connection.executemany(
        "INSERT INTO incident_history (incident_id, at, actor, action, from_status, to_status, from_owner, to_owner, "
        "note, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        notes,
    )


# People -------------------------------------------------------------------------------------------


async def get(connection: Any, incident_id: uuid.UUID, *, lock: bool = False) -> Any:
    """The row, or None."""
    select = "SELECT * FROM incidents WHERE incident_id = $1"
    return await connection.fetchrow(f"{select} FOR UPDATE" if lock else select, incident_id)


async def act(connection: Any, row: Any, action: str, actor: str, assignee: str | None, note: str | None) -> Any:
    """A person's action on a locked row. Raises `lifecycle.Illegal`. Returns the changed row.

    Acknowledging an incident acknowledges the alarm's signal too, through the outbox."""
    now = datetime.now(UTC)
    before = lifecycle.Standing(row["status"], row["owner"])
    after = lifecycle.act(before, action, actor, assignee)
    changed = dict(row) | {
        "status": after.status,
        "owner": after.owner,
        "version": row["version"] + 1,
        "updated_at": now,
        "acknowledged_at": now if action == "acknowledge" else row["acknowledged_at"],
        "resolved_at": now if action == "resolve" else row["resolved_at"],
    }
    await _update(connection, [changed])
    entry = (row["incident_id"], now, actor, action, before.status, after.status, before.owner, after.owner, note)
    await _note(connection, [(*entry, changed["version"])])
    if action == "acknowledge":
        await outbox.acknowledge(connection, changed, actor, note or "")
    return changed


async def history(connection: Any, incident_id: uuid.UUID) -> list[Any]:
    """Every action, in order."""
    select = "SELECT * FROM incident_history WHERE incident_id = $1 ORDER BY id"
    return list(await connection.fetch(select, incident_id))


async def steps(connection: Any, incident_id: uuid.UUID) -> list[Any]:
    """Every step of the episode, in order."""
    select = "SELECT * FROM incident_steps WHERE incident_id = $1 ORDER BY step, stored_at, event_id"
    return list(await connection.fetch(select, incident_id))


async def page(connection: Any, filters: Sequence[tuple[str, Any]], limit: int, offset: int) -> tuple[list[Any], int]:
    """Incidents, the newest alarm first, and how many there are in all. A filter is a column and its value."""
    ours = [(f"{column} = {{}}", value) for column, value in filters]
    return await pages.page(connection, "*", "incidents", "raised_at DESC, incident_id", ours, limit, offset)
