"""A backtest from its recordings to its document.

1. Each recording becomes parts, from the cache where it was prepared before.
2. Each part is evaluated under each rule set, in some process.
3. What came out is counted: burden, events, the difference of the rule sets.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vigil.backtest import digest
from vigil.backtest.cache import Cache
from vigil.backtest.catch import Criterion
from vigil.backtest.evaluate import Evaluation, ModelChoice, RuleText, evaluate
from vigil.backtest.labels import Event, distinct, unknown
from vigil.backtest.parts import Damaged
from vigil.backtest.prepared import Prepared, Progress, Source
from vigil.backtest.subjects import Watched
from vigil.backtest.workers import Workers


@dataclass(kw_only=True)
class Outcome(Evaluation):
    """What one rule set made of all recordings."""

    rules: RuleText

    @property
    def alerts_sha256(self) -> str:
        """The hash of all alerts (`digest`)."""
        return digest.joined(self.digests.items())

    def add(self, recording: int, made: Evaluation) -> None:
        """Takes a part's evaluation in."""
        self.alarms += made.alarms
        for rule, count in made.suppressed.items():
            self.suppressed[rule] = self.suppressed.get(rule, 0) + count
        for who, value in made.digests.items():
            # A patient has one part of a recording; of a second recording the alerts are other alerts.
            self.digests[who if who not in self.digests else f"{who}\0{recording}"] = value
        self.alert_events += made.alert_events
        self.observations += made.observations
        self.dead_lettered += made.dead_lettered
        self.engine_s += made.engine_s


@dataclass(kw_only=True)
class Result:
    """Everything a report is made of."""

    recordings: list[Prepared]
    outcomes: list[Outcome]
    watched: dict[str, Watched]
    events: list[Event]
    unknown: list[str]  # of `events`, whom no recording holds
    criterion: Criterion
    processes: int
    model: str
    evaluate_s: float


def run(
    sources: Sequence[Source], rules: list[RuleText], *, kept: Cache, processes: int, model: ModelChoice | None = None,
    labels: Sequence[Event] | None = None, criterion: Criterion, progress: Progress,
) -> Result:  # fmt: skip
    """The first of `rules` is the one tried, the second, if any, what it is held against. `labels` None takes the
    recordings' own. Raises `RecordingError`, also when `labels` are of nobody in the recordings, and `CoreError` for
    a rule set that is wrong."""
    recordings: list[Prepared] = []
    made: list[list[list[Evaluation]]] = []
    seconds = 0.0
    with Workers(processes) as workers:
        for source in sources:
            prepared = source.prepared(workers, kept, progress)
            began = time.perf_counter()
            try:
                evaluations = _evaluated(workers, prepared, rules, model, progress)
            except Damaged:  # what the cache held
                kept.drop(prepared.folder.name)
                prepared = source.prepared(workers, kept, progress)
                evaluations = _evaluated(workers, prepared, rules, model, progress)
            finally:
                if prepared.passing:
                    kept.drop(prepared.folder.name)
            seconds += time.perf_counter() - began
            recordings.append(prepared)
            made.append(evaluations)
    return _collected(recordings, made, rules, labels, criterion, processes, model, seconds)


def _evaluated(
    workers: Workers, prepared: Prepared, rules: list[RuleText], model: ModelChoice | None, progress: Progress
) -> list[list[Evaluation]]:
    tasks = ((prepared.folder, part, rules, model, not prepared.passing) for part in prepared.parts)
    return workers.run(evaluate, tasks, lambda made: progress("evaluating", 0, made[0].observations))


def _collected(
    recordings: list[Prepared], made: list[list[list[Evaluation]]], rules: list[RuleText],
    labels: Sequence[Event] | None, criterion: Criterion, processes: int, model: ModelChoice | None, seconds: float,
) -> Result:  # fmt: skip
    """Sums up, in the order of recordings and parts."""
    outcomes = [Outcome(rules=text) for text in rules]
    watched: dict[str, Watched] = {}
    events: list[Event] = []
    for number, (prepared, evaluations) in enumerate(zip(recordings, made, strict=True)):
        for part in prepared.parts:
            for who, seen in part.watched.items():
                watched[who] = _joined(watched[who], seen) if who in watched else seen
            events += part.events
        for by_rules in evaluations:
            for outcome, evaluation in zip(outcomes, by_rules, strict=True):
                outcome.add(number, evaluation)
    events = distinct(events if labels is None else labels)
    labelled, names = {event.subject for event in events}, ", ".join(prepared.name for prepared in recordings)
    return Result(
        recordings=recordings,
        outcomes=outcomes,
        watched=watched,
        events=events,
        unknown=unknown(labelled, watched, names) if labels is not None else [],
        criterion=criterion,
        processes=processes,
        model=Path(model.file).name if model and model.file else ("default" if model else ""),
        evaluate_s=seconds,
    )


def _joined(a: Watched, b: Watched) -> Watched:
    first, last = min(a.first_us, b.first_us), max(a.last_us, b.last_us)
    return Watched(first, last, a.watched_us + b.watched_us, a.observations + b.observations)
