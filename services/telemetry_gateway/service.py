"""Wires the gateway: admissions, micro-batches, the HTTP and the gRPC edge."""

import asyncio
from contextlib import suppress

from services.telemetry_gateway.admission import AdmissionDesk
from services.telemetry_gateway.grpc_edge import GrpcEdge
from services.telemetry_gateway.http import HttpEdge
from services.telemetry_gateway.intake import Intake
from vigil.bus.port import BusError
from vigil.core import Admissions, Decoder
from vigil.runtime.grpc_server import serve_grpc
from vigil.runtime.invalidation import Invalidation
from vigil.runtime.micro_batch import Batcher
from vigil.runtime.pipeline import connect_bus
from vigil.runtime.service import Service, run

NAME = "telemetry-gateway"


async def start(service: Service) -> None:
    """Connects the log and the registry, then opens both edges."""
    settings = service.settings
    log = await connect_bus(service)
    admissions = Admissions(settings.gateway_require_device_keys, settings.gateway_allow_unknown_devices)
    desk = AdmissionDesk(
        admissions, settings.grpc_target("registry"), settings.registry_timeout_ms, settings.gateway_admission_ttl_s
    )
    await service.require("registry", lambda: desk.look_up(["-"]))
    invalidation = Invalidation(log, desk)
    invalidation.start()
    producer = log.producer()
    batcher = Batcher.of(settings, producer)
    intake = Intake(desk, batcher, settings.gateway_ack_timeout_s)
    decoder = Decoder(admissions, settings.bus_partitions, settings.gateway_max_items)

    async def stop() -> None:
        await intake.drain()
        with suppress(BusError):  # what the log did not take, the senders were told
            await asyncio.to_thread(producer.close)
        await asyncio.to_thread(invalidation.stop)
        await desk.close()

    service.on_drain("producer", stop)
    edge = HttpEdge(intake, decoder, settings.gateway_max_body_bytes, settings.gateway_retry_after_s)
    service.serve_rsgi(edge)
    grpc_edge = GrpcEdge(intake, decoder, settings.gateway_max_body_bytes)
    await serve_grpc(service, [grpc_edge.handler()], ["telemetry.gateway.TelemetryGateway"])


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start, rsgi=True)
