"""Wires the model between its file and the gRPC edge."""

import asyncio
import logging
from pathlib import Path

from services.anomaly_service.assessment import Assessor
from services.anomaly_service.grpc_edge import NAME as GRPC_NAME
from services.anomaly_service.grpc_edge import GrpcEdge
from services.anomaly_service.scorer import Scorer
from vigil import paths
from vigil.model import Model, ModelError, load
from vigil.runtime.grpc_server import serve_grpc
from vigil.runtime.logs import log
from vigil.runtime.service import Service, run

NAME = "anomaly-service"
_log = logging.getLogger(__name__)


async def start(service: Service) -> None:
    """Loads and warms the model, then opens the edge. Without a model the service answers, but is not ready."""
    settings = service.settings
    scorer, assessor, problem = None, None, ""
    try:
        model = await asyncio.to_thread(_load, settings.model_file)
    except ModelError as error:
        problem = str(error)
        service.health.mark("model", problem)
        log(_log, logging.ERROR, "model_unavailable", reason=problem)
    else:
        scorer = Scorer(model, settings.model_threads)
        service.on_drain("model", scorer.close)
        rules = Path(settings.rules_file) if settings.rules_file else paths.RULES
        assessor = Assessor(scorer, await asyncio.to_thread(rules.read_text, "utf-8"))
        log(_log, logging.INFO, "model_loaded", model=model.manifest.name, model_version=model.version)
    edge = GrpcEdge(scorer, assessor, problem)
    await serve_grpc(service, [edge.handler()], [GRPC_NAME], serving=scorer is not None)


def _load(model_file: str) -> Model:
    model = load(model_file)
    model.warm_up()
    return model


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
