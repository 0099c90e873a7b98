"""The incidents' REST routes."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from fastapi import Body as FromBody
from fastapi import FastAPI, Query, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.incident_service import answers, explanations, lifecycle, store, suppressions
from vigil.pb import events_pb2
from vigil.runtime.problem import FieldError, Problem, not_found
from vigil.runtime.rest import answer, rest_app
from vigil.runtime.schema import Body, Name, Note, Page
from vigil.runtime.schema import Wanted as Text

DESCRIPTION = """One incident per alarm episode.

`status` is what people made of it: open → acknowledged → resolved. `condition` is the alarm's: present or
ended. A condition that ends leaves an incident open (`latched`) until somebody acts, unless it was
acknowledged already or its priority was never above low. An alarm that sounds again opens it again.
`presence` is the alarm signal's: on, latched, acknowledged, off. Acknowledging an incident acknowledges the signal.
Alarms that were suppressed open no incident: they are listed under `/suppressions`.
"""

_EXAMPLE = {"action": "acknowledge", "actor": "nurse.kim", "note": "at the bedside"}


class Wanted(Page):
    """Which incidents, and which part of the list."""

    status: Literal["open", "acknowledged", "resolved"] | None = None
    severity: Literal["low", "medium", "high", "critical"] | None = None
    priority: Literal["low", "medium", "high"] | None = None
    kind: Literal["physiological", "technical"] | None = None
    patient_id: Text | None = None
    device_id: Text | None = None
    ward: Text | None = None
    owner: Text | None = None
    limit: int = Query(50, ge=1, le=100, description="items of a page")

    def filters(self) -> list[tuple[str, Any]]:
        """Column and value."""
        severity = events_pb2.Severity.Value(f"SEVERITY_{self.severity.upper()}") if self.severity else None
        priority = events_pb2.Priority.Value(f"PRIORITY_{self.priority.upper()}") if self.priority else None
        same = [(n, getattr(self, n)) for n in ("status", "kind", "patient_id", "device_id", "ward", "owner")]
        return [*same, ("severity", severity), ("priority", priority)]


class WantedSuppressions(Page):
    """Which suppressions, the newest first."""

    limit: int = Query(50, ge=1, le=100, description="items of a page")
    patient_id: Text | None = None
    device_id: Text | None = None
    ward: Text | None = None
    rule_id: Text | None = None
    suppressed_by: Text | None = Field(None, description="the rule that suppressed it")
    actor: Text | None = Field(None, description="who paused the alarm")
    episode_id: uuid.UUID | None = None

    def filters(self) -> list[tuple[str, Any]]:
        """Column and value."""
        names = ("patient_id", "device_id", "ward", "rule_id", "suppressed_by", "actor", "episode_id")
        return [(name, getattr(self, name)) for name in names]


class Act(Body):
    """What somebody does with an incident."""

    action: Literal["acknowledge", "resolve", "assign", "comment"]
    actor: Name = Field(description="who does it")
    note: Note | None = None
    assignee: Name | None = Field(None, description="assign: who owns it from now on")
    version: int | None = Field(None, ge=0, description="refuse with 409 unless the incident is at this version")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.action == "assign" and self.assignee is None:
            raise PydanticCustomError("missing_field", "assign needs assignee")
        if self.action != "assign" and self.assignee is not None:
            raise PydanticCustomError("invalid_value", "assignee goes with the action assign only")
        if self.action == "comment" and self.note is None:
            raise PydanticCustomError("missing_field", "comment needs note")
        if self.actor == lifecycle.SYSTEM:
            raise PydanticCustomError("invalid_value", "the actor 'system' is not a person")
        return self


def _identifier(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise not_found("incidentId", "incident") from None


def _nobody() -> None:
    """Where nothing relays the outbox."""


def application(pool: Any, wake: Callable[[], None] = _nobody) -> FastAPI:
    """The incident service's REST application; `wake` is called when the outbox may hold something."""
    app = rest_app("incident-service", "Vigil incidents", DESCRIPTION)
    tags: list[Any] = ["incidents"]

    @app.get("/incidents", tags=tags, response_model=answers.Listed)
    async def list_incidents(wanted: Annotated[Wanted, Query()]) -> Response:
        """Incidents, the newest alarm first, a page at a time."""
        async with pool.acquire() as connection:
            rows, total = await store.page(connection, wanted.filters(), wanted.limit, wanted.offset)
        return answer(wanted.of([answers.incident(row) for row in rows], total))

    @app.get("/incidents/{incident_id}", tags=tags, response_model=answers.Whole)
    async def get_incident(incident_id: str) -> Response:
        """One incident with the steps of its episode, their evidence, and everything that was done."""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            row = await store.get(connection, _identifier(incident_id))
            if row is None:
                raise not_found("incidentId", "incident")
            return answer(await _whole(connection, row))

    @app.patch("/incidents/{incident_id}", tags=tags, response_model=answers.Whole)
    async def act_on_incident(
        incident_id: str,
        body: Annotated[
            Act, FromBody(examples=[{"action": "acknowledge", "actor": "nurse.kim", "note": "at bedside"}])
        ],
    ) -> Response:
        """Acknowledges, resolves, assigns or comments; 409 names what is legal now."""
        async with pool.acquire() as connection, connection.transaction():
            row = await store.get(connection, _identifier(incident_id), lock=True)
            if row is None:
                raise not_found("incidentId", "incident")
            if body.version is not None and body.version != row["version"]:
                detail = f"the incident is at version {row['version']}, not {body.version}"
                error = FieldError("version", "conflict", detail)
                raise Problem(409, "version_conflict", detail, [error], version=row["version"])
            try:
                changed = await store.act(connection, row, body.action, body.actor, body.assignee, body.note)
            except lifecycle.Illegal as illegal:
                error = FieldError("action", "illegal_transition", str(illegal))
                raise Problem(
                    *(409, "illegal_transition", str(illegal), [error]),
                    currentStatus=illegal.status,
                    legalActions=illegal.legal,
                ) from None
            shown = await _whole(connection, changed)
        wake()
        return answer(shown)

    @app.get("/suppressions", tags=["suppressions"], response_model=answers.SuppressionsListed)
    async def list_suppressions(wanted: Annotated[WantedSuppressions, Query()]) -> Response:
        """Alarms that nobody was told of: which, who or which rule suppressed them, why, and until when."""
        async with pool.acquire() as connection:
            rows, total = await suppressions.page(connection, wanted.filters(), wanted.limit, wanted.offset)
        return answer(wanted.of([answers.suppression(row) for row in rows], total))

    explanations.add_routes(app, pool)
    return app


async def _whole(connection: Any, row: Any) -> dict[str, Any]:
    identifier = row["incident_id"]
    return answers.whole(
        row,
        await store.steps(connection, identifier),
        await store.history(connection, identifier),
        await suppressions.of_episode(connection, identifier),
    )
