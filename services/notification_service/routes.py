"""GET /notifications and /notifications/{id}: what was told to whom, and what still waits."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI, Query, Response

from vigil.pb import events_pb2 as pb
from vigil.runtime.problem import not_found
from vigil.runtime.rest import answer, rest_app
from vigil.runtime.schema import Body, Identifier, Moment, Page
from vigil.scalars import priority_name, severity_name, time_text
from vigil.store import pages

_DESCRIPTION = (
    "Notifications of alarms by channel. `pending` is being sent, `held` waits for the rate limit and goes out in a "
    "digest, `grouped` was told by the digest in `groupId`, `failed` was given up after repeated attempts."
)


class Filter(Page):
    """Which notifications, newest first."""

    limit: int = Query(50, ge=1, le=100, description="items of a page")
    patient_id: Identifier | None = None
    status: Literal["pending", "held", "sent", "failed", "grouped"] | None = None
    channel: Literal["log", "webhook", "smtp"] | None = None
    priority: Literal["low", "medium", "high"] | None = None
    kind: Literal["alarm", "escalation", "re_alarm", "returned", "unacknowledged", "resolved", "digest"] | None = None
    episode_id: UUID | None = None
    group_id: UUID | None = None


class Notification(Body):
    """A notification on one channel."""

    id: str
    event_id: str
    kind: str
    channel: str
    status: str
    limiter: str
    reason: str | None
    priority: str
    severity: str
    episode_id: str | None
    patient_id: str | None
    device_id: str | None
    ward: str | None
    bed: str | None
    rule_id: str | None
    roles: list[str]
    title: str
    body: str
    group_id: str | None
    attempts: int
    event_time: str | None
    created_at: Moment
    next_attempt_at: Moment | None
    sent_at: Moment | None
    trace_id: str | None


class Notifications(Body):
    """A page of notifications."""

    items: list[Notification]
    total: int
    page: int
    limit: int


def application(name: str, pool: Any) -> FastAPI:
    """The REST application."""
    app = rest_app(name, "Vigil notifications", _DESCRIPTION)
    tags: list[Any] = ["notifications"]

    @app.get("/notifications", tags=tags, responses={200: {"model": Notifications}})
    async def list_notifications(query: Annotated[Filter, Query()]) -> Response:
        """Notifications, newest first."""
        async with pool.acquire() as connection:
            rows, total = await pages.page(
                connection, "*", "notification", "sequence DESC", _filters(query), query.limit, query.offset
            )
        return answer(query.of([_shown(row) for row in rows], total))

    @app.get("/notifications/{notification_id}", tags=tags, responses={200: {"model": Notification}})
    async def get_notification(notification_id: UUID) -> Response:
        """One notification."""
        row = await pool.fetchrow("SELECT * FROM notification WHERE id = $1", notification_id)
        if row is None:
            raise not_found("notification_id", "notification")
        return answer(_shown(row))

    return app


def _filters(query: Filter) -> list[tuple[str, Any]]:
    priority = pb.Priority.Value(f"PRIORITY_{query.priority.upper()}") if query.priority else None
    columns = ("patient_id", "status", "channel", "kind", "episode_id", "group_id")
    return [("priority = {}", priority), *((f"{column} = {{}}", getattr(query, column)) for column in columns)]


def _shown(row: Any) -> dict[str, Any]:
    """The row's JSON form; an empty text is null."""
    return {
        "id": row["id"],
        "eventId": row["event_id"],
        "kind": row["kind"],
        "channel": row["channel"],
        "status": row["status"],
        "limiter": row["limiter"],
        "reason": row["reason"] or None,
        "priority": priority_name(row["priority"]),
        "severity": severity_name(row["severity"]),
        "episodeId": row["episode_id"],
        "patientId": row["patient_id"] or None,
        "deviceId": row["device_id"] or None,
        "ward": row["ward"] or None,
        "bed": row["bed"] or None,
        "ruleId": row["rule_id"] or None,
        "roles": [role for role in row["roles"] if role],
        "title": row["title"],
        "body": row["body"],
        "groupId": row["group_id"],
        "attempts": row["attempts"],
        "eventTime": time_text(row["event_time_us"]),
        "createdAt": row["created_at"],
        "nextAttemptAt": row["next_attempt_at"] if row["status"] in ("pending", "held") else None,
        "sentAt": row["sent_at"],
        "traceId": row["trace_id"] or None,
    }
