"""A rule set over a part: the live engine, fresh for each part, over the batches as they stand on the log."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vigil import topology
from vigil.backtest import parts
from vigil.backtest.alarms import Alarm, Collector
from vigil.backtest.digest import Digest
from vigil.backtest.parts import Part
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

    alarms: list[Alarm]
    suppressed: dict[str, int]
    digests: dict[str, str]
    alert_events: int
    observations: int
    dead_lettered: int
    engine_s: float
    """Seconds in the engine and the model."""


def evaluate(folder: Path, part: Part, rules: list[RuleText], model: ModelChoice | None) -> list[Evaluation]:
    """The part under each rule set; raises `Damaged`."""
    memory.keep_freed()
    batches = list(parts.read(folder, part))
    return [_evaluate(batches, text, _model(model.file) if model else None) for text in rules]


@cache
def _model(file: str) -> Model:
    return load(file)


def _evaluate(batches: list[tuple[int, bytes]], rules: RuleText, model: Model | None) -> Evaluation:
    engine = Engine(rules.text)
    engine.assign(0)
    now_us = time.time_ns() // 1000
    collector, digest = Collector(), Digest()
    offset = alert_events = observations = dead_lettered = 0
    engine_s = 0.0
    for values in calls(batches):
        began = time.perf_counter()
        offsets = list(range(offset, offset + len(values)))
        offset += len(values)
        pending = engine.begin(topology.ENRICHED, 0, offsets, values, now_us)
        scores, version = None, ""
        if model is not None and pending.rows:
            scores, version = model.score(pending.features, pending.rows), model.version
        made = engine.finish(pending, scores, version, now_us)
        engine_s += time.perf_counter() - began
        observations += made.observations_in
        dead_lettered += made.dead_lettered
        for _, _, value in made.alerts:
            alert = AlertEvent.FromString(value)
            collector.add(alert)
            alert_events += digest.add(alert)
    return Evaluation(
        alarms=collector.alarms(),
        suppressed=collector.suppressed,
        digests=digest.patients(),
        alert_events=alert_events,
        observations=observations,
        dead_lettered=dead_lettered,
        engine_s=engine_s,
    )


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
