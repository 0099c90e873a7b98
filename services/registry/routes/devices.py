"""/devices."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response

from services.registry.bodies import DeviceChange, DevicePage, NewDevice
from services.registry.routes import answers
from services.registry.store import devices, links
from vigil.runtime.outbox import Relay
from vigil.runtime.rest import answer, trace_id
from vigil.runtime.schema import OneOrMany

_TAGS: list[Any] = ["devices"]


def hang(app: FastAPI, pool: Any, relay: Relay) -> None:
    """Hangs the routes on the application."""

    @app.post(
        "/devices",
        status_code=201,
        tags=_TAGS,
        response_model=answers.Device | answers.Bulk,
        responses={200: {"model": answers.Device | answers.Bulk, "description": "Registered already, same content"}},
    )
    async def register_devices(
        request: Request,
        body: Annotated[
            OneOrMany[NewDevice], Body(examples=[{"deviceId": "monitor-7", "deviceType": "multiparameter_monitor"}])
        ],
    ) -> Response:
        """Registers a device, or an array of them."""
        trace = bytes.fromhex(trace_id(request))
        bodies = body if isinstance(body, list) else [body]
        async with pool.acquire() as connection, connection.transaction():
            keys, done = await devices.register(connection, bodies, trace, many=isinstance(body, list))
            if isinstance(body, list):
                result = answer(*answers.bulk(done, "deviceId", [b.device_id for b in body], keys))
            else:
                made = devices.to_json(await devices.get(connection, body.device_id), keys.get(body.device_id))
                status = 201 if done.created else 200
                result = answer(made, status, {"location": f"/devices/{body.device_id}"})
        relay.wake()
        return result

    @app.get("/devices", tags=_TAGS, response_model=answers.Listed)
    async def list_devices(wanted: Annotated[DevicePage, Query()]) -> Response:
        """Devices, a page at a time."""
        async with pool.acquire() as connection:
            return answer(wanted.of(*await devices.page(connection, wanted)))

    @app.get("/devices/{device_id}", tags=_TAGS, response_model=answers.Device)
    async def get_device(device_id: str) -> Response:
        """One device with all its links."""
        async with pool.acquire() as connection:
            device = devices.to_json(await devices.get(connection, device_id))
            return answer(device | {"links": await links.of_device(connection, device_id)})

    @app.patch("/devices/{device_id}", tags=_TAGS, response_model=answers.Device)
    async def change_device(
        request: Request,
        device_id: str,
        body: Annotated[DeviceChange, Body(examples=[{"status": "maintenance"}])],
    ) -> Response:
        """Changes status, metadata or key."""
        async with pool.acquire() as connection, connection.transaction():
            changed = await devices.change(connection, device_id, body, bytes.fromhex(trace_id(request)))
        relay.wake()
        return answer(changed)
