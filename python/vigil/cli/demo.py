"""`vigil demo`: the whole platform with simulated patients, and a report of what became of their episodes."""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from vigil.cli import environment, seed, up
from vigil.cli.console import CliError, out, say
from vigil.supervisor.process import State
from vigil.supervisor.supervisor import SIMULATOR, Supervisor

READY_TIMEOUT_S = 180.0
SETTLE_S = 30.0
KINDS = 8


def demo(
    seconds: Annotated[float, typer.Option(help="How long the simulator sends; 0 = run on until Ctrl-C.", min=0)] = 45,
    devices: Annotated[int, typer.Option(help="Simulated patients, each with a monitor.", min=8)] = 100,
    kafka: Annotated[bool, typer.Option("--kafka", help="Use an embedded Apache Kafka as the log.")] = False,
    dir: Annotated[Path | None, typer.Option(help="Where data, logs and state are kept.")] = None,
) -> None:
    """Run everything with simulated patients and report what happened.

    Eight patients go through one episode each: desaturation, tachycardia, bradycardia, asystole, hypotension,
    fever, tachypnoea, and a probe that falls off. The report follows each to its alert, incident and
    notification, gives latencies, and balances the ledger.

    Exit code 1 when an episode raised no alert, or the ledger shows a difference.

    [bold]Examples[/bold]

      vigil demo
      vigil demo --seconds 120 --devices 1000
      vigil demo --seconds 0          (runs on; look at the pages it names)
    """
    directory = environment.directory(dir)
    with tempfile.TemporaryDirectory(prefix="vigil-demo-") as scratch:
        truth = Path(scratch) / "truth.jsonl"
        supervisor = up.make(directory, _environment(devices, seconds, truth), simulator=True, kafka=kafka)
        with up.Stopping() as stopping:
            if seconds == 0:
                up.run(supervisor, stopping, on_ready=lambda: _welcome(supervisor))
                return
            finished = _Finished(supervisor, seconds)
            result: list[bool] = []
            up.run(
                supervisor,
                stopping,
                on_ready=lambda: _welcome(supervisor),
                until=finished,
                after=lambda: result.append(_report(supervisor, truth, finished)),
            )
    if not result:
        raise typer.Exit(1)
    if not all(result):
        raise typer.Exit(1)


def _environment(devices: int, seconds: float, truth: Path) -> dict[str, str]:
    """The simulator's part. Ids are of this run alone, so that an earlier run's open alarms stay out of it."""
    wanted = {
        "SIMULATOR_DEVICES": str(devices),
        "SIMULATOR_DURATION_S": str(seconds),
        "SIMULATOR_SEED": "1",
    }
    if seconds:
        wanted |= {
            "SIMULATOR_EPISODES": str(KINDS),
            "SIMULATOR_TRUTH_FILE": str(truth),
            "SIMULATOR_PREFIX": f"demo-{int(time.time()):x}-",
        }
    return {**os.environ, **wanted}


class _Finished:
    """Whether the simulator has sent all, or something takes far too long."""

    def __init__(self, supervisor: Supervisor, seconds: float) -> None:
        self._supervisor, self._limit_s = supervisor, READY_TIMEOUT_S + seconds * 2
        self.began_us = time.time_ns() // 1000

    def __call__(self) -> bool:
        simulator = self._supervisor.processes.get(SIMULATOR)
        if simulator is not None and simulator.state is State.DONE:
            return True
        if time.monotonic() - self._supervisor.started_at > self._limit_s:
            raise CliError("the demo did not come to its end: " + "; ".join(self._supervisor.unready()))
        return False


def _welcome(supervisor: Supervisor) -> None:
    """Seeds, and says where to look."""
    from vigil.clients.registry import RegistryClient

    with RegistryClient(supervisor.settings.http_url("registry")) as registry:
        registry.register(seed.patients(20), seed.devices(20), seed.links(20))
        registry.thresholds(seed.thresholds(20))
    say("20 demo patients are registered; the simulator starts")
    for line in places(supervisor):
        say(line)


def places(supervisor: Supervisor) -> list[str]:
    """Where to look while it runs."""
    url = supervisor.settings.http_url
    return [
        f"incidents      {url('incident-service')}/incidents",
        f"notifications  {url('notification-service')}/notifications",
        f"alarm burden   {url('analytics')}/stats/global/alerts",
        f"write requests {url('telemetry-gateway')}/docs · {url('registry')}/docs",
        f"events         vigil tail alerts · logs {supervisor.directory / 'logs'}",
    ]


def _report(supervisor: Supervisor, truth: Path, finished: _Finished) -> bool:
    """Waits until everything has arrived, prints the report; whether all is well."""
    from vigil.cli import demo_report

    say("the simulator is done; waiting until everything has arrived")
    report = demo_report.collect(supervisor.settings, truth, finished.began_us, SETTLE_S)
    for part in demo_report.render(report):
        out.print(part)
    out.print("[bold]Where to look next[/bold]: make up, then")
    for line in places(supervisor):
        out.print(f"  {line}", highlight=False, soft_wrap=True)
    return report.is_good()
