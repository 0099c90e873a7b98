"""GET /drift: the wards' values and scores against the model's training data."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Response
from pydantic import Field

from services.analytics.drift import Reference, compared
from services.analytics.routes import microseconds
from vigil.runtime.rest import answer
from vigil.runtime.schema import Identifier, Moment, Parameters
from vigil.scalars import time_text


class DriftQuery(Parameters):
    """Which hours, and whose."""

    window: Literal["hour", "day"] = Field("day", description="One hour or 24, up to the one of `at`")
    at: Moment | None = Field(None, description="ISO 8601 with an offset; the hour it is in is the last one. Now")
    ward: Identifier | None = Field(None, description="Only this ward")


def add_drift(app: FastAPI, pool: Any, reference: Callable[[], Reference]) -> None:
    """Hangs the route on the application; `reference` gives that of the model that scores now."""

    @app.get("/drift", tags=["drift"])
    async def drift(query: Annotated[DriftQuery, Query()]) -> Response:
        """PSI per ward and column, worst first; below 0.1 none, to 0.25 some, beyond it much."""
        until_us = microseconds(query.at) if query.at else time.time_ns() // 1000
        hours = 1 if query.window == "hour" else 24
        report = await compared(pool, reference(), hours, until_us, query.ward)
        return answer({"window": query.window, "at": time_text(until_us)} | report)
