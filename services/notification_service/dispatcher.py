"""Sends what is pending: one worker a channel, so that a failing channel holds up no other.

A claim is a lease in PostgreSQL: a process that dies while sending loses it, and the notification is sent
again (the receiver knows it by its id). The most urgent goes first.
"""

import asyncio
import logging
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from services.notification_service.channels import Channel, DeliveryError
from vigil.runtime.logs import log
from vigil.scalars import priority_name
from vigil.settings import Settings

_log = logging.getLogger(__name__)

DELIVERIES = Counter("vigil_notification_deliveries", "Attempts by result", ["channel", "priority", "result"])
BACKLOG = Gauge("vigil_notification_backlog", "Notifications by status", ["channel", "status"])
DELAY_SECONDS = Histogram(
    "vigil_notification_delay_seconds",
    "From storing to delivery",
    ["channel", "priority"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)

# The outer order matters: what an UPDATE returns has none.
_CLAIM = """
    WITH claimed AS (
        UPDATE notification n
        SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $3)
        FROM (
            SELECT id, next_attempt_at AS due_at FROM notification
            WHERE channel = $1 AND status = 'pending' AND limiter <> 'undecided'
              AND next_attempt_at <= clock_timestamp()
            ORDER BY priority DESC, next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ) due
        WHERE n.id = due.id
        RETURNING n.*, due.due_at
    )
    SELECT * FROM claimed ORDER BY priority DESC, due_at
"""
_SENT = """
    UPDATE notification
    SET status = 'sent', sent_at = clock_timestamp(), reason = ''
    WHERE id = $1
    RETURNING extract(epoch FROM sent_at - created_at)::float8
"""
# Of this claim only: when it ran out, another one may have sent it meanwhile.
_NOT_SENT = """
    UPDATE notification
    SET status = $2, reason = $3, next_attempt_at = clock_timestamp() + make_interval(secs => $4)
    WHERE id = $1 AND status = 'pending' AND attempts = $5
"""
_BACKLOG = """
    SELECT channel, status, count(*) AS number FROM notification
    WHERE status IN ('pending', 'held') GROUP BY channel, status
"""
_CLAIMS_MAX = 16
_LEASE_S = 30.0  # beyond the channels' own deadline


class Dispatcher:
    """Sends what is due on a channel, and counts what waits."""

    def __init__(self, pool: Any, settings: Settings) -> None:
        self._pool, self._settings = pool, settings

    async def send_due(self, channel: Channel) -> int:
        """Claims and sends the most urgent; returns how many were tried."""
        lease_s = _LEASE_S + self._settings.notification_webhook_timeout_s
        claimed = await self._pool.fetch(_CLAIM, channel.name, _CLAIMS_MAX, lease_s)
        await asyncio.gather(*(self._send(channel, row) for row in claimed))
        return len(claimed)

    async def _send(self, channel: Channel, row: Any) -> None:
        priority = priority_name(row["priority"])
        try:
            await channel.send(row)
        except DeliveryError as error:
            await self._not_sent(channel, row, priority, str(error))
        except Exception as error:  # a defect of ours must not stop the channel either
            _log.exception("channel_defect", extra={"fields": {"channel": channel.name, "id": str(row["id"])}})
            await self._not_sent(channel, row, priority, type(error).__name__)
        else:
            delay_s = await self._pool.fetchval(_SENT, row["id"])
            DELIVERIES.labels(channel.name, priority, "sent").inc()
            DELAY_SECONDS.labels(channel.name, priority).observe(delay_s)

    async def _not_sent(self, channel: Channel, row: Any, priority: str, reason: str) -> None:
        """Tries again after a growing pause; after the last attempt it stays visible as failed."""
        settings, attempts = self._settings, row["attempts"]
        last = attempts >= settings.notification_attempts_max
        pause_s = min(
            settings.notification_retry_base_s * 2 ** min(attempts - 1, 30), settings.notification_retry_max_s
        )
        await self._pool.execute(_NOT_SENT, row["id"], "failed" if last else "pending", reason, pause_s, attempts)
        DELIVERIES.labels(channel.name, priority, "failed" if last else "retried").inc()
        level = logging.ERROR if last else logging.WARNING
        event = "notification_failed" if last else "notification_retried"
        log(_log, level, event, channel=channel.name, id=str(row["id"]), attempts=attempts, reason=reason)

    async def count_backlog(self) -> int:
        """Shows what waits as metrics."""
        rows = await self._pool.fetch(_BACKLOG)
        BACKLOG.clear()
        for row in rows:
            BACKLOG.labels(row["channel"], row["status"]).set(row["number"])
        return 0
