"""GET /stats/…: vital signs per patient, alarms, wards, devices, and the burden of alarms."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Response
from pydantic import Field

from services.analytics import alarm_queries, queries
from services.analytics.alarm_queries import Column, alarms_by
from services.analytics.period import Period
from vigil.runtime.problem import FieldError, Problem, not_found
from vigil.runtime.rest import answer, rest_app
from vigil.runtime.schema import Identifier, Moment, Page, Parameters

_DESCRIPTION = (
    "Per-minute roll-ups of vital signs and counters of alarms. Times are event times, a period is [from, to) and "
    "open where not given. Values that are implausible, sentinels or from a disconnected sensor are in no average."
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Range(Parameters):
    """A period of event time."""

    since: Moment | None = Field(None, alias="from", description="ISO 8601 with an offset; inclusive")
    until: Moment | None = Field(None, alias="to", description="ISO 8601 with an offset; exclusive")

    @property
    def period(self) -> Period:
        """The period; refuses one that ends before it starts."""
        if self.since and self.until and self.until <= self.since:
            message = "the period ends before it starts"
            raise Problem(422, "invalid", message, [FieldError("to", "out_of_range", message)])
        ends = {"start_us": self.since, "end_us": self.until}
        return Period(**{name: microseconds(moment) for name, moment in ends.items() if moment})


class DevicePage(Range, Page):
    """A period and a page."""


_COLUMNS: dict[str, Column] = {
    "rule": "rule_id", "sign": "sign", "priority": "priority", "severity": "severity", "ward": "ward",
    "type": "alert_type", "kind": "kind", "all": "true",
}  # fmt: skip


class OverTime(DevicePage):
    """A period, a page, and how the alarms are counted."""

    by: Literal["rule", "sign", "priority", "severity", "ward", "type", "kind", "all"] = "rule"
    per: Literal["hour", "day"] = "day"
    ward: Annotated[str, Field(max_length=200)] | None = None


def microseconds(moment: datetime) -> int:
    """Since the Unix epoch."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def application(name: str, pool: Any) -> FastAPI:
    """The REST application."""
    app = rest_app(name, "Vigil analytics", _DESCRIPTION)
    tags: list[Any] = ["statistics"]

    @app.get("/stats/patients/{patient_id}/summary", tags=tags)
    async def summary(patient_id: Annotated[Identifier, Path()], query: Annotated[Range, Query()]) -> Response:
        """Per sign count, mean, spread, extremes and last value; the patient's alarms by priority and type."""
        period = query.period
        if not await queries.is_known(pool, patient_id):
            raise not_found("patient_id", "patient in the roll-ups")
        total = await alarms_by(pool, "true", period, patient_id=patient_id)
        return answer(
            {
                "patientId": patient_id,
                **period.shown,
                "vitals": await queries.vital_signs(pool, patient_id, period),
                "alarms": alarm_queries.total_of(total)
                | {
                    "byPriority": await alarms_by(pool, "priority", period, patient_id=patient_id),
                    "byType": await alarms_by(pool, "alert_type", period, patient_id=patient_id),
                },
            }
        )

    @app.get("/stats/global/alerts", tags=tags)
    async def global_alerts(query: Annotated[Range, Query()]) -> Response:
        """All alarms of the period by priority, severity, kind, type and ward."""
        period = query.period
        return answer(
            period.shown
            | alarm_queries.total_of(await alarms_by(pool, "true", period))
            | {
                "byPriority": await alarms_by(pool, "priority", period),
                "bySeverity": await alarms_by(pool, "severity", period),
                "byKind": await alarms_by(pool, "kind", period),
                "byType": await alarms_by(pool, "alert_type", period),
                "byWard": await alarms_by(pool, "ward", period),
            }
        )

    @app.get("/stats/alarms", tags=tags)
    async def alarms(query: Annotated[OverTime, Query()]) -> Response:
        """Alarms per hour or day by rule, sign, priority or ward: raised, suppressed, short, sounding again,
        escalated, and how long until somebody acknowledged them."""
        column, page = _COLUMNS[query.by], (query.limit, query.offset)
        items, total = await alarm_queries.alarms_over_time(pool, column, query.per, query.period, query.ward, *page)
        return answer(query.period.shown | {"by": query.by, "per": query.per} | query.of(items, total))

    @app.get("/stats/wards", tags=tags)
    async def wards(query: Annotated[Range, Query()]) -> Response:
        """Observations and alarms per ward."""
        period = query.period
        return answer(period.shown | {"items": await queries.wards(pool, period)})

    @app.get("/stats/devices", tags=tags)
    async def devices(query: Annotated[DevicePage, Query()]) -> Response:
        """Observations per device."""
        period = query.period
        items, total = await queries.devices(pool, period, query.limit, query.offset)
        return answer(period.shown | query.of(items, total))

    @app.get("/stats/alarm-burden", tags=tags)
    async def alarm_burden(query: Annotated[Range, Query()]) -> Response:
        """Alarms per bed-day, the share of short ones, time in alarm and until somebody acknowledged them, what was
        suppressed, and how few patients cause how many. `byWard` has no rate here: `/stats/wards` has it."""
        period = query.period
        days, monitored = await alarm_queries.bed_days(pool, period)
        return answer(
            period.shown
            | {"bedDays": round(days, 4), "monitored": monitored}
            | alarm_queries.total_of(await alarms_by(pool, "true", period, days))
            | {
                "topTenthOfPatientsShare": await alarm_queries.top_tenth_share(pool, period, monitored),
                "byPriority": await alarms_by(pool, "priority", period, days),
                "bySign": await alarms_by(pool, "sign", period, days),
                "byRule": await alarms_by(pool, "rule_id", period, days),
                "byWard": await alarms_by(pool, "ward", period),
            }
        )

    return app
