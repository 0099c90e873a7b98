"""GET /models, /drift; trying, promoting, refusing a model and taking a promotion back."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Response
from pydantic import Field

from services.anomaly_service.drift import FeatureDrift
from services.anomaly_service.folder import ModelFolder
from services.anomaly_service.swap import Swap, SwapRefused
from vigil.model import ModelError
from vigil.runtime.problem import FieldError, Problem
from vigil.runtime.rest import answer, rest_app
from vigil.runtime.schema import Body, Identifier, Parameters
from vigil.scalars import time_text

_DESCRIPTION = (
    "The models that score: which one answers, which one is tried on live rows beside it, and what became of others. "
    "Scores themselves are asked for over gRPC (anomaly.AnomalyDetection)."
)


class NewCandidate(Body):
    """A directory of MODEL_DIR."""

    directory: Identifier = Field(description="A directory of MODEL_DIR with an ONNX file and its manifest")


class Promotion(Body):
    """How sure the caller is."""

    force: bool = Field(False, description="Also when the comparison is not complete or out of bounds")


class Window(Parameters):
    """How far back."""

    window: Literal["hour", "day"] = Field("day", description="The current hour, or the last 24 hours")


def application(name: str, swap: Swap, folder: ModelFolder | None, drift: FeatureDrift) -> FastAPI:
    """The REST application."""
    app = rest_app(name, "Vigil anomaly service", _DESCRIPTION)
    models: list[Any] = ["models"]

    @app.get("/models", tags=models)
    async def listing() -> Response:
        """The active model, the one on trial, the one before, what lies in MODEL_DIR, and what happened."""
        return answer(_shown(swap, folder))

    @app.post("/models/candidate", status_code=202, tags=models)
    async def try_model(body: NewCandidate) -> Response:
        """Loads a model and lets it score live rows in shadow; 409 says why it is refused."""
        if folder is None:
            raise _conflict("MODEL_DIR is not set: there is nowhere to load models from")
        try:
            file = folder.file(body.directory)
        except ModelError as error:
            raise Problem(422, "invalid", str(error), [FieldError("directory", "invalid", str(error))]) from None
        await _or_conflict(swap.offer(body.directory, file))
        return answer(_shown(swap, folder), 202)

    @app.get("/models/shadow", tags=models)
    async def shadow() -> Response:
        """Both models on the same live rows: differences, rank agreement, severities, time a row."""
        return answer(await _or_conflict(swap.report()))

    @app.post("/models/candidate/promote", tags=models)
    async def promote(body: Promotion) -> Response:
        """The model on trial answers from now on."""
        await _or_conflict(swap.promote(force=body.force))
        return answer(_shown(swap, folder))

    @app.delete("/models/candidate", tags=models)
    async def refuse() -> Response:
        """Ends the trial; the active model stays."""
        try:
            swap.refuse("on command")
        except SwapRefused as error:
            raise _conflict(str(error)) from None
        return answer(_shown(swap, folder))

    @app.post("/models/rollback", tags=models)
    async def rollback() -> Response:
        """The model before the last promotion answers again."""
        try:
            swap.rollback()
        except SwapRefused as error:
            raise _conflict(str(error)) from None
        return answer(_shown(swap, folder))

    @app.get("/drift", tags=["drift"])
    async def feature_drift(query: Annotated[Window, Query()]) -> Response:
        """PSI of the feature rows and scores that are scored here, over all wards, worst first."""
        return answer(drift.report(1 if query.window == "hour" else 24))

    return app


def _shown(swap: Swap, folder: ModelFolder | None) -> dict[str, Any]:
    active, previous, candidate = swap.active, swap.previous, swap.candidate
    tried = None
    if candidate is not None:
        tried = {
            "source": candidate.source,
            "modelVersion": candidate.model.version if candidate.model else None,
            "state": candidate.state,
            "problems": list(candidate.problems),
            "rows": candidate.shadow.comparison.rows if candidate.shadow else 0,
            "since": time_text(int(candidate.since * 1e6)),
        }
    return {
        "active": {"source": swap.source, "modelVersion": active.version} if active else None,
        "candidate": tried,
        "previous": {"source": previous[0], "modelVersion": previous[1].version} if previous else None,
        "directories": folder.names() if folder else [],
        "waiting": folder.waiting if folder else [],
        "history": [{**event, "at": time_text(int(event["at"] * 1e6))} for event in reversed(swap.history)],
    }


async def _or_conflict(asked: Any) -> Any:
    try:
        return await asked
    except SwapRefused as error:
        raise _conflict(str(error)) from None


def _conflict(detail: str) -> Problem:
    return Problem(409, "conflict", detail)
