"""Wires telemetry.scored and alerts.raised to the roll-ups in PostgreSQL, and the /stats routes to these."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from services.analytics.drift import Reference, publish
from services.analytics.drift_routes import add_drift
from services.analytics.processor import Count, warm_up
from services.analytics.routes import application
from vigil import paths, topology
from vigil.model import ModelError
from vigil.model import manifest as manifests
from vigil.runtime.logs import log
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.rest import serve
from vigil.runtime.service import Service, run
from vigil.store import postgres

NAME = "analytics"
MIGRATIONS = Path(__file__).with_name("migrations")
_log = logging.getLogger(__name__)


async def start(service: Service) -> None:
    """Compiles the kernels, connects PostgreSQL and the log; starts the routes and the stage."""
    settings = service.settings
    reference = await asyncio.to_thread(_reference, settings.model_file)
    await asyncio.to_thread(warm_up, reference)
    pool = await postgres.connect(service, MIGRATIONS)
    bus = await connect_bus(service)
    app = application(NAME, pool)
    add_drift(app, pool, reference)
    service.serve_asgi(serve(app))
    topics = [topology.SCORED, topology.ALERTS]
    # Roll-ups are written before each commit, so the interval of the commits is the interval of the writes.
    interval = replace(settings, commit_interval_ms=settings.analytics_flush_ms)
    run_stage(service, bus, topics, Count(NAME, pool, reference), interval)
    publishing = asyncio.create_task(publish(pool, reference))

    async def stop() -> None:
        publishing.cancel()

    service.on_drain("drift", stop)


def _reference(model_file: str) -> Reference:
    """What the model learned from; without it nothing is compared, and everything else goes on."""
    try:
        manifest, _ = manifests.read(Path(model_file) if model_file else manifests.default_file(paths.MODELS))
    except ModelError as error:
        log(_log, logging.ERROR, "reference_unavailable", reason=str(error))
        return Reference(None)
    return Reference(manifest)


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
