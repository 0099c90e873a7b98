"""Wires telemetry.scored and alerts.raised to the roll-ups in PostgreSQL, and the /stats routes to these."""

import asyncio
from dataclasses import replace
from pathlib import Path

from services.analytics.drift import Reference, publish
from services.analytics.drift_routes import add_drift
from services.analytics.processor import Count, warm_up
from services.analytics.references import References
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
    references = await asyncio.to_thread(References, settings.model_file, settings.model_dir)
    await asyncio.to_thread(warm_up, references)
    pool = await postgres.connect(service, MIGRATIONS)
    bus = await connect_bus(service)
    app = application(NAME, pool)

    def newest() -> Reference:
        return references.newest

    add_drift(app, pool, newest)
    service.serve_asgi(serve(app))
    topics = [topology.SCORED, topology.ALERTS]
    # Roll-ups are written before each commit, so the interval of the commits is the interval of the writes.
    interval = replace(settings, commit_interval_ms=settings.analytics_flush_ms)
    run_stage(service, bus, topics, Count(NAME, pool, references), interval)
    publishing = asyncio.create_task(publish(pool, newest))

    async def stop() -> None:
        publishing.cancel()

    service.on_drain("drift", stop)


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
