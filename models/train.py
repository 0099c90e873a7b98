"""Trains the shipped model from the recordings: `python -m models.train --data DIR --out models/`.

Reproducible: the split is a digest of the patient's name, all seeds are fixed, one thread computes. The same
recording, core and libraries give the same bytes. Five to ten minutes on one core, most of it the report.
"""

import argparse
import hashlib
import math
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models import artefacts, blanked, card, graph, mortality, plot, swapped, without
from models.fit import fit
from models.held_out import evaluated
from models.layout import SUPPORT, Layout, Matrix
from models.rows import Dataset, Rows, collect, outcomes
from models.split import split, split_outcomes
from vigil import core, paths, recordings
from vigil.model import Manifest, Model
from vigil.model.drift import distribution
from vigil.model.manifest import FILE_NAME, Bands, Distribution, Reference

NAME, FILE = "vitals", "vitals.onnx"
RECORDING, MORTALITY = "sepsis_hourly", "icu_mortality"
ARTEFACT_STAYS, ROUNDS = 1000, 200
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


def train(data: Dataset, deaths: Dataset | None = None, seed: int = SEED) -> tuple[Manifest, bytes]:
    """The model of a dataset and, if given, of stays with their outcome; with its manifest."""
    columns = layout()
    learn, calibrate, _ = split(data.names)
    stays = deaths.rows.of(split_outcomes(deaths.names)[0]) if deaths else Rows.none(len(columns.features))
    with threadpool_limits(limits=1):
        parameters = fit(columns, data.rows.of(learn), data.rows.of(calibrate), stays, seed)
        packed = graph.build(parameters)
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


def scores_of(model: Model, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores of feature rows, in batches."""
    parts = [
        model.score(np.ascontiguousarray(features[at : at + 1024]).tobytes(), len(features[at : at + 1024]))
        for at in range(0, len(features), 1024)
    ]
    return np.frombuffer(b"".join(parts), np.float32).reshape(len(features), -1)


def write(out: Path, manifest: Manifest, packed: bytes) -> None:
    """Writes the model and its manifest into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / manifest.file).write_bytes(packed)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (out / FILE_NAME).write_bytes(text + b"\n")


def report(
    manifest: Manifest, packed: bytes, data: Dataset, deaths: Dataset, folder: Path, rounds: int = ROUNDS
) -> dict[str, Any]:
    """Everything the model card says in numbers. The test patients are looked at here and nowhere else."""
    columns, model = layout(), Model(manifest, packed)
    learn, calibrate, test = split(data.names)
    held_out = data.rows.of(test)
    scores = scores_of(model, held_out.features)

    def score(rows: Matrix) -> Matrix:
        return scores_of(model, rows)

    unseen_stays = split_outcomes(deaths.names)[1]
    unseen = {name for name, taken in zip(data.names, test, strict=True) if taken}
    stays = [stay for stay in recordings.open(folder / RECORDING).stays() if stay.device.device_id in unseen]
    return {
        "model": manifest.version,
        "recording": RECORDING,
        "patients": {"train": int(learn.sum()), "calibration": int(calibrate.sum()), "test": int(test.sum())},
        "rows": {n: len(data.rows.of(c).labels) for n, c in (("train", learn), ("calibration", calibrate))},
        "test": evaluated(columns, data, scores, test, rounds),
        "blanked_auroc": blanked.measure(columns, held_out, score),
        "without": without.measure(columns, data.rows.of(learn), data.rows.of(calibrate), held_out, SEED, rounds),
        "swapped_value_auroc": swapped.measure(columns, held_out, score, SEED),
        "artefact_stays": min(len(stays), ARTEFACT_STAYS),
        "artefacts": artefacts.measure(columns, stays[:ARTEFACT_STAYS], score, SEED),
        "outcome_stays": {"train": int((~unseen_stays).sum()), "test": int(unseen_stays.sum())},
        "mortality": mortality.measure(deaths, unseen_stays, score, SEED),
        "microseconds_per_row": {str(rows): _cost(model, held_out, rows) for rows in (1, 64, 1024)},
        "bytes": len(packed),
    }


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


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the recordings (default: VIGIL_DATA or ../shared/data)")
    parser.add_argument("--out", type=Path, default=paths.MODELS)
    parser.add_argument("--patients", type=int, help="only the first so many patients")
    options = parser.parse_args()
    folder = recordings.data_folder(options.data)
    if folder is None or not all((folder / name).exists() for name in (RECORDING, MORTALITY)):
        parser.error(f"no recordings {RECORDING} and {MORTALITY}: give --data DIR")
    began = time.monotonic()
    recording = recordings.open(folder / RECORDING, limit=options.patients)
    data = collect(recording.stays())
    deaths = outcomes(recordings.open(folder / MORTALITY, limit=options.patients).stays())
    print(f"{len(data.rows.labels)} rows of {len(data.names)} patients after {time.monotonic() - began:.0f} s")
    manifest, packed = train(data, deaths)
    write(options.out, manifest, packed)
    print(f"{manifest.version} after {time.monotonic() - began:.0f} s")
    numbers = report(manifest, packed, data, deaths, folder)
    (options.out / "metrics.json").write_bytes(msgspec.json.format(msgspec.json.encode(numbers), indent=2) + b"\n")
    (options.out / "calibration.svg").write_text(plot.calibration(numbers["test"]["calibration"]["bins"]), "utf-8")
    (options.out / "MODEL_CARD.md").write_text(card.render(numbers, manifest), "utf-8")
    print(f"report after {time.monotonic() - began:.0f} s: {options.out / 'MODEL_CARD.md'}")


if __name__ == "__main__":
    main()
