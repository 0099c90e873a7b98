"""Artefacts put into real recordings, and how many of them the anomaly scores see.

A stay's observations are altered before they enter the pipeline, so that history and features follow as they would
live. A value that the normalizer then refuses as implausible never reaches the model, and is counted apart.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.layout import Layout, Matrix
from models.progress import Told, counted, quiet, within
from models.resampled import Figure, Weights, by_patient
from vigil.evaluation.ranking import Ranking
from vigil.offline.features import feature_rows
from vigil.recordings import Stay

METRIC = {
    "heart_rate": "hr",
    "spo2": "spo2",
    "respiratory_rate": "rr",
    "temperature": "temp",
    "systolic": "sbp",
    "diastolic": "dbp",
    "mean_pressure": "map",
}
LIMITS = (0.95, 0.99)
Random = np.random.Generator
Alter = Callable[[float, Random], float]


@dataclass(frozen=True)
class Kind:
    """How values of some signs are altered for so many hours; scored from `seen_after` altered values on."""

    name: str
    alter: dict[str, Alter]
    hours: int
    seen_after: int = 0
    freezes: bool = False


def _times(low: float, high: float) -> Alter:
    return lambda value, random: round(value * random.uniform(low, high), 1)


def _to(low: float, high: float) -> Alter:
    return lambda _, random: round(random.uniform(low, high), 1)


_SAME: Alter = lambda value, _: value  # noqa: E731 (a table entry)
KINDS = (
    Kind(
        "spike",
        {
            "heart_rate": _times(1.5, 2.0),
            "respiratory_rate": _times(1.8, 2.5),
            "systolic": _times(1.4, 1.8),
            "spo2": _times(0.7, 0.85),
            "temperature": _times(1.07, 1.1),
        },
        hours=1,
    ),
    Kind(
        "flat line",
        dict.fromkeys(("heart_rate", "respiratory_rate", "systolic", "mean_pressure"), _SAME),
        hours=12,
        seen_after=4,
        freezes=True,
    ),
    Kind("unit slip, kPa as mmHg", dict.fromkeys(("systolic", "mean_pressure"), _times(0.1333, 0.1334)), hours=4),
    Kind("unit slip, °F as °C", {"temperature": lambda value, _: round(value * 1.8 + 32, 1)}, hours=4),
    Kind("probe off", {"spo2": _to(40, 75), "temperature": _to(22, 31)}, hours=3),
)
"""Spikes stay plausible; a probe that fell off reads low, or the room."""


@dataclass(frozen=True)
class Altered:
    """A stay with an artefact in one sign, and the altered values by time."""

    stay: Stay
    sign: str
    values: dict[int, float]


def altered(stays: Sequence[Stay], kind: Kind, seed: int) -> Iterator[Altered]:
    """Every stay that has enough values of a sign, with one artefact in it."""
    random = np.random.default_rng(seed)
    for stay in stays:
        sign = str(random.choice(sorted(kind.alter)))
        metric = METRIC[sign]
        having = [at for at, one in enumerate(stay.observations) if metric in one["metrics"]]
        if len(having) < kind.hours + 8:
            continue
        first = int(random.integers(6, len(having) - kind.hours))
        chosen = having[first : first + kind.hours]
        observations, values = deepcopy(stay.observations), {}
        frozen = observations[chosen[0]]["metrics"][metric]
        for n, at in enumerate(chosen):
            now = frozen if kind.freezes else observations[at]["metrics"][metric]
            observations[at]["metrics"][metric] = kind.alter[sign](now, random)
            if n >= kind.seen_after:
                values[stay.times_us[at]] = observations[at]["metrics"][metric]
        yield Altered(replace(stay, observations=observations), sign, values)


def measure(
    layout: Layout, stays: Sequence[Stay], score: Callable[[Matrix], Matrix], seed: int, rounds: int, told: Told = quiet
) -> dict[str, dict[str, Any]]:
    """Per kind: how many were put in, refused and scored, and recall, precision and AUROC of the sign's score.

    These three with intervals by stay, of which each is of another patient.
    """
    out = {}
    for kind in KINDS:
        scores: list[NDArray[np.float64]] = []
        truth: list[NDArray[np.bool_]] = []
        whose: list[NDArray[np.intp]] = []
        put = refused = 0
        pairs = list(altered(stays, kind, seed))
        made = feature_rows(pair.stay for pair in pairs)
        for pair, rows in counted(zip(pairs, made, strict=True), told, kind.name, len(pairs)):
            at = list(layout.signs).index(pair.sign)
            value = rows.features[:, layout.value[at]]
            fresh = rows.features[:, layout.features.index(f"{pair.sign}_age_s")] == 0
            wanted = np.array([pair.values.get(int(time), np.nan) for time in rows.time_us])
            put += int(np.isfinite(wanted).sum())
            reached = fresh & (np.abs(value - wanted) < 0.06)
            refused += int((np.isfinite(wanted) & ~reached).sum())
            usable = fresh & (reached | ~np.isin(rows.time_us, list(pair.values)))
            scores.append(score(rows.features)[usable, 2 + at].astype(np.float64))
            truth.append(reached[usable])
            whose.append(np.full(int(usable.sum()), len(whose)))
        parts = (np.concatenate(part) for part in (truth, scores, whose))
        out[kind.name] = {"put_in": put, "refused": refused} | _figures(*parts, seed, rounds, within(told, kind.name))
    return out


def _figures(
    truth: NDArray[np.bool_],
    scores: NDArray[np.float64],
    whose: NDArray[np.intp],
    seed: int,
    rounds: int,
    told: Told,
) -> dict[str, float | Figure]:
    if not truth.any():
        return {}
    ranking = Ranking(truth, scores)

    def figures(weights: Weights) -> dict[str, float]:
        counted_as = np.ones(len(truth)) if weights is None else weights
        made = {"auroc": ranking.auroc(weights)}
        for limit in LIMITS:
            called = scores >= limit
            right = float(counted_as[called & truth].sum())
            made[f"recall_{limit}"] = right / float(counted_as[truth].sum() or np.nan)
            made[f"precision_{limit}"] = right / max(float(counted_as[called].sum()), 1.0)
        return made

    return {"share": float(truth.mean())} | by_patient(whose, figures, seed, rounds, told)
