"""Wires the incident service: alerts.raised into PostgreSQL, the REST edge, and what people do back to the alarms."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from services.incident_service.outbox import record_of
from services.incident_service.routes import application
from services.incident_service.store import store_alerts
from vigil import topology
from vigil.pb import events_pb2
from vigil.runtime.metrics import LATENCY_SECONDS
from vigil.runtime.outbox import Relay
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.rest import serve
from vigil.runtime.service import Service, run
from vigil.runtime.sink import Sink, decode_alert
from vigil.store import postgres

NAME = "incident-service"
MIGRATIONS = Path(__file__).parent / "migrations"


async def _handle(connection: Any, alerts: list[events_pb2.AlertEvent]) -> list[tuple[str, int]]:
    counts = await store_alerts(connection, alerts)
    now_us = time.time_ns() // 1000
    for alert in alerts:
        if alert.header.ingest_time_us:
            LATENCY_SECONDS.labels(NAME).observe(max(0.0, (now_us - alert.header.ingest_time_us) / 1e6))
    return counts


async def start(service: Service) -> None:
    """Connects, migrates, follows the alerts, relays controls and opens the REST edge."""
    settings = service.settings
    pool = await postgres.connect(service, MIGRATIONS)
    log = await connect_bus(service)
    to_record = partial(record_of, partitions=settings.bus_partitions)
    relay = Relay(NAME, pool, log, to_record, settings.bus_timeout_s, service.health)
    relay.start()
    service.on_drain("outbox", relay.stop)
    service.serve_asgi(serve(application(pool, relay.wake)))
    run_stage(service, log, [topology.ALERTS], Sink(NAME, pool, decode_alert, _handle))


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
