"""The gRPC edge of a service: grpc.aio with health and reflection, drained with the service."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from vigil.pb import anomaly_pb2, registry_pb2, telemetry_gateway_pb2  # noqa: F401  (reflection describes them)
from vigil.runtime.service import Service

MESSAGE_BYTES_MAX = 64 << 20


async def serve_grpc(
    service: Service, handlers: Sequence[Any], names: Sequence[str], *, serving: bool = True
) -> Callable[[bool], None]:
    """Serves `handlers` on the service's gRPC port; `names` are their full service names.

    With `serving` False it answers and says NOT_SERVING: the service lacks what the calls need. What is returned
    changes that later, from the event loop.
    Raises `OSError` when the port is taken. On drain it says NOT_SERVING, takes nothing new, and lets the
    calls under way end within DRAIN_TIMEOUT_S.
    """
    settings = service.settings
    options = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers(tuple(handlers))
    checks = health.aio.HealthServicer()  # type: ignore[attr-defined]
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    address = f"{settings.bind_host}:{settings.grpc_ports[service.name]}"
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error
    await server.start()
    states = health_pb2.HealthCheckResponse
    changes: set[asyncio.Task[None]] = set()

    async def say(up: bool) -> None:
        for name in ("", *names):
            await checks.set(name, states.SERVING if up else states.NOT_SERVING)

    def change(up: bool) -> None:
        task = asyncio.get_running_loop().create_task(say(up))
        changes.add(task)
        task.add_done_callback(changes.discard)

    await say(serving)

    async def stop() -> None:
        await checks.enter_graceful_shutdown()
        await server.stop(settings.drain_timeout_s * 0.8)

    service.on_drain("grpc", stop)
    return change
