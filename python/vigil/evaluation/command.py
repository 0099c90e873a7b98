"""An evaluation from its recording to its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vigil.backtest.cache import Cache
from vigil.backtest.labels import Event, distinct, unknown
from vigil.backtest.prepared import Progress, RecordingSource
from vigil.backtest.workers import Workers
from vigil.evaluation import page
from vigil.evaluation.bootstrap import ROUNDS
from vigil.evaluation.evaluate import comparable, evaluate
from vigil.evaluation.remarks import remarks
from vigil.evaluation.rows import RISK, TITLES, Rows, joined, score_part
from vigil.evaluation.truth import Truth, kinds, truth
from vigil.recordings import RecordingError

JSON, HTML = "evaluation.json", "evaluation.html"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked."""

    kind: str = ""  # empty = the commonest
    horizon_h: float = 6.0
    lookback_h: float = 12.0
    sensitivities: Sequence[float] = (0.5, 0.8)
    rounds: int = ROUNDS


def run(
    source: RecordingSource, rules_toml: str, model_file: str, question: Question, *, kept: Cache, processes: int,
    progress: Progress, patients_chosen: str, labels: Sequence[Event] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The document. Raises `RecordingError` when nothing in it is labelled, or no row can be compared."""
    with Workers(processes) as workers:
        prepared = source.prepared(workers, kept, progress)
        events = distinct(labels if labels is not None else [e for part in prepared.parts for e in part.events])
        kind = _kind(prepared.name, events, question.kind)
        tasks = ((prepared.folder, part, rules_toml, model_file) for part in prepared.parts)
        pieces = workers.run(score_part, tasks, lambda made: progress("scoring", len(made.patients), len(made)))
    rows = joined(pieces)
    made = truth(rows, events, kind, question.horizon_h, question.lookback_h)
    people = {event.subject for event in events if event.kind == kind}
    unseen = unknown(people, rows.patients, prepared.name, f"patients with {kind}")
    _check(prepared.name, rows, made)
    numbers = evaluate(
        rows, made, question.sensitivities, question.rounds, lambda step: progress(f"evaluating: {step}", 0, 0)
    )
    from vigil.model import load

    return {
        "recording": prepared.name,
        "model": load(model_file).version,
        "patientsChosen": patients_chosen,
        "horizonHours": question.horizon_h,
        "lookbackHours": question.lookback_h,
        "found": numbers,
        "remarks": [*_unseen(unseen, len(people)), *remarks(numbers)],
        "notes": _notes(question, patients_chosen, bool((made.onset_us >= 0).any())),
    }


def write(made: dict[str, Any], folder: Path) -> None:
    """`evaluation.json` and `evaluation.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    page.write(made, folder / HTML)


def _kind(name: str, events: Sequence[Event], asked: str) -> str:
    """The kind that is asked for, else the commonest. Raises `RecordingError` when there is none."""
    found = kinds(events)
    kind = asked or next(iter(found), "")
    if kind not in found:
        there = ", ".join(found) or "none"
        raise RecordingError(f"{name}: no labelled event{f' of kind {kind}' if kind else ''}; there are {there}")
    return kind


def _check(name: str, rows: Rows, truth: Truth) -> None:
    """Raises `RecordingError` unless there are rows that are scored, and some of them are labelled and some are not."""
    if not truth.label.any() or truth.label.all():
        raise RecordingError(f"{name}: its rows are all labelled alike, there is nothing to tell apart")
    some, usable = comparable(rows)
    if RISK not in some.scores:
        raise RecordingError(f"{name}: the model can score none of its {len(rows)} rows")
    label = truth.label[usable]
    if not label.any() or label.all():
        known = ", ".join(f"{TITLES[n]} {int(np.isfinite(score).sum())}" for n, score in some.scores.items())
        raise RecordingError(
            f"{name}: the {len(label)} rows that have all of its scores are labelled alike, there is nothing to tell "
            f"apart; of {len(rows)} rows have: {known}"
        )


def _unseen(unseen: Sequence[str], of: int) -> list[str]:
    if not unseen:
        return []
    return [f"{len(unseen)} of {of} labelled patients have no row and are not counted, such as {unseen[0]}."]


def _notes(question: Question, patients: str, timed: bool) -> list[str]:
    """How the figures are to be read, whatever they are."""
    notes = [f"Patients: {patients}."]
    if timed:
        notes.append(
            f"A row is labelled from {question.horizon_h:g} h before the event on. An alarm catches the event when it "
            f"is on in the {question.lookback_h:g} h before it; lead time runs from the first such moment."
        )
    else:
        notes.append(
            "The outcome has no time: every row of a stay has its label, and any alarm of the stay catches it."
        )
    notes.append(
        "NEWS2 and qSOFA are partial where the recording has no consciousness or oxygen therapy: what is missing adds "
        "no points, and where nothing is known there is no score. Rows that one of the scores cannot score are "
        "compared for none. A threshold at a score's lowest value is an alarm that is always on."
    )
    notes.append("Not for clinical use: the model is no medical device and must not decide about a patient.")
    return notes
