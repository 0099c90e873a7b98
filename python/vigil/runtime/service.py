"""The life of a service, once for all ten: settings, logs, HTTP edge, wait for dependencies, run, drain.

Exit codes (sysexits): 0 drained, 69 a dependency is missing, 70 a defect, 71 the port is taken, 78 wrong settings.
"""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import uvloop

from vigil.runtime import logs, memory
from vigil.runtime.health import Health
from vigil.runtime.http import AsgiApp, Edge, HttpServer, RsgiApp
from vigil.runtime.metrics import READY
from vigil.settings import Settings, SettingsError

EXIT_UNAVAILABLE, EXIT_SOFTWARE, EXIT_OSERR, EXIT_CONFIG = 69, 70, 71, 78
_log = logging.getLogger(__name__)

Drain = Callable[[], Awaitable[None]]


class DependencyMissing(Exception):
    """Something the service cannot work without did not answer in time."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} is not available: {reason}")
        self.name = name


@dataclass
class Service:
    """What a service's `start` gets: its settings, its health and the edge to hang its application on."""

    name: str
    settings: Settings
    health: Health
    edge: Edge
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _drains: list[tuple[str, Drain]] = field(default_factory=list)
    exit_code: int = 0

    def serve_asgi(self, app: AsgiApp) -> None:
        """Hangs a REST application on the edge."""
        self.edge.asgi = app

    def serve_rsgi(self, app: RsgiApp) -> None:
        """Hangs a hot-path application on the edge."""
        self.edge.rsgi = app

    def on_drain(self, what: str, drain: Drain) -> None:
        """Registers an orderly stop; run in reverse order of registration."""
        self._drains.append((what, drain))

    def fail(self, reason: str, exit_code: int = EXIT_SOFTWARE) -> None:
        """Stops the service because it cannot go on. Call from the event loop's thread."""
        logs.log(_log, logging.ERROR, "service_failed", reason=reason)
        self.exit_code = exit_code
        self.stopping.set()

    async def require(self, name: str, probe: Callable[[], Awaitable[object]]) -> None:
        """Waits until `probe` does not raise; `DependencyMissing` after START_TIMEOUT_S."""
        deadline = time.monotonic() + self.settings.start_timeout_s
        pause = 0.05
        while True:
            try:
                await probe()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self.health.mark(name, f"waiting: {reason}")
                if time.monotonic() > deadline or self.stopping.is_set():
                    raise DependencyMissing(name, reason) from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                self.health.mark(name, None)
                return

    async def drain(self) -> None:
        """Runs every registered stop within DRAIN_TIMEOUT_S; what does not end is reported."""
        for what, step in reversed(self._drains):
            try:
                await asyncio.wait_for(step(), self.settings.drain_timeout_s)
            except Exception as error:
                logs.log(_log, logging.ERROR, "drain_failed", what=what, reason=f"{type(error).__name__}: {error}")
                self.exit_code = self.exit_code or EXIT_SOFTWARE


Start = Callable[[Service], Awaitable[None]]


async def _live(name: str, settings: Settings, start: Start, rsgi: bool) -> int:
    health = Health(name)
    health.mark("start", "starting")
    service = Service(name, settings, health, Edge(health))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stopping.set)
    server = None
    if name in settings.http_ports:
        server = HttpServer(service.edge, settings.bind_host, settings.http_ports[name], rsgi=rsgi)
        await server.start()
        service.on_drain("http", lambda: server.stop(settings.drain_timeout_s))
    try:
        await start(service)
        health.mark("start", None)
        READY.labels(name).set(1)
        logs.log(_log, logging.INFO, "service_ready", port=settings.http_ports.get(name))
        await service.stopping.wait()
    finally:
        READY.labels(name).set(0)
        health.mark("start", "draining")
        logs.log(_log, logging.INFO, "service_draining")
        await service.drain()
    logs.log(_log, logging.INFO, "service_stopped", exit_code=service.exit_code)
    return service.exit_code


def run(name: str, start: Start, *, rsgi: bool = False) -> int:
    """Runs a service until SIGTERM; returns its exit code. `start` connects, wires, and returns."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        for problem in error.problems:
            print(f"{name}: wrong setting: {problem}", file=sys.stderr)
        return EXIT_CONFIG
    logs.setup(name, settings.log_level)
    memory.keep_freed()
    try:
        return uvloop.run(_live(name, settings, start, rsgi))
    except DependencyMissing as error:
        logs.log(_log, logging.ERROR, "dependency_missing", dependency=error.name, reason=str(error))
        print(f"{name}: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    except OSError as error:
        logs.log(_log, logging.ERROR, "start_failed", reason=str(error))
        return EXIT_OSERR
    except Exception:
        _log.exception("service_crashed")
        return EXIT_SOFTWARE
