"""What the embedded servers share: one owner per directory, kept ports, adoption of survivors, clean stops.

A directory is owned through a file lock, which the system gives back however its owner dies. A server that
outlived its owner (kill -9) is adopted by the next one when it still answers; otherwise a new one is started.
"""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil


class EmbeddedError(Exception):
    """An embedded server did not do what was asked; `error_code` is bounded."""

    error_code = "embedded_failed"


class ProgramMissing(EmbeddedError):
    """A program that the server needs is not installed; the text says what to install."""

    error_code = "program_missing"


class StartFailed(EmbeddedError):
    """The server ended, or did not answer in time; the text quotes the end of its log."""

    error_code = "start_failed"


class AlreadyRunning(EmbeddedError):
    """Another process owns the directory; two owners would stop each other's server."""

    error_code = "already_running"


PORTS = range(20_000, 32_000)
"""Below those that outgoing connections take theirs from: one of them must not get the port before the server does."""


def free_port() -> int:
    """A loopback TCP port that was free a moment ago, at random, so that processes that ask together do not meet."""
    for port in secrets.SystemRandom().sample(PORTS, 50):
        if port_is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether a server could listen on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class EmbeddedServer:
    """Life cycle of one server over one directory. Subclasses say how it is laid out, run and asked.

    `start` blocks until the server answers; `stop` is clean and may be called twice. Usable in `with`.
    """

    title = "server"
    start_timeout_s = 30.0
    stop_timeout_s = 30.0
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path | str, port: int | None = None) -> None:
        self.directory = Path(directory).absolute()
        self.port = port or 0
        self.pid: int | None = None
        self._wanted_port = port
        self._lock: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._state: dict[str, Any] = {}

    # What a subclass says ------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Lays the directory out and writes configuration for `self.port`."""

    def _command(self) -> tuple[Sequence[str], Mapping[str, Any]]:
        """The command line, and further arguments for `Popen`."""
        raise NotImplementedError

    def _answers(self) -> bool:
        """Whether the server behind `self.port` is this one and serves."""
        raise NotImplementedError

    def _survivor(self) -> int | None:
        """The process id of a server that an earlier owner left behind, if any."""
        pid = self._state.get("pid")
        return pid if isinstance(pid, int) and self._is_ours(pid) else None

    # Life cycle ----------------------------------------------------------------------------------

    @property
    def log(self) -> Path:
        """The file the server writes to."""
        return self.directory / "server.log"

    @property
    def password(self) -> str:
        """A password made once for this directory (file mode 0600)."""
        return str(self._state["password"])

    def start(self) -> Self:
        """Starts or adopts the server; raises an `EmbeddedError` when it does not answer."""
        if self._lock is not None:
            return self
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._load_state()
            if not self._adopt():
                self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops the server and gives the directory back."""
        if self._lock is None:
            return
        try:
            if self.pid is not None:
                self._terminate(self.pid)
        finally:
            self.pid = self._child = None
            if self._state:
                self._save_state()
            os.close(self._lock)
            self._lock = None

    def leave(self) -> None:
        """Gives the directory back and leaves the server running; the next `start` adopts it."""
        if self._lock is not None:
            self._save_state()
            os.close(self._lock)
            self._lock = None

    def stop_leftover(self) -> bool:
        """Stops a server that an earlier owner left running; False when there is none."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._load_state()
        self.pid = self._survivor()
        found = self.pid is not None
        self.stop()
        return found

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def is_running(self) -> bool:
        """Whether the server's process is alive (it may still not answer)."""
        if self._child is not None:
            return self._child.poll() is None
        return self.pid is not None and psutil.pid_exists(self.pid)

    # Steps ---------------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        lock = os.open(self.directory / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise AlreadyRunning(
                f"{self.title} in {self.directory} is run by process {owner}; stop that one first"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _load_state(self) -> None:
        try:
            self._state = json.loads((self.directory / "state.json").read_text())
        except (OSError, ValueError):
            self._state = {}
        self._state.setdefault("password", secrets.token_urlsafe(24))
        self._state.setdefault("ports", {})

    def _save_state(self) -> None:
        self._state["pid"] = self.pid
        path, temporary = self.directory / "state.json", self.directory / "state.json.new"
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(self._state))
        temporary.replace(path)

    def _adopt(self) -> bool:
        survivor = self._survivor()
        if survivor is None:
            return False
        self.pid, self.port = survivor, int(self._state["ports"].get("main", 0))
        fits = self._wanted_port in (None, self.port)
        if self.port and fits and self._wait(self._answers, 5.0):
            self._save_state()
            return True
        self._terminate(survivor)
        self.pid = None
        return False

    def _launch(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        for attempt in range(3):
            self.port = self._choose_port("main", self._wanted_port, fresh=attempt > 0)
            self._prepare()
            self._save_state()
            command, options = self._command()
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for the owner, which stops its servers in order
                    **options,
                )
            self.pid = self._child.pid
            self._save_state()
            if self._wait(self._answers, deadline - time.monotonic()):
                return
            if self.is_running() or port_is_free(self.port) or self._wanted_port:
                break  # not a port taken by somebody in between
        raise StartFailed(f"{self.title} did not start; the end of {self.log}:\n{self._log_tail()}")

    def _choose_port(self, name: str, wanted: int | None, *, fresh: bool = False) -> int:
        if wanted:
            if not port_is_free(wanted):
                raise StartFailed(f"{self.title}: port {wanted} is taken by another program")
            return wanted
        kept = int(self._state["ports"].get(name, 0))
        port = kept if kept and not fresh and port_is_free(kept) else free_port()
        self._state["ports"][name] = port
        return port

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        deadline, pause = time.monotonic() + timeout_s, 0.01
        while time.monotonic() < deadline:
            if condition():
                return True
            if not self.is_running():
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        return False

    def _terminate(self, pid: int) -> None:
        """Asks the process to end, in its own clean way; after `stop_timeout_s` it is killed."""
        try:
            process = self._child if self._child is not None else psutil.Process(pid)
            process.send_signal(self.stop_signal)
            try:
                process.wait(self.stop_timeout_s)
            except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
                process.kill()
                process.wait(5)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return

    def _is_ours(self, pid: int) -> bool:
        """Guards against a process id that was given to somebody else after a reboot."""
        try:
            return any(str(self.directory) in word for word in psutil.Process(pid).cmdline())
        except psutil.Error:
            return False

    def _log_tail(self) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        except OSError:
            return "(no log)"
