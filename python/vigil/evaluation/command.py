"""An evaluation from its recording to its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vigil.backtest.cache import Cache
from vigil.backtest.labels import Event, distinct, unknown
from vigil.backtest.prepared import Progress, RecordingSource
from vigil.backtest.workers import Workers
from vigil.evaluation import page
from vigil.evaluation.bootstrap import ROUNDS
from vigil.evaluation.evaluate import evaluate
from vigil.evaluation.remarks import remarks
from vigil.evaluation.rows import joined, score_part
from vigil.evaluation.truth import kinds, truth
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
    """The document. Raises `RecordingError` when nothing in it is labelled."""
    with Workers(processes) as workers:
        prepared = source.prepared(workers, kept, progress)
        tasks = ((prepared.folder, part, rules_toml, model_file) for part in prepared.parts)
        pieces = workers.run(score_part, tasks, lambda made: progress("scoring", len(made.patients), len(made)))
    rows = joined(pieces)
    events = distinct(labels if labels is not None else [e for part in prepared.parts for e in part.events])
    found = kinds(events)
    kind = question.kind or next(iter(found), "")
    if kind not in found:
        there = ", ".join(found) or "none"
        raise RecordingError(
            f"{prepared.name}: no labelled event{f' of kind {kind}' if kind else ''}; there are {there}"
        )
    made = truth(rows, events, kind, question.horizon_h, question.lookback_h)
    people = {event.subject for event in events if event.kind == kind}
    unseen = unknown(people, rows.patients, prepared.name, f"patients with {kind}")
    if not made.label.any() or made.label.all():
        raise RecordingError(f"{prepared.name}: its rows are all labelled alike, there is nothing to tell apart")
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
        "NEWS2 and qSOFA are partial where the recording has no consciousness or oxygen therapy; missing is not scored "
        "0. Rows that one of the scores cannot score are compared for none. A threshold at a score's lowest value is "
        "an alarm that is always on."
    )
    notes.append("Not for clinical use: the model is no medical device and must not decide about a patient.")
    return notes
