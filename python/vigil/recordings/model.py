"""What a recording gives: stays of patients, each with one device and its observations in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where relative times begin, fixed so that a replay of the same recording gives the same ids."""

GatewayObservation = dict[str, Any]
"""One JSON object as `POST /api/telemetry` takes it."""


class RecordingError(Exception):
    """The recording cannot be read; the message says which file and why."""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Who was recorded, as far as the recording says. `age` in years."""

    patient_id: str
    age: int | None = None
    gender: str = "unknown"
    conditions: tuple[str, ...] = ()
    ward: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Device:
    """The device that sends a stay's observations."""

    device_id: str
    device_type: str = "multiparameter_monitor"
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stay:
    """One patient on one device. `times_us`, and each list of `labels`, run parallel to `observations`.

    `patient` is None when the recording does not say whose device it was. `outcome` holds what became of
    the patient (`died`, …); labels and outcomes are for training and evaluation and are never sent.
    """

    patient: Patient | None
    device: Device
    observations: list[GatewayObservation]
    times_us: list[int]
    labels: dict[str, list[int]] = field(default_factory=dict)
    outcome: dict[str, float] = field(default_factory=dict)


class Recording(Protocol):
    """An opened recording. Every iteration starts again from the files; nothing is kept in memory."""

    name: str
    path: Path

    def stays(self) -> Iterator[Stay]:
        """The stays, in the sorted order of the recording's own ids."""


@runtime_checkable
class TextRecording(Recording, Protocol):
    """A recording with a text a stay: the texts can be read here and understood in other processes."""

    def files(self) -> Iterator[tuple[str, str]]:
        """Name and text of each stay, in the order of `stays`."""

    def size(self) -> int:
        """How many there are, without their texts."""

    def stay(self, name: str, text: str) -> Stay:
        """The stay in a text."""


def observations_by_patient(recording: Recording) -> Iterator[GatewayObservation]:
    """All observations, one patient after the other: the memory of one stay."""
    for stay in recording.stays():
        yield from stay.observations


def observations_by_time(recording: Recording) -> Iterator[tuple[int, GatewayObservation]]:
    """All observations merged by time (ties in the order of the stays), with their time in µs."""

    def timed(index: int, stay: Stay) -> Iterator[tuple[int, int, int, GatewayObservation]]:
        for position, (time_us, observation) in enumerate(zip(stay.times_us, stay.observations, strict=True)):
            yield time_us, index, position, observation

    streams = [timed(index, stay) for index, stay in enumerate(recording.stays())]
    for time_us, _, _, observation in merge(*streams, key=lambda item: item[:3]):
        yield time_us, observation
