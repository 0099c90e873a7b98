"""The figures of the model card, and their files. The test patients are looked at here and nowhere else.

A report can be made again of a model that exists. What needs training, or a machine that does nothing else, is then
kept from the report before, which must be of the same model and patients.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models import artefacts, blanked, card, mortality, plot, swapped, without
from models.held_out import evaluated
from models.layout import Layout, Matrix
from models.progress import Told, quiet, within
from models.rows import Dataset, Rows
from models.scoring import scores_of
from models.split import split, split_outcomes
from vigil.model import Manifest, Model
from vigil.recordings import Recording

NUMBERS, CARD, PLOT = "metrics.json", "MODEL_CARD.md", "calibration.svg"
ARTEFACT_STAYS, ROUNDS = 1000, 200


@dataclass(frozen=True)
class Subject:
    """A model of so many bytes, and what it is measured on. `recording` is what `data` was read from."""

    columns: Layout
    model: Model
    size: int
    data: Dataset
    deaths: Dataset
    recording: Recording


class NotOfThisModel(Exception):
    """The report before cannot be built on; the text says why."""


def earlier(out: Path, manifest: Manifest) -> dict[str, Any]:
    """The numbers in `out`. Raises `NotOfThisModel` when there are none, or they are of another model."""
    path = out / NUMBERS
    try:
        numbers: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise NotOfThisModel(f"{path}: {error}") from error
    if numbers.get("model") != manifest.version:
        raise NotOfThisModel(f"{path}: is of {numbers.get('model')}, not of {manifest.version}")
    return numbers


def report(
    subject: Subject, seed: int, rounds: int = ROUNDS, told: Told = quiet, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything the model card says in numbers; with `before`, without training anything.

    Raises `NotOfThisModel` when `before` is of other patients or rows.
    """
    columns, model, data, deaths = subject.columns, subject.model, subject.data, subject.deaths
    learn, calibrate, test = split(data.names)
    held_out = data.rows.of(test)
    of = {
        "model": model.version,
        "recording": subject.recording.name,
        "patients": {"train": int(learn.sum()), "calibration": int(calibrate.sum()), "test": int(test.sum())},
        "rows": {n: len(data.rows.of(c).labels) for n, c in (("train", learn), ("calibration", calibrate))},
    }
    if before is not None:
        _same(of, before)
    scores = scores_of(model, held_out.features)
    unseen_stays = split_outcomes(deaths.names)[1]
    unseen = {name for name, taken in zip(data.names, test, strict=True) if taken}
    told("stays for artefacts", 0, 0)
    stays = [stay for stay in subject.recording.stays() if stay.device.device_id in unseen]

    def score(rows: Matrix) -> Matrix:
        return scores_of(model, rows)

    def told_of(part: str) -> Told:
        return within(told, part)

    def without_columns() -> dict[str, Any]:
        rows = (data.rows.of(learn), data.rows.of(calibrate), held_out)
        return without.measure(columns, *rows, seed, rounds, told_of("without"))

    return of | {
        "test": evaluated(columns, data, scores, test, rounds, told_of("held out")),
        "blanked_auroc": blanked.measure(columns, held_out, score, seed, rounds, told_of("blanked")),
        "without": before["without"] if before else without_columns(),
        "swapped_value_auroc": swapped.measure(columns, held_out, score, seed, rounds, told_of("swapped")),
        "artefact_stays": min(len(stays), ARTEFACT_STAYS),
        "artefacts": artefacts.measure(columns, stays[:ARTEFACT_STAYS], score, seed, rounds, told_of("artefacts")),
        "outcome_stays": {"train": int((~unseen_stays).sum()), "test": int(unseen_stays.sum())},
        "mortality": mortality.measure(deaths, unseen_stays, score, seed, told_of("deaths")),
        "microseconds_per_row": before["microseconds_per_row"] if before else _costs(model, held_out, told),
        "bytes": subject.size,
    }


def write(out: Path, manifest: Manifest, numbers: dict[str, Any]) -> None:
    """The numbers, the plot and the card, into `out`."""
    (out / NUMBERS).write_bytes(msgspec.json.format(msgspec.json.encode(numbers), indent=2) + b"\n")
    (out / PLOT).write_text(plot.calibration(numbers["test"]["calibration"]["bins"]), "utf-8")
    (out / CARD).write_text(card.render(numbers, manifest), "utf-8")


def _same(of: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """What is kept of the report before is of these rows, or it is not kept."""
    for name, found in of.items():
        if before.get(name) != found:
            raise NotOfThisModel(f"{NUMBERS}: {name} were {before.get(name)}, in these recordings they are {found}")


def _costs(model: Model, rows: Rows, told: Told) -> dict[str, float]:
    told("cost", 0, 0)
    return {str(batch): _cost(model, rows, batch) for batch in (1, 64, 1024)}


def _cost(model: Model, rows: Rows, batch: int) -> float:
    """Microseconds of CPU a row in batches of `batch`: the best of seven rounds (other work only slows)."""
    features = np.resize(rows.features, (batch, rows.features.shape[1])).tobytes()
    rounds = []
    for _ in range(7):
        calls = max(20, 20_000 // batch)
        began = time.thread_time()
        for _ in range(calls):
            model.score(features, batch)
        rounds.append((time.thread_time() - began) / calls / batch * 1e6)
    return round(min(rounds), 3)
