"""Trains the shipped model from the recordings: `python -m models.train --data DIR --out models/`.

With --report-only it measures the model that is in `--out` anew, and writes its card.

Reproducible: the split is a digest of the patient's name, all seeds are fixed, one thread computes. The same
recording, core and libraries give the same bytes. Five to ten minutes on one core, most of it the report.
"""

import argparse
import hashlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models import graph, progress, report
from models.fit import fit
from models.layout import SUPPORT, Layout
from models.progress import Told, quiet, within
from models.rows import Dataset, Rows, collect, outcomes
from models.scoring import scores_of
from models.split import split, split_outcomes
from vigil import core, paths, recordings
from vigil.cli.console import say
from vigil.model import Manifest, Model, ModelError, load
from vigil.model.drift import distribution
from vigil.model.manifest import FILE_NAME, Bands, Distribution, Reference

NAME, FILE = "vitals", "vitals.onnx"
RECORDING, MORTALITY = "sepsis_hourly", "icu_mortality"
SEED = 20_260_101
# The core puts the value of the right one into the left one's column where the left one is not measured.
STANDS_IN = {
    "heart_rate": "pulse_rate",
    "systolic": "art_systolic",
    "diastolic": "art_diastolic",
    "mean_pressure": "art_mean",
}
RISK_QUANTILES = (0.90, 0.97, 0.995)
ANOMALY_BANDS = Bands(medium=0.95, high=0.99, critical=0.999)


def layout() -> Layout:
    """The columns of this core's rows, and the plausible limits of its signs."""
    signs = [name.removeprefix("anomaly_") for name in core.score_names()[2:]]
    limits = {
        str(sign["field"]): (float(str(sign["plausible_low"])), float(str(sign["plausible_high"])))
        for sign in core.vocabulary()
    }
    return Layout(core.feature_names(), signs, [_plausible(sign, limits) for sign in (*signs, *SUPPORT)])


def _plausible(sign: str, limits: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """The widest limits of the sign and of what stands in for it."""
    both = [limits[name] for name in (sign, STANDS_IN.get(sign, sign))]
    return min(low for low, _ in both), max(high for _, high in both)


def train(data: Dataset, deaths: Dataset | None = None, seed: int = SEED, told: Told = quiet) -> tuple[Manifest, bytes]:
    """The model of a dataset and, if given, of stays with their outcome; with its manifest."""
    columns = layout()
    learn, calibrate, _ = split(data.names)
    stays = deaths.rows.of(split_outcomes(deaths.names)[0]) if deaths else Rows.none(len(columns.features))
    with threadpool_limits(limits=1):
        parameters = fit(columns, data.rows.of(learn), data.rows.of(calibrate), stays, seed, told)
        packed = graph.build(parameters)
    told("distributions", 0, 0)
    digest = hashlib.sha256(packed).hexdigest()
    draft = Manifest(
        name=NAME,
        version=f"{NAME}-{digest[:12]}",
        file=FILE,
        sha256=digest,
        opset=graph.OPSET,
        schema=core.feature_schema(),
        features=list(core.feature_names()),
        scores=list(core.score_names()),
        severity={"anomaly": ANOMALY_BANDS, "risk": ANOMALY_BANDS},
        reference=_reference(columns, data.rows.of(learn)),
    )
    risk = scores_of(Model(draft, packed), data.rows.of(calibrate).features)[:, 0]
    learnt = data.rows.of(learn).features
    return msgspec.structs.replace(
        draft,
        severity={"anomaly": ANOMALY_BANDS, "risk": _risk_bands(risk)},
        drift=_drift(draft, learnt, scores_of(Model(draft, packed), learnt)),
    ), packed


def _drift(manifest: Manifest, features: NDArray[np.float32], scores: NDArray[np.float32]) -> dict[str, Distribution]:
    """How features and scores of the training rows are distributed: what the drift monitor compares with."""
    names, columns = [*manifest.features, *manifest.scores], np.hstack([features, scores])
    return {name: distribution(columns[:, at]) for at, name in enumerate(names)}


def write(out: Path, manifest: Manifest, packed: bytes) -> None:
    """Writes the model and its manifest into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / manifest.file).write_bytes(packed)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (out / FILE_NAME).write_bytes(text + b"\n")


def _risk_bands(risk: NDArray[np.float32]) -> Bands:
    """Severities of the calibrated risk, by how rare it is among patients that did not train."""
    medium, high, critical = (
        math.ceil(float(q) * 1e4) / 1e4 for q in np.quantile(risk[np.isfinite(risk)], RISK_QUANTILES)
    )
    return Bands(medium=medium, high=high, critical=critical)


def _reference(columns: Layout, rows: Rows) -> dict[str, Reference]:
    out = {}
    for sign, column in zip(columns.signs, columns.value, strict=True):
        values = rows.features[:, column].astype(np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            p = [round(float(q), 2) for q in np.percentile(values, [1, 5, 50, 95, 99])]
            out[sign] = Reference(p01=p[0], p05=p[1], p50=p[2], p95=p[3], p99=p[4])
    return out


def main(words: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the recordings (default: VIGIL_DATA or ../shared/data)")
    parser.add_argument("--out", type=Path, default=paths.MODELS)
    parser.add_argument("--patients", type=int, help="only the first so many patients")
    parser.add_argument("--report-only", action="store_true", help="no training: the card of the model in --out anew")
    options = parser.parse_args(words)
    folder = recordings.data_folder(options.data)
    if folder is None or not all((folder / name).exists() for name in (RECORDING, MORTALITY)):
        parser.error(f"no recordings {RECORDING} and {MORTALITY}: give --data DIR")
    try:
        _run(folder, options.out, options.patients, options.report_only)
    except (ModelError, report.NotOfThisModel) as error:
        say(str(error))
        return 1
    return 0


def _run(folder: Path, out: Path, limit: int | None, report_only: bool) -> None:
    there = _there(out) if report_only else None  # first of all: what cannot be used is said before the work
    with progress.shown() as told:
        recording = _opened(folder / RECORDING, limit)
        data = collect(recording.stays(), within(told, RECORDING), recording.size())
        outcome = _opened(folder / MORTALITY, limit)
        deaths = outcomes(outcome.stays(), within(told, MORTALITY), outcome.size())
        say(f"{len(data.rows.labels):,} rows of {len(data.names):,} patients, {len(deaths.names):,} stays with outcome")
        if there is None:
            manifest, packed = train(data, deaths, told=told)
            write(out, manifest, packed)
            say(f"{out / manifest.file}: {manifest.version}")
            model, before = Model(manifest, packed), None
        else:
            model, before = there
        size = (out / model.manifest.file).stat().st_size
        subject = report.Subject(layout(), model, size, data, deaths, recording)
        report.write(out, model.manifest, report.report(subject, SEED, told=told, before=before))
    say(f"{out / report.CARD}")


def _there(out: Path) -> tuple[Model, dict[str, Any]]:
    """The model in `out`, checked against its manifest, and the report of it."""
    model = load(out / FILE)
    return model, report.earlier(out, model.manifest)


def _opened(path: Path, limit: int | None) -> recordings.TextRecording:
    found = recordings.open(path, limit=limit)
    assert isinstance(found, recordings.TextRecording), "both come as a text a stay"
    return found


if __name__ == "__main__":
    sys.exit(main())
