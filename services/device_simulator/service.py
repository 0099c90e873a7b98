"""Enrols the simulated devices, sends until told to stop, and says what became of it."""

import asyncio
import contextlib
import logging
import time
from pathlib import Path

from services.device_simulator import enrolment
from services.device_simulator.record import record, truth_path
from services.device_simulator.simulator import Encoder, Plan, Simulator, send
from vigil.clients.gateway import transport
from vigil.clients.registry import RegistryClient
from vigil.clients.sending import Sender, Statistics
from vigil.recordings.values import from_iso
from vigil.runtime.logs import log
from vigil.runtime.service import EXIT_UNAVAILABLE, Service, run
from vigil.settings import Settings

NAME = "device-simulator"
_log = logging.getLogger(__name__)


def plan_of(settings: Settings) -> Plan:
    """The plan that the settings describe; without SIMULATOR_START it starts now."""
    start_us = from_iso(settings.simulator_start) if settings.simulator_start else time.time_ns() // 1000
    start_us -= start_us % 1000  # the bodies carry milliseconds
    return Plan(
        devices=settings.simulator_devices,
        interval_s=settings.simulator_interval_s,
        seed=settings.simulator_seed,
        start_us=start_us,
        duration_s=settings.simulator_duration_s,
        episode_rate=settings.simulator_episode_rate,
        episodes=settings.simulator_episodes,
        dip_rate=settings.simulator_dip_rate,
        prefix=settings.simulator_prefix,
        per_body=settings.simulator_per_body,
        truth=Path(settings.simulator_truth_file) if settings.simulator_truth_file else None,
    )


def encoder_of(settings: Settings) -> Encoder | None:
    """The encoder of the transport; None = JSON."""
    if settings.simulator_transport != "grpc":
        return None
    from services.device_simulator.encode_grpc import GrpcTemplate

    return GrpcTemplate(settings.simulator_prefix)


def enrol(settings: Settings, plan: Plan) -> None:
    """Registers and links everything; blocking."""
    url = settings.http_url("registry")
    with RegistryClient(url, wait_s=settings.start_timeout_s) as registry:
        registry.register(enrolment.patients(plan), enrolment.devices(plan), enrolment.links(plan))


def summary_of(simulator: Simulator, sent: Statistics, elapsed_s: float) -> dict[str, object]:
    """The numbers of a run."""
    return {
        "devices": simulator.plan.devices,
        "seconds": round(elapsed_s, 1),
        "observations": sent.observations,
        "accepted": sent.accepted,
        "rejected": sent.rejected,
        "unsent": sent.unsent,
        "retried_bodies": sent.retried,
        "observations_per_second": round(sent.accepted / max(elapsed_s, 1e-9), 1),
        "episodes": simulator.truth.episodes,
        "latency_ms_p50": sent.percentile_ms(0.5),
        "latency_ms_p99": sent.percentile_ms(0.99),
        "last_event_us": simulator.last_event_us,
        "problems": dict(sent.problems),
    }


async def _run(service: Service, simulator: Simulator, sender: Sender, shown: bool) -> None:
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        on_body = None
        if shown:
            from services.device_simulator.progress import Bar

            bar = stack.enter_context(Bar(simulator.plan.duration_s))
            on_body = lambda body: bar.update(body.due_s, sender.statistics, simulator.truth.episodes)  # noqa: E731
        await send(simulator, sender, service.stopping, on_body)
        await sender.finish(service.settings.drain_timeout_s)
    summary = summary_of(simulator, sender.statistics, time.monotonic() - began)
    log(_log, logging.INFO, "simulator_summary", **summary)
    if shown:
        from services.device_simulator.progress import show

        show(summary)
    if sender.statistics.unsent:
        service.exit_code = service.exit_code or EXIT_UNAVAILABLE
    service.stopping.set()


async def start(service: Service, shown: bool = False) -> None:
    """Enrols, then sends in the background."""
    settings = service.settings
    # The kernels compile while the registry is being filled; the clock starts when both are done.
    plan = plan_of(settings)
    encoder = encoder_of(settings)
    warm = Plan(devices=1, interval_s=1.0, seed=0, start_us=0, duration_s=0.5)
    await asyncio.gather(
        asyncio.to_thread(enrol, settings, plan),
        asyncio.to_thread(lambda: list(Simulator(warm).bodies())),
    )
    simulator = Simulator(plan_of(settings), encoder)
    lanes = settings.simulator_connections
    sender = Sender(transport(settings.simulator_transport, settings, lanes), lanes)
    log(_log, logging.INFO, "simulator_started", devices=plan.devices, interval_s=plan.interval_s, seed=plan.seed)
    task = asyncio.create_task(_run(service, simulator, sender, shown))

    async def finish() -> None:
        await task

    service.on_drain("sending", finish)
    task.add_done_callback(lambda done: _report(service, done))


def _report(service: Service, done: "asyncio.Task[None]") -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        service.fail(f"sending failed: {error!r}")


def main_record(path: Path, shown: bool = False) -> int:
    """Writes a recording in place of sending; returns the exit code."""
    from services.device_simulator.progress import recording, show

    settings = Settings.load()
    plan = plan_of(settings)
    with recording(plan.duration_s, shown) as progress:
        simulator = record(plan, path, progress)
    if shown:
        show(
            {
                "devices": plan.devices,
                "observations": simulator.observations,
                "episodes": simulator.truth.episodes,
                "short dips": simulator.dips.count,
                "recording": str(path),
                "ground truth": str(truth_path(path)),
            }
        )
    return 0


def main(shown: bool = False) -> int:
    """Runs the service; returns its exit code. `shown`: a progress bar and a table for a person."""
    return run(NAME, lambda service: start(service, shown))
