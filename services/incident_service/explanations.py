"""GET …/explanation: an alarm in words, from the steps as they were stored."""

import uuid
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from vigil.explain import episode_lines, explain_episode
from vigil.runtime.problem import not_found
from vigil.runtime.rest import answer

_STEPS = """
    SELECT alert FROM incident_steps WHERE incident_id = $1
    UNION ALL SELECT alert FROM suppressions WHERE episode_id = $1
"""
_EPISODE = """
    SELECT incident_id FROM incident_steps WHERE event_id = $1
    UNION ALL SELECT episode_id FROM suppressions WHERE event_id = $1 LIMIT 1
"""


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Rule(_Answer):
    """The rule and the version of its set."""

    id: str
    version: str | None
    text: str | None


class Entry(_Answer):
    """One step of the episode."""

    at: str | None
    step: int
    event_id: str
    phase: str
    cause: str | None
    priority: str
    text: str


class Explanation(_Answer):
    """Why an alarm was raised, in sentences; `text` is all of it as lines."""

    episode_id: str
    alert_type: str
    kind: str
    patient_id: str | None
    device_id: str | None
    ward: str | None
    bed: str | None
    rule: Rule
    summary: str
    why: list[str]
    held_back: list[str]
    why_now: list[str]
    timeline: list[Entry]
    text: list[str]


def _identifier(text: str, field: str, what: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise not_found(field, what) from None


async def _explained(connection: Any, episode_id: uuid.UUID) -> Response | None:
    rows = await connection.fetch(_STEPS, episode_id)
    if not rows:
        return None
    explanation = explain_episode([row["alert"] for row in rows])
    return answer(explanation | {"text": episode_lines(explanation)})


def add_routes(app: FastAPI, pool: Any) -> None:
    """Adds the routes to the incident service's application."""
    tags: list[Any] = ["explanations"]

    @app.get("/incidents/{incident_id}/explanation", tags=tags, response_model=Explanation)
    async def explain_incident(incident_id: str) -> Response:
        """Which rule, which values and limits, what was held back, why it fired when it did, and what followed."""
        async with pool.acquire() as connection:
            found = await _explained(connection, _identifier(incident_id, "incidentId", "incident"))
        if found is None:
            raise not_found("incidentId", "incident")
        return found

    @app.get("/alerts/{alert_id}/explanation", tags=tags, response_model=Explanation)
    async def explain_alert(alert_id: str) -> Response:
        """The same by an alert: its episode's id or the id of one of its steps, a suppressed one included."""
        identifier = _identifier(alert_id, "alertId", "alert")
        async with pool.acquire() as connection:
            found = await _explained(connection, identifier)
            if found is None:
                episode_id = await connection.fetchval(_EPISODE, identifier)
                found = await _explained(connection, episode_id) if episode_id else None
        if found is None:
            raise not_found("alertId", "alert")
        return found
