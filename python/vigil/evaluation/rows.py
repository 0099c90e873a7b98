"""A recording's observations with every score beside them, from the live engine over prepared parts."""

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vigil import core, topology
from vigil.backtest import parts
from vigil.backtest.evaluate import calls
from vigil.backtest.parts import Part
from vigil.core import Engine, scored_columns
from vigil.model import Model, load
from vigil.runtime import memory

RISK = "risk"
BASELINES = {"news2": "NEWS2, partial", "qsofa": "qSOFA, known part", "shock_index": "shock index"}
"""What a ward has without a model. Consciousness is mostly not recorded: NEWS2 and qSOFA are what is known of them."""
TITLES = {RISK: "model", **BASELINES}
_QSOFA_RATE, _QSOFA_PRESSURE = 22.0, 100.0


class LostRows(Exception):
    """The engine did not hand on a row an observation: scores would not stand beside their observations."""


@dataclass(frozen=True)
class Rows:
    """Columns in parallel; NaN is unknown. `patient` and `ward` are indices into the names."""

    patients: list[str]
    wards: list[str]
    patient: NDArray[np.int64]
    ward: NDArray[np.int64]
    time_us: NDArray[np.int64]
    age_years: NDArray[np.float64]
    male: NDArray[np.float64]
    scores: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.patient)


def joined(pieces: list[Rows]) -> Rows:
    """All rows, sorted by patient and time."""
    patients = sorted({name for piece in pieces for name in piece.patients})
    wards = sorted({name for piece in pieces for name in piece.wards})

    def numbers(column: str, names: list[str]) -> NDArray[np.int64]:
        at = {name: index for index, name in enumerate(names)}
        made = []
        for piece in pieces:
            own = piece.patients if column == "patient" else piece.wards
            made.append(np.array([at[name] for name in own], np.int64)[getattr(piece, column)])
        return np.concatenate(made)

    patient, time_us = numbers("patient", patients), np.concatenate([piece.time_us for piece in pieces])
    order = np.lexsort((time_us, patient))

    def put(columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate(columns)[order]

    return Rows(
        patients=patients,
        wards=wards,
        patient=patient[order],
        ward=numbers("ward", wards)[order],
        time_us=time_us[order],
        age_years=put([piece.age_years for piece in pieces]),
        male=put([piece.male for piece in pieces]),
        scores={name: put([piece.scores[name] for piece in pieces]) for name in pieces[0].scores},
    )


def score_part(folder: Path, part: Part, rules_toml: str, model_file: str) -> Rows:
    """A part's observations of known patients. Raises `LostRows`, `Damaged`, `CoreError`, `ModelError`."""
    memory.keep_freed()
    model, engine = _model(model_file), Engine(rules_toml)
    engine.assign(0)
    now_us, offset = time.time_ns() // 1000, 0
    pieces = []
    for values in calls(parts.read(folder, part)):
        offsets = list(range(offset, offset + len(values)))
        offset += len(values)
        pending = engine.begin(topology.ENRICHED, 0, offsets, values, now_us)
        features, rows = pending.features, pending.rows
        packed = model.score(features, rows)
        made = engine.finish(pending, packed, model.version, now_us)
        pieces.append(_rows(model, features, rows, packed, [value for _, _, value in made.scored]))
    return joined(pieces)


@cache
def _model(file: str) -> Model:
    return load(file)


def _rows(model: Model, features: bytes, rows: int, packed: bytes, scored: list[bytes]) -> Rows:
    manifest = model.manifest
    matrix = np.frombuffer(features, "<f4").reshape(rows, len(manifest.features))
    answers = np.frombuffer(packed, "<f4").reshape(rows, len(manifest.scores))
    risk = answers[:, manifest.scores.index(RISK)].astype(np.float64)
    columns = scored_columns(scored)
    seen = np.frombuffer(columns.column(RISK), "<f4")
    # The engine rounds to 1e-4; anything further off is another row's score.
    if columns.observations != rows or not np.allclose(seen, risk, atol=1e-4, equal_nan=True):
        raise LostRows(f"{columns.observations} scored observations of {rows} rows")
    patient = np.frombuffer(columns.column("patient"), "<u4").astype(np.int64)
    known = patient > 0
    heart_rate, systolic, rate = (_column(matrix, name) for name in ("heart_rate", "systolic", "respiratory_rate"))
    news2 = np.frombuffer(columns.column("news2"), "<i4").astype(np.float64)
    scores = {
        RISK: risk,
        "news2": np.where(news2 < 0, np.nan, news2),
        "qsofa": qsofa(rate, systolic),
        "shock_index": np.divide(heart_rate, systolic, out=np.full(rows, np.nan), where=systolic > 0),
    }
    return Rows(
        patients=columns.patients[1:],
        wards=columns.wards,
        patient=patient[known] - 1,
        ward=np.frombuffer(columns.column("ward"), "<u4").astype(np.int64)[known],
        time_us=np.frombuffer(columns.column("event_time_us"), "<i8")[known],
        age_years=_column(matrix, "age_years")[known],
        male=_column(matrix, "male")[known],
        scores={name: score[known] for name, score in scores.items()},
    )


def _column(matrix: NDArray[np.float32], name: str) -> NDArray[np.float64]:
    return matrix[:, list(core.feature_names()).index(name)].astype(np.float64)


def qsofa(rate: NDArray[np.float64], systolic: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points for breathing rate and systolic pressure, of what is known; NaN when neither is."""
    points = (rate >= _QSOFA_RATE).astype(np.float64) + (systolic <= _QSOFA_PRESSURE)
    return np.where(np.isnan(rate) & np.isnan(systolic), np.nan, points)
