"""Wires the registry: PostgreSQL, the relay to registry.changes, the REST and the gRPC edge."""

from functools import partial
from pathlib import Path

from services.registry.grpc_edge import NAME as GRPC_NAME
from services.registry.grpc_edge import GrpcEdge
from services.registry.outbox import record_of
from services.registry.routes import application
from vigil.runtime.grpc_server import serve_grpc
from vigil.runtime.outbox import Relay
from vigil.runtime.pipeline import connect_bus
from vigil.runtime.rest import serve
from vigil.runtime.service import Service, run
from vigil.store import postgres

NAME = "registry"
MIGRATIONS = Path(__file__).parent / "migrations"


async def start(service: Service) -> None:
    """Connects, migrates, and opens both edges."""
    settings = service.settings
    pool = await postgres.connect(service, MIGRATIONS)
    log = await connect_bus(service)
    to_record = partial(record_of, partitions=settings.bus_partitions)
    relay = Relay(service.name, pool, log, to_record, settings.bus_timeout_s, service.health)
    relay.start()
    service.on_drain("outbox", relay.stop)
    service.serve_asgi(serve(application(pool, relay)))
    await serve_grpc(service, [GrpcEdge(pool).handler()], [GRPC_NAME])


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
