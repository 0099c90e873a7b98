"""Low and medium notifications ask the limiter; what it refuses is held and later goes out as one digest.

Nothing is ever dropped: a notification is `pending`, then sent; or `held`, then `grouped` under a digest
that speaks for it. All of it is in PostgreSQL, so a restart goes on where the last process stopped.
"""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notification_service.intake import INSERT, notification_id
from services.notification_service.limiter import Limiter, Verdict
from services.notification_service.text import digest_text
from vigil.core import derive_id
from vigil.runtime.logs import log

_log = logging.getLogger(__name__)

_WHO = """
    SELECT DISTINCT limit_key FROM notification
    WHERE (status = 'held' OR (status = 'pending' AND limiter = 'undecided')) AND next_attempt_at <= clock_timestamp()
    LIMIT 200
"""
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('vigil.notification:' || $1, 0))"
_WAITING = """
    SELECT id, event_id, channel, kind, status, episode_id, step, priority, severity, limit_key, patient_id, device_id,
           ward, bed, title, event_time_us, roles, told_us, trace_id,
           next_attempt_at, next_attempt_at <= clock_timestamp() AS due
    FROM notification
    WHERE limit_key = $1 AND (status = 'held' OR (status = 'pending' AND limiter = 'undecided'))
    ORDER BY sequence FOR UPDATE
"""
# What became of an episode's own notifications on a channel, digests looked through.
_DELIVERY = """
    SELECT n.episode_id, n.channel,
           bool_or(coalesce(d.status, n.status) = 'sent') AS sent,
           bool_or(n.status = 'held') AS held,
           bool_or(coalesce(d.status, n.status) = 'pending') AS pending
    FROM notification n LEFT JOIN notification d ON d.id = n.group_id
    WHERE n.episode_id = ANY($1) AND n.kind NOT IN ('resolved', 'digest')
    GROUP BY n.episode_id, n.channel
"""
_RELEASE = """
    UPDATE notification SET status = 'pending', limiter = $2, reason = '',
           next_attempt_at = clock_timestamp() WHERE id = ANY($1)
"""
_HOLD = """
    UPDATE notification SET status = 'held', limiter = 'refused', reason = 'rate_limited',
           next_attempt_at = clock_timestamp() + make_interval(secs => $2) WHERE id = ANY($1)
"""
_JOIN = """
    UPDATE notification SET status = 'held', limiter = 'refused', reason = 'rate_limited',
           next_attempt_at = $2 WHERE id = ANY($1)
"""
_GROUP = """
    UPDATE notification SET status = 'grouped', group_id = $2 WHERE id = ANY($1)
"""
_LATER = """
    UPDATE notification SET next_attempt_at = clock_timestamp() + interval '1 s' WHERE id = ANY($1)
"""
_FORGET = "DELETE FROM notification WHERE id = ANY($1)"


async def decide_due(pool: Any, limiter: Limiter) -> int:
    """Decides what is due, once. Returns how many patients were looked at."""
    keys = [row["limit_key"] for row in await pool.fetch(_WHO)]
    for key in keys:
        async with pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_LOCK, key):
                await _decide(connection, limiter, key)
    return len(keys)


async def _decide(connection: Any, limiter: Limiter, key: str) -> None:
    rows = await connection.fetch(_WAITING, key)
    held = [row for row in rows if row["status"] == "held"]
    new = await _ready(connection, [row for row in rows if row["status"] != "held"])
    if not held:
        await _one_by_one(connection, limiter, key, new)
    elif not all(row["due"] for row in held):
        await connection.execute(_JOIN, _ids(new), max(row["next_attempt_at"] for row in held))
    else:
        decision = await limiter.ask(key)
        if decision.verdict is Verdict.REFUSED:
            await connection.execute(_HOLD, _ids(held + new), decision.wait_s)
        else:
            await _send_together(connection, held + new, decision.verdict)


async def _ready(connection: Any, new: list[Any]) -> list[Any]:
    """Leaves out what a resolution has to wait for, and forgets resolutions of what nobody heard of."""
    resolved = [row for row in new if row["kind"] == "resolved"]
    if not resolved:
        return new
    found = await connection.fetch(_DELIVERY, list({row["episode_id"] for row in resolved}))
    delivery = {(row["episode_id"], row["channel"]): row for row in found}
    later, unheard = [], []
    for row in resolved:
        alarm = delivery.get((row["episode_id"], row["channel"]))
        if alarm is None or not (alarm["sent"] or alarm["held"] or alarm["pending"]):
            unheard.append(row)
        elif not alarm["sent"] and not alarm["held"]:
            later.append(row)
    await connection.execute(_LATER, _ids(later))
    await connection.execute(_FORGET, _ids(unheard))
    left_out = {row["id"] for row in later + unheard}
    return [row for row in new if row["id"] not in left_out]


async def _one_by_one(connection: Any, limiter: Limiter, key: str, new: list[Any]) -> None:
    """Each event asks for itself (all its channels together); from the first refusal on, the rest is held."""
    events: dict[UUID, list[Any]] = {}
    for row in new:
        events.setdefault(row["event_id"], []).append(row)
    waiting = list(events.values())
    while waiting:
        decision = await limiter.ask(key)
        if decision.verdict is Verdict.REFUSED:
            await connection.execute(_HOLD, [i for rows in waiting for i in _ids(rows)], decision.wait_s)
            log(_log, logging.INFO, "notifications_held", events=len(waiting), wait_s=round(decision.wait_s, 3))
            return
        await connection.execute(_RELEASE, _ids(waiting.pop(0)), decision.verdict)


async def _send_together(connection: Any, rows: Sequence[Any], verdict: Verdict) -> None:
    """One digest a channel speaks for all its rows; a single row speaks for itself."""
    for channel in sorted({row["channel"] for row in rows}):
        members = [row for row in rows if row["channel"] == channel]
        if len(members) == 1:
            await connection.execute(_RELEASE, _ids(members), verdict)
            continue
        digest = _digest(members, channel, verdict)
        await connection.execute(INSERT, *digest)
        await connection.execute(_GROUP, _ids(members), digest[0])


def _digest(members: Sequence[Any], channel: str, verdict: Verdict) -> tuple[Any, ...]:
    first, last = members[0], members[-1]
    event_id = derive_id("notification-digest", [row["id"].bytes for row in members])
    priority = max(row["priority"] for row in members)
    place = [f"{label} {last[label]}" for label in ("bed", "ward") if last[label]]
    text = digest_text(
        ", ".join(place) or first["limit_key"].replace(":", " ", 1), [r["title"] for r in members], priority
    )
    return (
        notification_id(event_id, channel),
        UUID(bytes=event_id),
        channel,
        "digest",
        "pending",
        verdict.value,
        priority,
        max(row["severity"] for row in members),
        None,
        0,
        first["limit_key"],
        first["patient_id"],
        last["device_id"],
        last["ward"],
        last["bed"],
        "",
        "",
        text.title,
        text.body,
        max(row["event_time_us"] for row in members),
        sorted({role for row in members for role in row["roles"]}),
        max(row["told_us"] for row in members),
    )


def _ids(rows: Sequence[Any]) -> list[UUID]:
    return [row["id"] for row in rows]
