"""One supervised service: started, watched, started again with growing pauses, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from vigil import paths
from vigil.topology import Service

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 30.0
STEADY_S = 30.0
"""A process that lived this long starts again without a pause beyond the first."""


class State(StrEnum):
    """Where a service is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"
    BACKOFF = "restarting"
    DONE = "done"
    STOPPING = "stopping"
    STOPPED = "stopped"


class ServiceProcess:
    """A service as a child in a process group of its own. Not thread-safe: one thread calls it."""

    def __init__(self, service: Service, environment: Mapping[str, str], log: Path) -> None:
        self.service, self.log = service, log
        self.state, self.restarts, self.exit_code = State.WAITING, 0, 0
        self.problem = ""
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._again_at = 0.0
        self._backoff_s = BACKOFF_FIRST_S

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Starts the process; its output goes to the log file."""
        module = f"services.{self.service.package}"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "vigil.supervisor.child", module, str(os.getpid())],
                cwd=paths.ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started_at = time.monotonic()
        self.state, self.problem = State.STARTING, ""

    def watch(self) -> None:
        """Notices an end, and starts again when the pause is over. A service without ports may end for good."""
        process = self._process
        if process is None or self.state in (State.STOPPING, State.STOPPED, State.DONE, State.WAITING):
            return
        now = time.monotonic()
        if self.state is State.BACKOFF:
            if now >= self._again_at:
                self.restarts += 1
                self.start()
            return
        code = process.poll()
        if code is None:
            return
        self.exit_code = code
        if code == 0 and self.service.http_port is None:
            self.state = State.DONE
            return
        if now - self._started_at > STEADY_S:
            self._backoff_s = BACKOFF_FIRST_S
        self.state, self._again_at = State.BACKOFF, now + self._backoff_s
        self.problem = f"ended with {describe(code)}; again in {self._backoff_s:.1f} s"
        self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)

    def observe(self, ready: bool, problem: str) -> None:
        """What its /readyz said."""
        if self.state in (State.STARTING, State.READY, State.NOT_READY):
            if ready:
                self.state, self.problem = State.READY, ""
            else:
                self.state = State.NOT_READY if self.state is not State.STARTING else State.STARTING
                self.problem = problem

    def terminate(self) -> None:
        """Asks for an orderly end."""
        if self._process is not None and self._process.poll() is None:
            self.state = State.STOPPING
            self._process.send_signal(signal.SIGTERM)
        else:
            self.state = State.STOPPED

    def wait(self, timeout_s: float) -> int:
        """Waits for the end; kills the whole group after `timeout_s`. Returns the exit code."""
        if self._process is None:
            return 0
        try:
            self.exit_code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.exit_code = self._process.wait()
        self.state = State.STOPPED
        return self.exit_code

    def log_tail(self, lines: int = 8) -> str:
        """The end of the log."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - 16_384))
                return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


_MEANINGS = {69: "a dependency is missing", 70: "a defect", 71: "its port is taken", 78: "wrong settings"}


def describe(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return signal.Signals(-code).name
    return f"{code} ({_MEANINGS[code]})" if code in _MEANINGS else str(code)
