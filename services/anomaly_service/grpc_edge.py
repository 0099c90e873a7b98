"""The gRPC edge: anomaly.AnomalyDetection. A refusal is a typed status with a message, never a score of 0."""

import logging
from typing import Any

import grpc

from services.anomaly_service.assessment import Assessor, InvalidVitals, NotScorable
from services.anomaly_service.scorer import STAGE, Scorer
from vigil.model.session import ROWS_MAX
from vigil.pb import anomaly_pb2 as pb
from vigil.runtime import metrics
from vigil.runtime.logs import log

NAME = "anomaly.AnomalyDetection"
VERSION = "1"
_log = logging.getLogger(__name__)


class GrpcEdge:
    """Answers from the model; without one, every scoring call says MODEL_UNAVAILABLE."""

    def __init__(self, scorer: Scorer | None, assessor: Assessor | None, problem: str = "") -> None:
        self._scorer, self._assessor, self._problem = scorer, assessor, problem

    def handler(self) -> Any:
        """The service's handlers."""

        def unary(method: Any, request: Any, response: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(method, request.FromString, response.SerializeToString)

        methods = {
            "ScoreBatch": unary(self.score_batch, pb.ScoreBatchRequest, pb.ScoreBatchResponse),
            "ScoreVitals": unary(self.score_vitals, pb.ScoreVitalsRequest, pb.ScoreVitalsResponse),
            "ListModels": unary(self.list_models, pb.ListModelsRequest, pb.ListModelsResponse),
        }
        return grpc.method_handlers_generic_handler(NAME, methods)

    async def score_batch(self, request: pb.ScoreBatchRequest, _context: Any) -> pb.ScoreBatchResponse:
        """Packed rows in, packed scores out."""
        if self._scorer is None:
            return pb.ScoreBatchResponse(version=VERSION, status=pb.MODEL_UNAVAILABLE, message=self._problem)
        manifest = self._scorer.model.manifest
        problem = _batch_problem(request, manifest.schema, len(manifest.features))
        if problem:
            self._refused("score_batch", problem)
            return pb.ScoreBatchResponse(
                version=VERSION, status=pb.INVALID_ARGUMENT, message=problem, model_version=manifest.version
            )
        scores = await self._scorer.score(request.features, request.rows)
        return pb.ScoreBatchResponse(
            version=VERSION,
            status=pb.SUCCESS,
            rows=request.rows,
            columns=len(manifest.scores),
            scores=scores,
            model_version=manifest.version,
        )

    async def score_vitals(self, request: pb.ScoreVitalsRequest, _context: Any) -> pb.ScoreVitalsResponse:
        """One observation, with severities and an explanation per vital sign."""
        if self._assessor is None:
            return pb.ScoreVitalsResponse(version=VERSION, status=pb.MODEL_UNAVAILABLE, message=self._problem)
        try:
            return await self._assessor.assess(request)
        except InvalidVitals as error:
            self._refused("score_vitals", str(error))
            return pb.ScoreVitalsResponse(version=VERSION, status=pb.INVALID_ARGUMENT, message=str(error))
        except NotScorable as error:
            metrics.NOTICES.labels(STAGE, "not_scorable").inc()
            return pb.ScoreVitalsResponse(
                version=VERSION, status=pb.NOT_SCORABLE, message=str(error), metadata=error.metadata
            )

    async def list_models(self, _request: pb.ListModelsRequest, _context: Any) -> pb.ListModelsResponse:
        """The loaded model; none when it could not be loaded."""
        if self._scorer is None:
            return pb.ListModelsResponse(version=VERSION)
        manifest = self._scorer.model.manifest
        model = pb.Model(
            model_version=manifest.version,
            name=manifest.name,
            sha256=manifest.sha256,
            schema=manifest.schema,
            active=True,
        )
        return pb.ListModelsResponse(version=VERSION, models=[model])

    def _refused(self, call: str, reason: str) -> None:
        metrics.ERRORS.labels(STAGE, "invalid_argument").inc()
        log(_log, logging.WARNING, "call_refused", call=call, reason=reason)


def _batch_problem(request: pb.ScoreBatchRequest, schema: str, columns: int) -> str | None:
    """What is wrong with the request, or None."""
    if request.schema != schema:
        return f"schema: the model wants {schema}, the rows are {request.schema[:64] or 'without one'}"
    if request.columns != columns:
        return f"columns: the model wants {columns}, the request says {request.columns}"
    if request.rows > ROWS_MAX:
        return f"rows: at most {ROWS_MAX} a call, the request says {request.rows}"
    if len(request.features) != request.rows * request.columns * 4:
        return f"features: {request.rows} rows of {columns} float32 are not {len(request.features)} bytes"
    return None
