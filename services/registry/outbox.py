"""The relay: from the outbox to registry.changes, marked as sent only when the log has it."""

import asyncio
import logging
import time
from typing import Any

from vigil import core, topology
from vigil.bus.port import Bus, Producer
from vigil.pb import events_pb2
from vigil.runtime import metrics
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.store.postgres import is_away

BATCH_MAX = 500
IDLE_S = 1.0
KEEP = "1 day"
_log = logging.getLogger(__name__)
_UNSENT = (
    "SELECT id, event_id, entity, key, patient_id, device_ids, trace_id, created_at FROM outbox "
    "WHERE sent_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"
)


def to_change(row: Any) -> events_pb2.RegistryChange:
    """The event of an outbox row; its id is the row's, so that a repetition is recognised."""
    device_ids = row["device_ids"]
    changed_us = int(row["created_at"].timestamp() * 1e6)
    return events_pb2.RegistryChange(
        header=events_pb2.Header(
            event_id=row["event_id"].bytes,
            trace_id=row["trace_id"],
            event_type=events_pb2.EVENT_TYPE_REGISTRY_CHANGE,
            version=1,
            event_time_us=changed_us,
            ingest_time_us=changed_us,
            process_time_us=time.time_ns() // 1000,
            device_id=device_ids[0] if len(device_ids) == 1 else "",
            patient_id=row["patient_id"],
        ),
        entity=row["entity"],
        patient_id=row["patient_id"],
        device_ids=device_ids,
    )


class Relay:
    """Publishes what the outbox holds; several replicas share the work. While the log is away it waits."""

    def __init__(self, pool: Any, bus: Bus, partitions: int, timeout_s: float, health: Health) -> None:
        self._pool, self._bus, self._health = pool, bus, health
        self._partitions, self._timeout_s = partitions, timeout_s
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
                metrics.ERRORS.labels("registry", code).inc()
                self._health.mark("outbox", f"changes are not published: {code}")
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
            key = row["key"]
            self._producer.send(
                topology.REGISTRY_CHANGES,
                core.partition_of(key, self._partitions),
                to_change(row).SerializeToString(),
                key=key.encode(),
            )
        self._producer.flush(self._timeout_s)

    async def _tidy(self) -> None:
        """Forgets what was sent long ago, now and then."""
        if time.monotonic() - self._tidied_at > 600:
            self._tidied_at = time.monotonic()
            await self._pool.execute(f"DELETE FROM outbox WHERE sent_at < now() - interval '{KEEP}'")  # noqa: S608
