"""The rule file in use: read at the start, and again when its content changes, without losing state.

A change is taken when the file has stayed as it is from one look to the next: half a file may be a valid one with
fewer rules. A wrong file keeps the rules that are in use and says so: in the log, in the health detail (the service
stays ready: its rules are good, only older than the file), as a metric, and at GET /api/v1/rules. That holds over a
restart as well: the last good rule set is kept, because no alarms at all are worse than those of yesterday's rules.
"""

import asyncio
import hashlib
import logging
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import Counter, Gauge

from vigil.core import CoreError, Engine
from vigil.rule_problem import Refusal, RuleProblem, decoded, problem_of
from vigil.runtime.health import Health
from vigil.runtime.logs import log
from vigil.store.last_rules import LastRules

PAUSE_MAX_S = 3600.0
RELOADS = Counter("vigil_rules_reloads", "Changes of the rule file: used, or refused", ["result"])
OUTDATED = Gauge("vigil_rules_outdated", "1 while the rule file is refused and the former rules are in use")
LOADED = Gauge("vigil_rules_loaded_timestamp_seconds", "When the rules in use were loaded")
_log = logging.getLogger(__name__)


class NoRules(Exception):
    """There are no rules to start with; the text says why."""


class Rules(NamedTuple):
    """A rule set in use."""

    text: str
    version: str
    loaded_at: float  # seconds since the epoch

    def content(self) -> dict[str, Any]:
        """The file as data."""
        return tomllib.loads(self.text)

    def pause_max_s(self) -> float:
        """The longest pause a person may ask for."""
        return float(self.content().get("alarm", {}).get("pause_max_s", PAUSE_MAX_S))

    def ids(self) -> set[str]:
        """The rules' ids."""
        return {str(rule.get("id", "")) for rule in self.content().get("rule", [])}


class RuleFile:
    """Owns the engine's rule set. `check` may be called from any thread, one at a time."""

    def __init__(
        self,
        path: Path,
        batch_observations_max: int,
        health: Health,
        last: LastRules | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Raises `NoRules` when the file is wrong and `last` knows no good rule set."""
        self.path, self._health, self._last, self._now = path, health, last, now
        self.problem: RuleProblem | None = None
        self._seen: tuple[object, bytes | None] = (self._stamp(), None)
        self._settling: object = self._seen[0]
        try:
            content = self._read()
            self._seen = (self._seen[0], _digest(content))
            text = decoded(content, self.path.name)
            self.engine = Engine(text, batch_observations_max, path.name)
        except Refusal as refusal:
            self._start_with_last(refusal.problem, batch_observations_max)
        except CoreError as error:
            self._start_with_last(problem_of(error, path.name), batch_observations_max)
        else:
            self._use(text)

    def check(self, *, forced: bool = False) -> None:
        """Looks at the file; uses it when its content has changed. `forced`: now, and also when nothing says so."""
        stamp = self._stamp()
        settled, self._settling = stamp == self._settling, stamp
        if not forced and (stamp == self._seen[0] or not settled):
            return
        try:
            content = self._read()
        except Refusal as refusal:
            self._seen = (stamp, None)
            self._refuse(refusal.problem)
            return
        digest = _digest(content)
        unchanged, self._seen = digest == self._seen[1], (stamp, digest)
        if not unchanged or forced:
            self._load(content)

    async def watch(self, every_s: float, asked: asyncio.Event) -> None:
        """Looks every `every_s`, and at once when `asked` (SIGHUP)."""
        while True:
            try:
                await asyncio.wait_for(asked.wait(), every_s)
            except TimeoutError:
                forced = False
            else:
                asked.clear()
                forced = True
            try:
                await asyncio.to_thread(self.check, forced=forced)
            except Exception:
                _log.exception("rules_watch_failed")

    def _start_with_last(self, problem: RuleProblem, batch_observations_max: int) -> None:
        text = self._last.find() if self._last else None
        if text is None:
            raise NoRules(str(problem))
        try:
            self.engine = Engine(text, batch_observations_max, self.path.name)
        except CoreError as error:  # of a version that knew other rules
            raise NoRules(str(problem)) from error
        self._use(text)
        self._refuse(problem)

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            problem = RuleProblem(self.path.name, None, "", f"cannot be read: {error.strerror}", "")
            raise Refusal(problem) from error

    def _load(self, content: bytes) -> None:
        try:
            text = decoded(content, self.path.name)
            self.engine.reload(text)
        except Refusal as refusal:
            self._refuse(refusal.problem)
            return
        except CoreError as error:
            self._refuse(problem_of(error, self.path.name))
            return
        former = self.rules.version
        self._use(text)
        RELOADS.labels("used").inc()
        log(_log, logging.INFO, "rules_loaded", version=self.rules.version, former=former, file=str(self.path))

    def _use(self, text: str) -> None:
        self.rules = Rules(text, self.engine.rule_set_version, self._now())
        self.problem = None
        self._health.degrade("rules", None)
        OUTDATED.set(0)
        LOADED.set(self.rules.loaded_at)
        if self._last:
            self._last.keep(text)

    def _refuse(self, problem: RuleProblem) -> None:
        self.problem = problem
        self._health.degrade("rules", f"the rule file is refused, version {self.rules.version} stays in use: {problem}")
        OUTDATED.set(1)
        RELOADS.labels("refused").inc()
        log(_log, logging.ERROR, "rules_refused", in_use=self.rules.version, **problem._asdict())

    def _stamp(self) -> object:
        """What changes when the file does; None without a file."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
