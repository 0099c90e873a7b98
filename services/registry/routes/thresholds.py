"""/thresholds."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response

from services.registry.bodies import NewThresholds, ThresholdPage
from services.registry.routes import answers
from services.registry.store import thresholds
from vigil.runtime.outbox import Relay
from vigil.runtime.rest import answer, trace_id
from vigil.runtime.schema import OneOrMany

_TAGS: list[Any] = ["thresholds"]
_EXAMPLE = {
    "patientId": "p-1",
    "limits": {"heart_rate": {"low": 50, "high": 110, "criticalLow": 40, "criticalHigh": 140}},
}


def hang(app: FastAPI, pool: Any, relay: Relay) -> None:
    """Hangs the routes on the application."""

    @app.post(
        "/thresholds",
        status_code=201,
        tags=_TAGS,
        response_model=answers.Thresholds | list[answers.Thresholds],
        responses={200: {"model": answers.Thresholds | list[answers.Thresholds], "description": "It was so already"}},
    )
    async def set_thresholds(
        request: Request, body: Annotated[OneOrMany[NewThresholds], Body(examples=[_EXAMPLE])]
    ) -> Response:
        """Sets a patient's alarm limits: a new version. Signs that are not named keep the rules' defaults."""
        many = isinstance(body, list)
        bodies = body if isinstance(body, list) else [body]
        async with pool.acquire() as connection, connection.transaction():
            made = await thresholds.add(connection, bodies, bytes.fromhex(trace_id(request)), many=many)
        relay.wake()
        rows = [row for row, _ in made]
        return answer(rows if many else rows[0], 201 if any(is_new for _, is_new in made) else 200)

    @app.get("/thresholds", tags=_TAGS, response_model=answers.Listed)
    async def list_thresholds(wanted: Annotated[ThresholdPage, Query()]) -> Response:
        """Current profiles, a page at a time."""
        async with pool.acquire() as connection:
            return answer(wanted.of(*await thresholds.page(connection, wanted)))

    @app.get("/thresholds/{patient_id}", tags=_TAGS, response_model=answers.Thresholds)
    async def get_thresholds(
        patient_id: str, version: Annotated[int | None, Query(ge=1, le=2_000_000_000)] = None
    ) -> Response:
        """A patient's current profile, or an earlier version of it."""
        async with pool.acquire() as connection:
            return answer(thresholds.to_json(await thresholds.get(connection, patient_id, version)))
