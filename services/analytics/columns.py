"""Scored batches as columns of numbers: names become local numbers, bits become booleans."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.analytics import kernels
from services.analytics.kernels import Ints
from services.analytics.names import Names
from services.analytics.tables import Observations, Values
from vigil.core import ScoredColumns, scored_columns
from vigil.pb import events_pb2 as pb
from vigil.runtime.metrics import LATENCY_SECONDS

_LATENCY = LATENCY_SECONDS.labels("rules-engine")
_TYPES = {
    "record": "<u4",
    "patient": "<u4",
    "device": "<u4",
    "ward": "<u4",
    "model": "<u4",
    "event_time_us": "<i8",
    "ingest_time_us": "<i8",
    "process_time_us": "<i8",
    "flags": "<u4",
    "source_offset": "<u8",
    "risk": "<f4",
    "anomaly": "<f4",
    "value_observation": "<u4",
    "value_sign": "u1",
    "value_quality": "<u4",
    "value": "<f8",
}


@dataclass
class Dictionary:
    """The names of this process: patients (or orphan devices), devices, wards."""

    subjects: Names[tuple[str, str]] = field(default_factory=Names)
    devices: Names[str] = field(default_factory=Names)
    wards: Names[str] = field(default_factory=Names)


def read(values: Sequence[bytes], names: Dictionary, mark: int) -> tuple[Observations, Values, int]:
    """Columns of scored batches of one partition, and the new mark. Raises `CoreError` and changes nothing then."""
    columns = scored_columns(values)
    at = {name: np.frombuffer(columns.column(name), kind) for name, kind in _TYPES.items()}
    _observe_latency(at)
    fresh, mark = kernels.fresh_after(at["record"], at["source_offset"], mark)
    flags = at["flags"]
    observations = Observations(
        subject=_subjects(columns, at, names),
        device=names.devices.numbers(map(storable, columns.devices))[at["device"]],
        ward=names.wards.numbers(map(storable, columns.wards))[at["ward"]],
        event_time_us=at["event_time_us"],
        fresh=fresh,
        duplicate=_has(flags, pb.OBSERVATION_FLAG_DUPLICATE),
        late=_has(flags, pb.OBSERVATION_FLAG_LATE),
        orphan=_has(flags, pb.OBSERVATION_FLAG_ORPHAN),
        unscored=_has(flags, pb.OBSERVATION_FLAG_SCORE_UNAVAILABLE),
        risk=at["risk"],
        anomaly=at["anomaly"],
        model=at["model"],
        models=columns.models,
    )
    unusable = np.uint32(~pb.QUALITY_CONVERTED & 0xFFFFFFFF)
    usable = ((at["value_quality"] & unusable) == 0) & np.isfinite(at["value"])
    return observations, Values(at["value_observation"], at["value_sign"], usable, at["value"]), mark


def _subjects(columns: ScoredColumns, at: dict[str, NDArray[Any]], names: Dictionary) -> Ints:
    """A patient, or the device itself where none is linked: orphans are never mixed with each other."""
    patients = names.subjects.numbers((storable(patient), "") for patient in columns.patients[1:])
    subject: Ints = np.concatenate([[-1], patients])[at["patient"]]
    orphans = at["patient"] == 0
    if orphans.any():
        devices = columns.devices
        alone, inverse = np.unique(at["device"][orphans], return_inverse=True)
        numbers = names.subjects.numbers(("", storable(devices[device])) for device in alone)
        subject[orphans] = numbers[inverse]
    return subject


def _observe_latency(at: dict[str, NDArray[Any]]) -> None:
    """From the gateway to the rules engine's output: the first observation of each record stands for the rest."""
    first = np.flatnonzero(np.diff(at["record"], prepend=np.uint32(0xFFFFFFFF)))
    taken = (at["process_time_us"][first] - at["ingest_time_us"][first]) / 1e6
    for seconds in taken[at["ingest_time_us"][first] > 0].tolist():
        _LATENCY.observe(max(seconds, 0.0))


def storable(name: str) -> str:
    """PostgreSQL holds no NUL; what has one is kept visibly different rather than refused for ever."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in name else name


def _has(flags: NDArray[np.uint32], bit: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (flags & np.uint32(bit)) != 0
    return found
