"""The whole platform as a user has it: real servers, the services as processes of their own, free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import httpx

from vigil import bus, topology
from vigil.bus.port import Bus
from vigil.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = tuple(s.name for s in topology.SERVICES if s.name != "device-simulator")
T = TypeVar("T")


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held while they are chosen."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def eventually(what: str, probe: Callable[[], T], timeout_s: float = 30.0, pause_s: float = 0.05) -> T:
    """Waits for a condition: returns the first true value of `probe`; exceptions count as not yet."""
    deadline = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            value = probe()
            if value:
                return value
            last = value
        except Exception as error:
            last = error
        time.sleep(pause_s)
    raise AssertionError(f"not within {timeout_s} s: {what} (last: {last!r})")


class Platform:
    """Starts, kills and restarts services; `env` is what they all see."""

    def __init__(self, directory: Path, env: dict[str, str]) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        wanted = [(s, kind) for s in topology.SERVICES for kind in ("HTTP", "GRPC")]
        ports = free_ports(len(wanted))
        self.env = {
            **{f"{s.package.upper()}_{kind}_PORT": str(port) for (s, kind), port in zip(wanted, ports, strict=True)},
            "LOG_LEVEL": "INFO",
            "COMMIT_INTERVAL_MS": "200",
            "CHECKPOINT_INTERVAL_MS": "300",
            "ANALYTICS_FLUSH_MS": "200",
            "ANOMALY_RETRY_AFTER_MS": "200",
            "ANOMALY_DOWN_AFTER_S": "1",
            "ANOMALY_UP_AFTER_S": "1",
            **env,
        }
        self.settings = Settings.load(self.env)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.bus: Bus = bus.connect(self.settings)

    def start(self, names: Iterable[str] = PIPELINE, timeout_s: float = 60.0) -> None:
        """Starts services and waits until each is ready."""
        names = list(names)
        self.bus.ensure_topics(self.settings.bus_partitions)
        for name in names:
            self.spawn(name)
        for name in names:
            self.wait_ready(name, timeout_s)

    def child_environment(self) -> dict[str, str]:
        """What a process of this platform sees."""
        return {**os.environ, **self.env, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}

    def spawn(self, name: str, *command: str) -> None:
        """Starts one service without waiting; `command` are the module and arguments that stand in for it."""
        command = command or (f"services.{topology.BY_NAME[name].package}",)
        env = self.child_environment()
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=ROOT, env=env, stdout=log, stderr=log
            )

    def wait_ready(self, name: str, timeout_s: float = 60.0) -> None:
        """Waits until a service says it is ready; fails with its log when it ended."""
        url = self.settings.http_url(name) + "/readyz"

        def ready() -> bool:
            if self.processes[name].poll() is not None:
                raise SystemExit(f"{name} ended with {self.processes[name].returncode}:\n{self.log(name)}")
            return httpx.get(url, timeout=2.0).status_code == 200

        eventually(f"{name} is ready:\n{self.log(name)}", ready, timeout_s)

    def log(self, name: str) -> str:
        """The end of a service's log."""
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes[name].kill()
        self.processes[name].wait(10)

    def stop(self, name: str, timeout_s: float = 20.0) -> int:
        """SIGTERM; returns the exit code."""
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise AssertionError(f"{name} did not stop in {timeout_s} s:\n{self.log(name)}") from None

    def close(self) -> dict[str, int]:
        """Stops everything, sinks first to last in reverse order of the topology; returns exit codes."""
        order = [s.name for s in reversed(topology.SERVICES) if s.name in self.processes]
        codes = {name: self.stop(name) for name in order}
        self.bus.close()
        return codes

    def settled(self, timeout_s: float = 60.0) -> None:
        """Waits until every consumer group has committed everything there is, twice in a row."""

        def lag() -> int:
            return sum(
                self.bus.lag(s.name, t) for s in topology.SERVICES for t in s.reads if t != topology.REGISTRY_CHANGES
            )

        eventually(
            "all consumers have caught up", lambda: lag() == 0 and (time.sleep(0.3) or lag() == 0), timeout_s, 0.2
        )

    def cli(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Runs the `vigil` command against this platform."""
        env = self.child_environment()
        return subprocess.run(
            [sys.executable, "-m", "vigil.cli", *arguments],
            cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
