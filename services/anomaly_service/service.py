"""Wires the models between their files and the edges: gRPC for scores, REST for the models themselves."""

import asyncio
import logging
import signal
from pathlib import Path

from services.anomaly_service.assessment import Assessor
from services.anomaly_service.comparison import Bounds
from services.anomaly_service.drift import FeatureDrift
from services.anomaly_service.folder import ModelFolder
from services.anomaly_service.grpc_edge import NAME as GRPC_NAME
from services.anomaly_service.grpc_edge import GrpcEdge
from services.anomaly_service.routes import application
from services.anomaly_service.scorer import Scorer
from services.anomaly_service.swap import OnTrial, Plan, Swap, SwapRefused
from vigil import paths
from vigil.model import Model, ModelError, load
from vigil.model.manifest import default_file
from vigil.runtime.grpc_server import serve_grpc
from vigil.runtime.logs import log
from vigil.runtime.rest import serve
from vigil.runtime.service import Service, run
from vigil.settings import Settings

NAME = "anomaly-service"
SHIPPED = "MODEL_FILE"
"""The source of the model that MODEL_FILE names, or that is shipped."""
_log = logging.getLogger(__name__)


async def start(service: Service) -> None:
    """Loads and warms the model, then opens the edges. Without a model the service answers, but is not ready."""
    settings = service.settings
    folder = ModelFolder(Path(settings.model_dir)) if settings.model_dir else None
    scorer = Scorer(
        None,
        settings.model_threads,
        rows_max=settings.model_batch_rows,
        linger_s=settings.model_gather_ms / 1000,
        waiting_max=settings.model_waiting_rows,
    )
    service.on_drain("model", scorer.close)
    source = await asyncio.to_thread(_first, settings, folder, scorer)
    drift = FeatureDrift(settings.model_drift_rows_per_s)
    scorer.observers.append(drift.observe)

    def promoted(source: str) -> None:
        service.health.mark("model", None)
        serving(True)
        if folder is not None:
            folder.remember("" if source == SHIPPED else source)

    swap = Swap(scorer, source, _load, _plan(settings), promoted)
    service.health.mark("model", scorer.problem or None)
    service.serve_asgi(serve(application(NAME, swap, folder, drift)))
    edge = GrpcEdge(scorer, Assessor(scorer), swap)
    serving = await serve_grpc(service, [edge.handler()], [GRPC_NAME], serving=scorer.model is not None)
    service.on_drain("streams", edge.drain)
    _watch(service, folder, swap)

    async def close() -> None:
        swap.close()
        drift.close()

    service.on_drain("swap", close)


def _load(file: Path) -> Model:
    """Read, held against its sha256 and the core's rows, and warm."""
    model = load(file)
    model.warm_up()
    return model


def _first(settings: Settings, folder: ModelFolder | None, scorer: Scorer) -> str:
    """Loads the model promoted last, else the one of MODEL_FILE; gives its source."""
    remembered = folder.remembered() if folder else ""
    try:
        if folder and remembered:
            scorer.model = _load(folder.file(remembered))
            return remembered
    except ModelError as error:
        log(_log, logging.ERROR, "promoted_model_unavailable", source=remembered, reason=str(error))
    try:
        scorer.model = _load(Path(settings.model_file) if settings.model_file else default_file(paths.MODELS))
    except ModelError as error:
        scorer.problem = str(error)
        log(_log, logging.ERROR, "model_unavailable", reason=scorer.problem)
    else:
        log(_log, logging.INFO, "model_loaded", model_version=scorer.model.version)
    return SHIPPED


def _plan(settings: Settings) -> Plan:
    bounds = Bounds(
        rank_agreement_min=settings.model_rank_agreement_min,
        severe_share_difference_max=settings.model_severe_share_difference_max,
        time_ratio_max=settings.model_time_ratio_max,
    )
    return Plan(
        rows=settings.model_shadow_rows,
        seconds=settings.model_shadow_s,
        automatic=settings.model_promote_automatically,
        bounds=bounds,
    )


async def offered(swap: Swap, source: str, file: Path) -> bool:
    """Offers what came into the folder; False when it has to wait for the end of a trial."""
    try:
        await swap.offer(source, file)
    except OnTrial:
        return False
    except SwapRefused:
        pass  # the reason is in the history
    return True


def _watch(service: Service, folder: ModelFolder | None, swap: Swap) -> None:
    """Looks into the folder every so often, and at once on SIGHUP; without one the signal is said and ends nothing."""
    loop = asyncio.get_running_loop()
    if folder is None:
        ignored = {"signal": "SIGHUP", "reason": "MODEL_DIR is not set"}
        loop.add_signal_handler(signal.SIGHUP, lambda: log(_log, logging.WARNING, "signal_ignored", **ignored))
        return

    async def offer(source: str, file: Path) -> bool:
        return await offered(swap, source, file)

    scans: set[asyncio.Task[None]] = set()

    def scan_now() -> None:
        task = loop.create_task(folder.scan(offer, swap.turn_away))
        scans.add(task)
        task.add_done_callback(scans.discard)

    watch = loop.create_task(folder.watch(service.settings.model_watch_s, offer, swap.turn_away))
    loop.add_signal_handler(signal.SIGHUP, scan_now)

    async def stop() -> None:
        watch.cancel()

    service.on_drain("model folder", stop)


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
