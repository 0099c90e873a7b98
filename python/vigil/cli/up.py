"""`vigil up`: everything on this box until Ctrl-C."""

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vigil.cli import environment
from vigil.cli.console import err, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from vigil.supervisor.supervisor import Supervisor

STEP_S = 0.1


def up(
    devices: Annotated[int | None, typer.Option(help="Simulated devices (SIMULATOR_DEVICES).", min=0)] = None,
    no_simulator: Annotated[bool, typer.Option("--no-simulator", help="Start the other nine services only.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="Start an embedded Apache Kafka as the log.")] = False,
    duration: Annotated[float, typer.Option(help="Stop after this many seconds; 0 = until Ctrl-C.", min=0)] = 0,
    dir: Annotated[Path | None, typer.Option(help="Where data, logs and state are kept.")] = None,
) -> None:
    """Start all services, supervised, with embedded PostgreSQL and Redis.

    External servers are used where POSTGRES_DSN, REDIS_URL or KAFKA_BROKERS name them. A service that ends is
    started again, with growing pauses. Logs are in .vigil/logs. Ctrl-C stops everything in order.

    [bold]Examples[/bold]

      vigil up
      vigil up --devices 500 --kafka
      POSTGRES_DSN=postgresql://… KAFKA_BROKERS=broker:9092 vigil up --no-simulator
    """
    given = dict(os.environ)
    if devices is not None:
        given["SIMULATOR_DEVICES"] = str(devices)
    supervisor = make(environment.directory(dir), given, simulator=not no_simulator, kafka=kafka)
    with Stopping() as stopping:
        run(supervisor, stopping, duration)


def make(directory: Path, given: dict[str, str], *, simulator: bool, kafka: bool) -> "Supervisor":
    """A supervisor that tells this terminal what it does."""
    from vigil.supervisor.supervisor import Supervisor

    return Supervisor(directory, given, simulator=simulator, kafka=kafka, say=say)


class Stopping:
    """SIGINT and SIGTERM as a flag, while the context lasts. The second Ctrl-C is not swallowed."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stopping":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _ask(self, _number: int, _frame: object) -> None:
        if not self.asked:
            say("stopping in order …")
        self.asked = True


def run(
    supervisor: "Supervisor",
    stopping: Stopping,
    duration_s: float = 0.0,
    *,
    on_ready: "Callable[[], None] | None" = None,
    until: "Callable[[], bool] | None" = None,
    after: "Callable[[], None] | None" = None,
) -> None:
    """Starts, calls `on_ready`, looks after everything until asked to stop (or `until`), calls `after`, stops."""
    from vigil.supervisor.display import Display

    supervisor.start()
    try:
        announced = False
        with Display(err, supervisor) as display:
            while not stopping.asked:
                supervisor.step()
                display.update()
                if not announced and supervisor.is_serving():
                    announced = True
                    _announce(supervisor)
                    if on_ready:
                        on_ready()
                lasted = time.monotonic() - supervisor.started_at
                if (duration_s and lasted >= duration_s) or (until and until()):
                    break
                time.sleep(STEP_S)
        if after and not stopping.asked:
            after()
    finally:
        codes = supervisor.stop()
    bad = {name: code for name, code in codes.items() if code not in (0, -signal.SIGTERM)}
    say(f"stopped; exit codes other than 0: {bad}" if bad else "stopped; every service drained")


def _announce(supervisor: "Supervisor") -> None:
    if supervisor.ready_after_s is not None:
        say(f"all services are ready after {supervisor.ready_after_s:.1f} s")
        return
    for sentence in supervisor.unready():
        say(sentence)
