"""A rule set over a part: the live engine, fresh for each part, over the batches as they stand on the log."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vigil import topology
from vigil.backtest import parts
from vigil.backtest.alarms import Alarm, Collector
from vigil.backtest.digest import Digest
from vigil.backtest.parts import Part
from vigil.controls import tick
from vigil.core import Engine
from vigil.model import Model, load
from vigil.pb.events_pb2 import AlertEvent
from vigil.runtime import memory

AT_ONCE = 4000
"""Observations of one call, about."""


@dataclass(frozen=True)
class RuleText:
    """A rule file."""

    name: str
    text: str


@dataclass(frozen=True)
class ModelChoice:
    """The model to score with; None scores as unavailable."""

    file: str


@dataclass(kw_only=True)
class Evaluation:
    """What one rule set made of one part."""

    alarms: list[Alarm] = field(default_factory=list)
    suppressed: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    alert_events: int = 0
    observations: int = 0
    dead_lettered: int = 0
    engine_s: float = 0.0
    """CPU seconds in the engine and the model."""


def evaluate(
    folder: Path, part: Part, rules: list[RuleText], model: ModelChoice | None, whole: bool = True
) -> list[Evaluation]:
    """The part under each rule set; `whole`: nothing comes after it, so nothing is waited for. Raises `Damaged`."""
    memory.keep_freed()
    batches = list(parts.read(folder, part))
    loaded = _model(model.file) if model else None
    return [_Run(text, loaded).run(batches, whole) for text in rules]


@cache
def _model(file: str) -> Model:
    return load(file)


class _Run:
    """One engine, from the first batch to the last."""

    def __init__(self, rules: RuleText, model: Model | None) -> None:
        self._engine, self._model = Engine(rules.text), model
        self._engine.assign(0)
        # Event time drives the rules; nothing here waits for the clock.
        self._now_us = time.time_ns() // 1000
        self._offset = self._waiting = 0
        self._collector, self._digest = Collector(), Digest()
        self._made = Evaluation()

    def run(self, batches: Iterable[tuple[int, bytes]], whole: bool) -> Evaluation:
        """Evaluates them all."""
        for values in calls(batches):
            self._step(values, self._now_us)
        if whole:
            self._let_go()
        made = self._made
        made.alarms, made.suppressed = self._collector.alarms(), self._collector.suppressed
        made.digests = self._digest.patients()
        return made

    def _let_go(self) -> None:
        """Observations that still wait for an earlier one of their device: the clock goes on until none does."""
        reached_us = 0
        while self._waiting > 0:
            due_us = self._engine.due_us(0)
            if due_us is None or due_us <= reached_us:
                break
            reached_us = due_us
            self._step([tick(0, due_us).value], due_us)

    def _step(self, values: list[bytes], now_us: int) -> None:
        engine, made = self._engine, self._made
        began = time.process_time()
        offsets = list(range(self._offset, self._offset + len(values)))
        self._offset += len(values)
        pending = engine.begin(topology.ENRICHED, 0, offsets, values, now_us)
        scores, version = None, ""
        if self._model is not None and pending.rows:
            scores, version = self._model.score(pending.features, pending.rows), self._model.version
        output = engine.finish(pending, scores, version, now_us)
        made.engine_s += time.process_time() - began
        made.observations += output.observations_in
        made.dead_lettered += output.dead_lettered
        counts = dict(output.counts)
        self._waiting += counts.get("held", 0) - counts.get("released", 0)
        for _, _, value in output.alerts:
            alert = AlertEvent.FromString(value)
            self._collector.add(alert)
            made.alert_events += self._digest.add(alert)


def calls(batches: Iterable[tuple[int, bytes]]) -> Iterator[list[bytes]]:
    """Batches of one call each."""
    held: list[bytes] = []
    waiting = 0
    for observations, value in batches:
        held.append(value)
        waiting += observations
        if waiting >= AT_ONCE:
            yield held
            held, waiting = [], 0
    if held:
        yield held
