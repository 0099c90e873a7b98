"""Wires telemetry.scored and alerts.raised to the roll-ups in PostgreSQL, and the /stats routes to these."""

import asyncio
from dataclasses import replace
from pathlib import Path

from services.analytics.processor import Count, warm_up
from services.analytics.routes import application
from vigil import topology
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.rest import serve
from vigil.runtime.service import Service, run
from vigil.store import postgres

NAME = "analytics"
MIGRATIONS = Path(__file__).with_name("migrations")


async def start(service: Service) -> None:
    """Compiles the kernels, connects PostgreSQL and the log; starts the routes and the stage."""
    settings = service.settings
    await asyncio.to_thread(warm_up)
    pool = await postgres.connect(service, MIGRATIONS)
    log = await connect_bus(service)
    service.serve_asgi(serve(application(NAME, pool)))
    topics = [topology.SCORED, topology.ALERTS]
    # Roll-ups are written before each commit, so the interval of the commits is the interval of the writes.
    interval = replace(settings, commit_interval_ms=settings.analytics_flush_ms)
    run_stage(service, log, topics, Count(NAME, pool), interval)


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
