"""The state file: how a command in another terminal finds what `vigil up` started, and that only one runs.

`.vigil/state.json` (mode 0600: it holds the embedded servers' passwords) names the supervisor, the services'
processes and the environment they were started with. A file lock says whether the supervisor lives.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class AlreadyUp(Exception):
    """Another supervisor owns the directory."""


class StateFile:
    """The state of one `.vigil` directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path, self._lock_path = directory / "state.json", directory / "up.lock"
        self._lock: int | None = None

    def acquire(self) -> None:
        """Takes the directory; raises `AlreadyUp` when another supervisor has it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise AlreadyUp(f"process {owner} already runs the services in {self.directory}") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Gives the directory back and forgets the state."""
        if self._lock is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def write(self, state: dict[str, Any]) -> None:
        """Replaces the state whole."""
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(state, indent=1))
        fresh.replace(self._path)

    def read(self) -> dict[str, Any] | None:
        """The state of a supervisor that lives; None when there is none."""
        if self.owner() is None:
            return None
        try:
            state = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return None
        return state if isinstance(state, dict) else None

    def owner(self) -> int | None:
        """The process id of the supervisor that lives, if any."""
        try:
            lock = os.open(self._lock_path, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            text = os.pread(lock, 32, 0).decode(errors="replace").strip()
            return int(text) if text.isdigit() else None
        finally:
            os.close(lock)
        return None
