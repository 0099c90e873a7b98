"""What a service says of itself at /health, /livez and /readyz."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

Check = Callable[[], str | None]


@dataclass
class Health:
    """Liveness, readiness and named checks. Thread-safe: stages report from their worker thread.

    A check returns None when fine, else a sentence. `mark` keeps a state that is pushed rather than asked.
    """

    service: str
    started: float = field(default_factory=time.time)
    _checks: dict[str, Check] = field(default_factory=dict)
    _states: dict[str, str | None] = field(default_factory=dict)
    _degraded: dict[str, str | None] = field(default_factory=dict)
    _alive: Check = field(default=lambda: None)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, check: Check) -> None:
        """A check that is asked at every request; it must not block."""
        with self._lock:
            self._checks[name] = check

    def mark(self, name: str, problem: str | None) -> None:
        """A state that its owner pushes: None = fine, else a sentence."""
        with self._lock:
            self._states[name] = problem

    def degrade(self, name: str, problem: str | None) -> None:
        """What is wrong while the service does its work all the same: it is said, and the service stays ready."""
        with self._lock:
            self._degraded[name] = problem

    def degraded(self) -> dict[str, str]:
        """What is wrong although the service does its work; empty when all is well."""
        with self._lock:
            return {name: text for name, text in self._degraded.items() if text}

    def alive_if(self, check: Check) -> None:
        """What liveness means beyond answering (the stage's thread runs)."""
        self._alive = check

    def problems(self) -> dict[str, str]:
        """Why the service is not ready; empty when it is."""
        with self._lock:
            found = {name: text for name, text in self._states.items() if text}
            checks = list(self._checks.items())
        for name, check in checks:
            text = check()
            if text:
                found[name] = text
        return found

    def live(self) -> tuple[int, bytes]:
        """Status and body of /livez."""
        problem = self._alive()
        body = {"service": self.service, "live": problem is None, "problem": problem}
        return (200 if problem is None else 503), msgspec.json.encode(body)

    def ready(self) -> tuple[int, bytes]:
        """Status and body of /readyz and /health."""
        problems = self.problems()
        status = "ready" if not problems else "not ready"
        body = {
            "service": self.service,
            "status": status,
            "uptime_s": round(time.time() - self.started, 1),
            "problems": problems,
            "degraded": self.degraded(),
        }
        return (200 if not problems else 503), msgspec.json.encode(body)
