"""The gRPC edge: anomaly.AnomalyDetection. A refusal is a typed status with a message, never a score of 0."""

import asyncio
import logging
from typing import Any

import grpc
import grpc.aio

from services.anomaly_service.assessment import Assessor, InvalidVitals, NotScorable
from services.anomaly_service.batcher import Overloaded
from services.anomaly_service.scorer import STAGE, NoModel, Scorer
from services.anomaly_service.swap import Swap
from vigil.model.session import ROWS_MAX
from vigil.pb import anomaly_pb2 as pb
from vigil.runtime import metrics
from vigil.runtime.logs import log

NAME = "anomaly.AnomalyDetection"
VERSION = "1"
_EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]
_log = logging.getLogger(__name__)


class GrpcEdge:
    """Answers from the active model; without one, every scoring call says MODEL_UNAVAILABLE."""

    def __init__(self, scorer: Scorer, assessor: Assessor, swap: Swap | None = None) -> None:
        self._scorer, self._assessor, self._swap = scorer, assessor, swap
        self._reading: set[asyncio.Task[Any]] = set()  # streams that wait for a message
        self._draining = False

    def handler(self) -> Any:
        """The service's handlers."""

        def unary(method: Any, request: Any, response: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(method, request.FromString, response.SerializeToString)

        methods = {
            "ScoreBatch": unary(self.score_batch, pb.ScoreBatchRequest, pb.ScoreBatchResponse),
            "ScoreStream": grpc.stream_stream_rpc_method_handler(
                self.score_stream, pb.ScoreBatchRequest.FromString, pb.ScoreBatchResponse.SerializeToString
            ),
            "ScoreVitals": unary(self.score_vitals, pb.ScoreVitalsRequest, pb.ScoreVitalsResponse),
            "ListModels": unary(self.list_models, pb.ListModelsRequest, pb.ListModelsResponse),
        }
        return grpc.method_handlers_generic_handler(NAME, methods)

    async def score_batch(self, request: pb.ScoreBatchRequest, _context: Any) -> pb.ScoreBatchResponse:
        """Packed rows in, packed scores out."""
        model, number = self._scorer.model, request.request
        if model is None:
            return pb.ScoreBatchResponse(
                version=VERSION, status=pb.MODEL_UNAVAILABLE, message=self._scorer.problem, request=number
            )
        # Every model that can become active has the core's schema, so a swap does not change this answer.
        features = request.features
        problem = _batch_problem(request, len(features), model.manifest.schema, len(model.manifest.features))
        if problem:
            self._refused("score_batch", problem)
            return pb.ScoreBatchResponse(
                version=VERSION,
                status=pb.INVALID_ARGUMENT,
                message=problem,
                model_version=model.version,
                request=number,
            )
        try:
            scores, by = await self._scorer.score(features, request.rows)
        except Overloaded as error:
            self._refused("score_batch", str(error), "overloaded")
            return pb.ScoreBatchResponse(version=VERSION, status=pb.OVERLOADED, message=str(error), request=number)
        return pb.ScoreBatchResponse(
            version=VERSION,
            status=pb.SUCCESS,
            rows=request.rows,
            columns=len(by.manifest.scores),
            scores=scores,
            model_version=by.version,
            request=number,
        )

    async def score_stream(self, _requests: Any, context: Any) -> None:
        """As `score_batch`, for each message of a stream in turn."""
        while (request := await self._read(context)) is not _EOF:
            await context.write(await self.score_batch(request, context))

    async def drain(self) -> None:
        """Ends every stream after the message it is at; a stream that is kept open would else never end."""
        self._draining = True
        for stream in self._reading:
            stream.cancel()

    async def _read(self, context: Any) -> Any:
        """The next message, or EOF when the client or this service ends the stream."""
        if self._draining:
            return _EOF
        stream = asyncio.current_task()
        assert stream is not None
        self._reading.add(stream)
        try:
            return await context.read()
        except asyncio.CancelledError:
            if not self._draining:
                raise
            return _EOF
        finally:
            self._reading.discard(stream)

    async def score_vitals(self, request: pb.ScoreVitalsRequest, _context: Any) -> pb.ScoreVitalsResponse:
        """One observation, with words."""
        try:
            return await self._assessor.assess(request)
        except NoModel as missing:
            return pb.ScoreVitalsResponse(version=VERSION, status=pb.MODEL_UNAVAILABLE, message=str(missing))
        except Overloaded as error:
            self._refused("score_vitals", str(error), "overloaded")
            return pb.ScoreVitalsResponse(version=VERSION, status=pb.OVERLOADED, message=str(error))
        except InvalidVitals as invalid:
            self._refused("score_vitals", str(invalid))
            return pb.ScoreVitalsResponse(version=VERSION, status=pb.INVALID_ARGUMENT, message=str(invalid))
        except NotScorable as missing:
            return pb.ScoreVitalsResponse(
                version=VERSION, status=pb.NOT_SCORABLE, message=str(missing), metadata=missing.metadata
            )

    async def list_models(self, _request: pb.ListModelsRequest, _context: Any) -> pb.ListModelsResponse:
        """The active model, the one on trial, and the one before the last promotion."""
        held = {"active": self._scorer.model}
        if self._swap:
            held["candidate"] = self._swap.candidate.model if self._swap.candidate else None
            held["previous"] = self._swap.previous[1] if self._swap.previous else None
        models = [
            pb.Model(
                model_version=model.version,
                name=model.manifest.name,
                sha256=model.manifest.sha256,
                schema=model.manifest.schema,
                active=role == "active",
                role=role,
            )
            for role, model in held.items()
            if model is not None
        ]
        return pb.ListModelsResponse(version=VERSION, models=models)

    def _refused(self, call: str, reason: str, error_code: str = "invalid_argument") -> None:
        metrics.ERRORS.labels(STAGE, error_code).inc()
        log(_log, logging.WARNING, "call_refused", call=call, reason=reason)


def _batch_problem(request: pb.ScoreBatchRequest, size: int, schema: str, columns: int) -> str | None:
    """What is wrong with the request, or None."""
    if request.schema != schema:
        return f"schema: the model wants {schema}, the rows are {request.schema[:64] or 'without one'}"
    if request.columns != columns:
        return f"columns: the model wants {columns}, the request says {request.columns}"
    if request.rows > ROWS_MAX:
        return f"rows: at most {ROWS_MAX} a call, the request says {request.rows}"
    if size != request.rows * request.columns * 4:
        return f"features: {request.rows} rows of {columns} float32 are not {size} bytes"
    return None
