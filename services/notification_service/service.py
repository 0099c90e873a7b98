"""Wires alerts.raised to stored notifications, and the workers that send them."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from services.notification_service import channels
from services.notification_service.dispatcher import Dispatcher
from services.notification_service.intake import store
from services.notification_service.limiter import Limiter
from services.notification_service.limits import decide_due
from services.notification_service.routes import application
from services.notification_service.workers import Workers
from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.pb import events_pb2 as pb
from vigil.runtime.metrics import LATENCY_SECONDS
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.rest import serve
from vigil.runtime.service import Service, run
from vigil.runtime.sink import Sink, decode_alert
from vigil.runtime.stage import Outcome
from vigil.store import postgres

NAME = "notification-service"
MIGRATIONS = Path(__file__).with_name("migrations")


class Intake(Sink[pb.AlertEvent]):
    """Stores notifications; then, not before they are committed, wakes the workers."""

    def __init__(self, pool: Any, channel_names: Sequence[str], workers: Workers) -> None:
        async def handle(connection: Any, alerts: list[pb.AlertEvent]) -> list[tuple[str, int]]:
            stored = await store(connection, alerts, channel_names)
            now_us = time.time_ns() // 1000
            for alert in alerts:
                LATENCY_SECONDS.labels(NAME).observe(max(0.0, (now_us - alert.header.ingest_time_us) / 1e6))
            return [("notification", stored)]

        super().__init__(NAME, pool, decode_alert, handle)
        self._workers = workers

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """One transaction."""
        outcome = super().process(position, records)
        self._loop.call_soon_threadsafe(self._workers.wake)
        return outcome


async def start(service: Service) -> None:
    """Connects PostgreSQL, Redis and the log; starts the workers, the routes and the stage."""
    settings = service.settings
    pool = await postgres.connect(service, MIGRATIONS)
    rate, burst = settings.notification_rate_per_minute, settings.notification_burst
    limiter = Limiter(settings.redis(), settings.bus_prefix, rate, burst)
    service.on_drain("limiter", limiter.close)
    log = await connect_bus(service)
    configured = channels.configured(settings)
    dispatcher, workers = Dispatcher(pool, settings), Workers(service.health)

    async def stop() -> None:
        await workers.stop()
        await asyncio.gather(*(channel.close() for channel in configured))

    service.on_drain("workers", stop)

    async def decide() -> int:
        decided = await decide_due(pool, limiter)
        if decided:
            workers.wake()
        return decided

    workers.start("limits", decide)
    workers.start("backlog", dispatcher.count_backlog, pause_s=5.0)
    for channel in configured:
        workers.start(f"channel-{channel.name}", partial(dispatcher.send_due, channel))
    service.serve_asgi(serve(application(NAME, pool)))
    run_stage(service, log, [topology.ALERTS], Intake(pool, [channel.name for channel in configured], workers))


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
