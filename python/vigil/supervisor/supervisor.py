"""The supervisor: servers, topics, services in the order of the topology; restarts; an orderly stop in reverse.

One thread runs it: `start`, then `step` again and again, then `stop`. Services are children that the kernel
kills when the supervisor dies, so it must be the thread that lives longest that starts them.
"""

import os
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from vigil import paths, topology
from vigil.settings import Settings
from vigil.supervisor import ports
from vigil.supervisor.probe import Look, Prober, Rates
from vigil.supervisor.process import ServiceProcess, State
from vigil.supervisor.servers import Servers
from vigil.supervisor.state import StateFile

PROBE_PAUSE_S, PROBE_PAUSE_STEADY_S = 0.25, 2.0
PATIENCE_S = 45.0
"""So long the simulator waits for all others to be ready; then those that it needs itself are enough."""
SIMULATOR = "device-simulator"
Say = Callable[[str], None]


class CannotStart(Exception):
    """Nothing was started; `problems` says why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Supervisor:
    """Ten services (or `only` some) and their servers over one `.vigil` directory."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        *,
        simulator: bool = True,
        kafka: bool = False,
        only: Collection[str] = (),
        say: Say = lambda _: None,
    ) -> None:
        self.directory, self._say = directory, say
        self._environment = dict(environment)
        names = [s.name for s in topology.SERVICES if simulator or s.name != SIMULATOR]
        self._names = [name for name in names if not only or name in only]
        self._servers = Servers(directory, environment, kafka=kafka, say=say)
        self._state = StateFile(directory)
        self._prober: Prober | None = None
        self._probed_at = 0.0
        self.settings = Settings.load(environment)
        self.processes: dict[str, ServiceProcess] = {}
        self.looks: dict[str, Look] = {}
        self.started_at = time.monotonic()
        self.ready_after_s: float | None = None

    # Start ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts everything but the simulator, which follows when the others are ready.

        Raises `AlreadyUp`, `CannotStart`, `EmbeddedError` or `BusError`; then nothing is left running.
        """
        self._state.acquire()
        try:
            services = [topology.BY_NAME[name] for name in self._names]
            if problems := ports.taken(self.settings, services):
                raise CannotStart(problems)
            logs = self.directory / "logs"
            logs.mkdir(exist_ok=True)
            self._servers.start()
            self._environment |= self._servers.environment
            self.settings = Settings.load(self._environment)
            self._ensure_topics()
            self._prober = Prober(self.settings)
            environment = self._child_environment()
            for service in services:
                log = logs / f"{service.name}.log"
                self.processes[service.name] = ServiceProcess(service, environment, log)
            for name, process in self.processes.items():
                if name != SIMULATOR:
                    process.start()
            self._write_state()
        except BaseException:
            self.stop()
            raise

    def _ensure_topics(self) -> None:
        from vigil import bus

        log = bus.connect(self.settings)
        try:
            log.ping(self.settings.bus_timeout_s)
            log.ensure_topics(self.settings.bus_partitions)
        finally:
            log.close()

    def _child_environment(self) -> dict[str, str]:
        path = f"{paths.ROOT / 'python'}{os.pathsep}{paths.ROOT}"
        # Ten processes share few cores: numerical libraries must not start a thread a core each.
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        return {**quiet, **self._environment, "PYTHONPATH": path}

    # While it runs -------------------------------------------------------------------------------

    def step(self) -> None:
        """Looks after everything once; call several times a second."""
        for process in self.processes.values():
            process.watch()
        pause = PROBE_PAUSE_STEADY_S if self.is_ready() else PROBE_PAUSE_S
        if self._prober and time.monotonic() - self._probed_at >= pause:
            self._probe(self._prober)
            self._write_state()

    def _probe(self, prober: Prober) -> None:
        asked = [p.service for p in self.processes.values() if p.service.http_port and p.pid]
        self.looks = prober.look(asked, with_rates=self.is_ready())
        self._probed_at = time.monotonic()
        for name, look in self.looks.items():
            self.processes[name].observe(look.ready, look.problem)
        waited_s = time.monotonic() - self.started_at
        if self.ready_after_s is None and self._others_ready():
            self.ready_after_s = waited_s
        simulator = self.processes.get(SIMULATOR)
        if simulator and simulator.state is State.WAITING:
            needed = [self.processes[name] for name in simulator.service.needs if name in self.processes]
            patient = waited_s < PATIENCE_S and self.ready_after_s is None
            if not patient and all(process.state is State.READY for process in needed):
                simulator.start()
        elif simulator and simulator.pid:
            simulator.observe(True, "")

    def _others_ready(self) -> bool:
        return all(p.state is State.READY for name, p in self.processes.items() if name != SIMULATOR)

    def is_ready(self) -> bool:
        """Whether every service is ready now (the simulator may be done)."""
        return bool(self.processes) and all(p.state in (State.READY, State.DONE) for p in self.processes.values())

    def is_serving(self) -> bool:
        """Whether the work has begun: the simulator was started, or without one all services became ready."""
        simulator = self.processes.get(SIMULATOR)
        return simulator.state is not State.WAITING if simulator else self.ready_after_s is not None

    def unready(self) -> list[str]:
        """A sentence for every service that is not ready."""
        fine = (State.READY, State.DONE)
        return [
            f"{name} is {process.state}{': ' + process.problem if process.problem else ''} (log: {process.log})"
            for name, process in self.processes.items()
            if process.state not in fine
        ]

    def rates(self, name: str) -> Rates | None:
        """Throughput of a service, where it has any."""
        look = self.looks.get(name)
        return look.rates if look and look.rates.per_s is not None else None

    def _write_state(self) -> None:
        secret = {k: v for k, v in self._environment.items() if k in _SHARED or k.endswith(("_PORT", "_HOST"))}
        self._state.write(
            {
                "pid": os.getpid(),
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "environment": secret,
                "services": {
                    name: {
                        "pid": process.pid,
                        "state": str(process.state),
                        "restarts": process.restarts,
                        "http_port": self.settings.http_ports.get(name),
                        "grpc_port": self.settings.grpc_ports.get(name),
                        "log": str(process.log),
                    }
                    for name, process in self.processes.items()
                },
            }
        )

    # Stop ----------------------------------------------------------------------------------------

    def stop(self) -> dict[str, int]:
        """Stops the services in reverse order of the topology, then the servers; returns exit codes."""
        codes: dict[str, int] = {}
        for name in [name for name in self.processes if name == SIMULATOR] + [
            name for name in reversed(self.processes) if name != SIMULATOR
        ]:
            process = self.processes[name]
            if process.pid is None:
                continue
            self._say(f"stopping {name}")
            process.terminate()
            codes[name] = process.wait(self.settings.drain_timeout_s + 5.0)
        if self._prober:
            self._prober.close()
        self._servers.stop()
        self._state.release()
        return codes


_SHARED = {
    "POSTGRES_DSN", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB",
    "REDIS_URL", "REDIS_PASSWORD", "REDIS_DB", "KAFKA_BROKERS", "BUS_PREFIX", "BUS_PARTITIONS", "RULES_FILE",
    "MODEL_FILE", "BIND_HOST",
}  # fmt: skip
"""What another terminal needs to reach the same system."""
