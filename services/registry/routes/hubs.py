"""/hubs."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response

from services.registry.bodies import HubChange, NewHub
from services.registry.routes import answers
from services.registry.store import hubs
from vigil.runtime.outbox import Relay
from vigil.runtime.rest import answer, trace_id
from vigil.runtime.schema import Page

_TAGS: list[Any] = ["hubs"]


def hang(app: FastAPI, pool: Any, relay: Relay) -> None:
    """Hangs the routes on the application."""

    @app.post("/hubs", status_code=201, tags=_TAGS, response_model=answers.Hub)
    async def register_hub(
        request: Request,
        body: Annotated[NewHub, Body(examples=[{"hubId": "hub-icu-a", "generateKey": True}])],
    ) -> Response:
        """Registers a hub: with its key it may send for any registered device."""
        async with pool.acquire() as connection, connection.transaction():
            made, is_new = await hubs.register(connection, body, bytes.fromhex(trace_id(request)))
        relay.wake()
        return answer(made, 201 if is_new else 200, {"location": f"/hubs/{body.hub_id}"})

    @app.get("/hubs", tags=_TAGS, response_model=answers.Listed)
    async def list_hubs(wanted: Annotated[Page, Query()]) -> Response:
        """Hubs, a page at a time."""
        async with pool.acquire() as connection:
            return answer(wanted.of(*await hubs.page(connection, wanted)))

    @app.get("/hubs/{hub_id}", tags=_TAGS, response_model=answers.Hub)
    async def get_hub(hub_id: str) -> Response:
        """One hub."""
        async with pool.acquire() as connection:
            return answer(hubs.to_json(await hubs.get(connection, hub_id)))

    @app.patch("/hubs/{hub_id}", tags=_TAGS, response_model=answers.Hub)
    async def change_hub(
        request: Request, hub_id: str, body: Annotated[HubChange, Body(examples=[{"status": "revoked"}])]
    ) -> Response:
        """Revokes a hub's key, or lets it in again; gateways are told at once."""
        async with pool.acquire() as connection, connection.transaction():
            changed = await hubs.change(connection, hub_id, body, bytes.fromhex(trace_id(request)))
        relay.wake()
        return answer(changed)
