"""The transactional outbox: what must reach the log is written beside the change itself, and relayed from there.

    relay = Relay(service.name, pool, log, record_of, settings.bus_timeout_s, service.health)
    relay.start()
    ... # in a transaction: INSERT INTO outbox …; after it: relay.wake()

A table `outbox` has at least `id`, `event_id`, `created_at` and `sent_at` (null until the log has it); `record_of`
turns a row into the record. A row is marked only when the log has acknowledged it, so after a crash it may be sent
again: its event id tells the repetition.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from vigil.bus.port import Bus, Producer
from vigil.runtime import metrics
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.store.postgres import is_away

BATCH_MAX = 500
IDLE_S = 1.0
KEEP = "1 day"
_log = logging.getLogger(__name__)
_UNSENT = "SELECT * FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"


class OutboxRecord(NamedTuple):
    """A row as a record of the log."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class Relay:
    """Publishes what the outbox holds; several replicas share the work. While the log is away it waits."""

    def __init__(
        self,
        stage: str,
        pool: Any,
        bus: Bus,
        record_of: Callable[[Any], OutboxRecord],
        timeout_s: float,
        health: Health,
    ) -> None:
        self._stage, self._pool, self._bus, self._record_of = stage, pool, bus, record_of
        self._timeout_s, self._health = timeout_s, health
        self._awake = asyncio.Event()
        self._stopping = False
        self._producer: Producer | None = None
        self._task: asyncio.Task[None] | None = None
        self._tidied_at = 0.0

    def start(self) -> None:
        """Starts relaying."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Something was just written."""
        self._awake.set()

    async def stop(self) -> None:
        """Sends what is there, then ends."""
        self._stopping = True
        self._awake.set()
        if self._task is not None:
            await self._task
        if self._producer is not None:
            await asyncio.to_thread(self._producer.close)

    async def _run(self) -> None:
        pause = 0.1
        while True:
            self._awake.clear()
            try:
                while await self._relay_some():
                    pass
                await self._tidy()
            except Exception as error:
                code = getattr(error, "error_code", "store_unavailable" if is_away(error) else "internal")
                metrics.ERRORS.labels(self._stage, code).inc()
                self._health.mark("outbox", f"what was written is not published: {code}")
                log(_log, logging.WARNING, "outbox_waits", error_code=code, reason=f"{type(error).__name__}: {error}")
                pause = min(pause * 2, 5.0)
            else:
                self._health.mark("outbox", None)
                pause = 0.1
            if self._stopping:
                return
            try:
                await asyncio.wait_for(self._awake.wait(), IDLE_S if pause == 0.1 else pause)
            except TimeoutError:
                continue

    async def _relay_some(self) -> bool:
        """One batch; whether there may be more."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_UNSENT, BATCH_MAX)
            if rows:
                await asyncio.to_thread(self._publish, rows)
                sent = [row["id"] for row in rows]
                await connection.execute("UPDATE outbox SET sent_at = now() WHERE id = ANY($1)", sent)
        return len(rows) == BATCH_MAX

    def _publish(self, rows: list[Any]) -> None:
        """Called from a worker thread; returns when the log has all of it."""
        self._producer = self._producer or self._bus.producer()
        for row in rows:
            record = self._record_of(row)
            self._producer.send(record.topic, record.partition, record.value, key=record.key)
        self._producer.flush(self._timeout_s)

    async def _tidy(self) -> None:
        """Forgets what was sent long ago, now and then."""
        if time.monotonic() - self._tidied_at > 600:
            self._tidied_at = time.monotonic()
            await self._pool.execute(f"DELETE FROM outbox WHERE sent_at < now() - interval '{KEEP}'")  # noqa: S608
