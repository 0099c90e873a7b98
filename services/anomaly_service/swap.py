"""A new model takes over while calls go on: loaded, verified, warmed, shadowed, then promoted or refused.

    offer → loading → shadow → ready ──promote──▶ active      (the former active is kept: `rollback`)
               │         │        │
               └─────────┴────────┴── refused, with the reason

Which model answers is one reference; a batch takes it when it starts, so that no call fails or waits for a swap.
Everything here runs on the event loop but the loading and the comparing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Gauge

from services.anomaly_service.batcher import Scored
from services.anomaly_service.comparison import Bounds, problems
from services.anomaly_service.scorer import Scorer
from services.anomaly_service.shadow import Shadow
from vigil.model import Model, ModelError
from vigil.runtime.logs import log

SWAPS = Counter("vigil_model_swaps", "What became of offered models", ["result"])
INFO = Gauge("vigil_model_info", "The models held, by role", ["role", "model_version"])
_HISTORY = 50
_log = logging.getLogger(__name__)


class SwapRefused(Exception):
    """What was asked cannot be done now; the text says why."""


class OnTrial(SwapRefused):
    """Another model is on trial: later, not never."""


@dataclass(frozen=True)
class Plan:
    """How long a candidate is tried, what it may differ by, and whether it then takes over by itself."""

    rows: int = 20_000
    seconds: float = 60.0
    automatic: bool = False
    bounds: Bounds = field(default_factory=Bounds)


@dataclass
class Candidate:
    """A model on trial."""

    source: str
    model: Model | None = None
    shadow: Shadow | None = None
    state: str = "loading"  # loading | shadow | ready | out_of_bounds
    problems: tuple[str, ...] = ()
    since: float = 0.0


class Swap:
    """Holds the active model's successor and predecessor. `load` reads, verifies and warms a model file."""

    def __init__(
        self,
        scorer: Scorer,
        source: str,
        load: Callable[[Path], Model],
        plan: Plan,
        promoted: Callable[[str], None] = lambda source: None,
    ) -> None:
        self._scorer, self._load, self._plan, self._promoted = scorer, load, plan, promoted
        self._loop = asyncio.get_running_loop()
        self.source = source
        self.candidate: Candidate | None = None
        self.previous: tuple[str, Model] | None = None
        self.history: deque[dict[str, Any]] = deque(maxlen=_HISTORY)
        self._scorer.observers.append(self._observe)
        self._inform()

    @property
    def active(self) -> Model | None:
        """The model that answers."""
        return self._scorer.model

    async def offer(self, source: str, file: Path) -> None:
        """Tries the model in `file`. Raises `OnTrial` while another is, `SwapRefused` when it cannot be used."""
        if self.candidate is not None:
            raise OnTrial(f"{self.candidate.source} is on trial; promote or refuse it first")
        candidate = self.candidate = Candidate(source, since=time.time())
        try:
            model = await asyncio.to_thread(self._load, file)
        except ModelError as error:
            self._forget("refused", str(error))
            raise SwapRefused(str(error)) from error
        except BaseException as error:
            self._forget("refused", type(error).__name__)
            raise
        if self.candidate is not candidate:  # refused while it was loaded
            raise SwapRefused("refused while it was loaded")
        active = self.active
        if active is not None and active.manifest.sha256 == model.manifest.sha256:
            self._forget("refused", "it is the active model")
            raise SwapRefused("it is the active model")
        candidate.model = model
        if active is None:
            self._take_over(candidate, "no model was loaded")
            return
        candidate.state = "shadow"
        candidate.shadow = Shadow(
            active, model, self._plan.rows, self._plan.seconds, lambda error: self._completed(candidate, error)
        )
        log(_log, logging.INFO, "model_in_shadow", source=source, model_version=model.version)
        self._inform()

    async def promote(self, *, force: bool = False) -> None:
        """Lets the candidate answer from now on. Raises `SwapRefused` unless it is ready, or loaded and forced."""
        candidate = self.candidate
        if candidate is None or candidate.model is None:
            raise SwapRefused("no model is on trial" if candidate is None else "it is being loaded")
        if candidate.state != "ready" and not force:
            reasons = "; ".join(candidate.problems) or "its comparison is not complete"
            raise SwapRefused(f"{candidate.state}: {reasons}")
        self._take_over(candidate, "forced" if candidate.state != "ready" else "on command")

    def refuse(self, reason: str) -> None:
        """Ends the trial. Raises `SwapRefused` when there is none."""
        if self.candidate is None:
            raise SwapRefused("no model is on trial")
        self._forget("refused", reason)

    def turn_away(self, source: str, reason: str) -> None:
        """Says in the history that what came cannot be a candidate: there is nothing that could be loaded."""
        self._note("refused", source, "", reason)

    def rollback(self) -> None:
        """Lets the model before the last promotion answer again. Raises `SwapRefused` when there is none."""
        if self.previous is None:
            raise SwapRefused("there is no former model")
        if self.candidate is not None:
            self._forget("refused", "the active model was rolled back")
        source, model = self.previous
        demoted = self.active
        self.previous = (self.source, demoted) if demoted else None
        self._activate(source, model, "rolled_back", f"demoted: {self.source}")

    async def report(self) -> dict[str, Any]:
        """The comparison of the candidate on trial. Raises `SwapRefused` when there is none."""
        candidate = self.candidate
        if candidate is None or candidate.shadow is None or candidate.model is None:
            raise SwapRefused("no model is in shadow")
        return {
            "active": self.active.version if self.active else None,
            "candidate": candidate.model.version,
            "state": candidate.state,
            "problems": list(candidate.problems),
            "comparison": await asyncio.to_thread(candidate.shadow.report),
        }

    def close(self) -> None:
        """Ends a trial's thread."""
        if self.candidate and self.candidate.shadow:
            self.candidate.shadow.close()

    # What happens ---------------------------------------------------------------------------------

    def _observe(self, features: bytes, rows: int, scored: Scored) -> None:
        """On a scoring thread."""
        candidate = self.candidate
        if candidate is not None and candidate.shadow is not None:
            candidate.shadow.observe(features, rows, scored)

    def _completed(self, candidate: Candidate, error: Exception | None) -> None:
        """On the shadow's thread, which may be at it still when its trial has ended and another began."""
        if candidate.shadow is not None:
            if error is None:
                found = problems(candidate.shadow.report(), self._plan.bounds)
            else:
                found = [f"it cannot be compared: {error or type(error).__name__}"]
            self._loop.call_soon_threadsafe(self._judge, candidate, tuple(found))

    def _judge(self, candidate: Candidate, found: tuple[str, ...]) -> None:
        if self.candidate is not candidate or candidate.model is None:
            return
        candidate.problems = found
        candidate.state = "out_of_bounds" if found else "ready"
        log(
            _log,
            logging.WARNING if found else logging.INFO,
            "model_compared",
            model_version=candidate.model.version,
            problems=list(found),
        )
        if self._plan.automatic and found:
            self._forget("refused", "; ".join(found))
        elif self._plan.automatic:
            self._take_over(candidate, "within bounds")
        self._inform()

    def _take_over(self, candidate: Candidate, reason: str) -> None:
        assert candidate.model is not None
        if self.active is not None:
            self.previous = (self.source, self.active)
        self.candidate = None
        if candidate.shadow:
            candidate.shadow.close()
        self._activate(candidate.source, candidate.model, "promoted", reason)

    def _activate(self, source: str, model: Model, result: str, reason: str) -> None:
        self.source = source
        self._scorer.model = model
        self._note(result, source, model.version, reason)
        self._promoted(source)
        self._inform()

    def _forget(self, result: str, reason: str) -> None:
        candidate, self.candidate = self.candidate, None
        if candidate is None:
            return
        if candidate.shadow:
            candidate.shadow.close()
        self._note(result, candidate.source, candidate.model.version if candidate.model else "", reason)
        self._inform()

    def _note(self, result: str, source: str, version: str, reason: str) -> None:
        SWAPS.labels(result).inc()
        entry = {"at": time.time(), "result": result, "source": source, "modelVersion": version, "reason": reason}
        self.history.append(entry)
        level = logging.WARNING if result == "refused" else logging.INFO
        log(_log, level, f"model_{result}", source=source, model_version=version, reason=reason)

    def _inform(self) -> None:
        INFO.clear()
        held = {"active": self.active, "candidate": self.candidate.model if self.candidate else None}
        held["previous"] = self.previous[1] if self.previous else None
        for role, model in held.items():
            if model is not None:
                INFO.labels(role, model.version).set(1)
