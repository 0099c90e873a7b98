"""Asks services how they are: /readyz, and rates out of /metrics. Plain sockets, short deadlines, no pool."""

import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from vigil.settings import Settings
from vigil.topology import Service

TIMEOUT_S = 1.0
_COUNTER = re.compile(rb"^vigil_observations_(in|out|dead_lettered)_total\{[^}]*\} (\S+)$", re.MULTILINE)


def get(settings: Settings, service: Service, path: str) -> tuple[int, bytes]:
    """Status and body; raises `OSError` when nothing answers."""
    connection = http.client.HTTPConnection(
        settings.hosts[service.name], settings.http_ports[service.name], timeout=TIMEOUT_S
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def readiness(settings: Settings, service: Service) -> tuple[bool, str]:
    """Whether it is ready, and if not, why."""
    try:
        status, body = get(settings, service, "/readyz")
    except OSError as error:
        return False, f"does not answer ({type(error).__name__})"
    if status == 200:
        return True, ""
    try:
        problems = json.loads(body).get("problems", {})
    except ValueError:
        return False, f"HTTP {status}"
    return False, "; ".join(f"{name}: {text}" for name, text in problems.items())[:200]


@dataclass
class Rates:
    """Observations per second of a service between two looks; None until there are two."""

    per_s: float | None = None
    total: float = 0.0
    dead: float = 0.0
    _at: float = field(default=0.0)

    def update(self, metrics: bytes) -> None:
        """Takes a /metrics page: what came out, or what went in for a service that only reads."""
        sums = {b"in": 0.0, b"out": 0.0, b"dead_lettered": 0.0}
        for name, value in _COUNTER.findall(metrics):
            sums[name] += float(value)
        now, total = time.monotonic(), sums[b"out"] or sums[b"in"]
        if self._at and total >= self.total:
            self.per_s = (total - self.total) / (now - self._at)
        self.total, self.dead, self._at = total, sums[b"dead_lettered"], now


@dataclass
class Look:
    """What one round of questions found about a service."""

    ready: bool
    problem: str
    rates: Rates


class Prober:
    """Asks many services at once, in threads that live as long as the prober."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(max_workers=10, thread_name_prefix="probe")
        self._rates: dict[str, Rates] = {}

    def look(self, services: list[Service], *, with_rates: bool) -> dict[str, Look]:
        """Asks every service of the list."""
        return dict(self._pool.map(lambda service: (service.name, self._one(service, with_rates)), services))

    def _one(self, service: Service, with_rates: bool) -> Look:
        rates = self._rates.setdefault(service.name, Rates())
        ready, problem = readiness(self._settings, service)
        if with_rates and ready:
            try:
                rates.update(get(self._settings, service, "/metrics")[1])
            except OSError as error:
                problem = f"/metrics: {error}"
        return Look(ready, problem, rates)

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
