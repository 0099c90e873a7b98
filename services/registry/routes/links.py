"""/devices/link."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, Request, Response

from services.registry.bodies import NewLink
from services.registry.routes import answers
from services.registry.store import links
from vigil.runtime.outbox import Relay
from vigil.runtime.rest import answer, trace_id
from vigil.runtime.schema import OneOrMany


def hang(app: FastAPI, pool: Any, relay: Relay) -> None:
    """Hangs the route on the application."""

    @app.post(
        "/devices/link",
        status_code=201,
        tags=["devices"],
        response_model=answers.Link | list[answers.Link],
        responses={200: {"model": answers.Link | list[answers.Link], "description": "It was so already"}},
    )
    async def link_devices(
        request: Request,
        body: Annotated[
            OneOrMany[NewLink],
            Body(examples=[{"deviceId": "monitor-7", "patientId": "p-1", "from": "2026-03-01T08:00:00Z"}]),
        ],
    ) -> Response:
        """From a point in time on (default: now), a device is on a patient; `patientId: null`: on nobody.

        A former link ends at that time. A link that is already known to start later, or the end of the link
        that is cut, stays. A link that starts at the same time is corrected.
        """
        many = isinstance(body, list)
        bodies = body if isinstance(body, list) else [body]
        async with pool.acquire() as connection, connection.transaction():
            made = await links.state(connection, bodies, bytes.fromhex(trace_id(request)), many=many)
        relay.wake()
        status = 201 if any(item["result"] != "unchanged" for item in made) else 200
        return answer(made if many else made[0], status)
