"""Vigil's own recording: one gateway JSON object a line, and optionally a first line that says whose they are.

The first line is `{"patients": [{"patientId", "age", "gender", "conditions", "ward"}], "devices":
[{"deviceId", "deviceType", "patientId"}]}`. Times are absolute and stay as they are. A name that ends in `.gz` is
read through gzip.
"""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from vigil.recordings.model import DEFAULT_START, Device, GatewayObservation, Patient, RecordingError, Stay
from vigil.recordings.values import from_iso


class JsonLines:
    """The recording; `limit` takes the first devices in the order in which they appear."""

    name = "jsonl"

    def __init__(self, path: Path, start: datetime = DEFAULT_START, limit: int | None = None) -> None:
        self.path, self.limit = path, limit

    def stays(self) -> Iterator[Stay]:
        """One stay a device, in the order of the devices' first lines."""
        patients: dict[str, Patient] = {}
        devices: dict[str, tuple[Device, str]] = {}
        observations: dict[str, list[GatewayObservation]] = {}
        for number, entry in enumerate(self._lines(), start=1):
            if number == 1 and "metrics" not in entry and ("patients" in entry or "devices" in entry):
                patients, devices = people(entry)
                continue
            if not isinstance(entry.get("deviceId"), str) or "timestamp" not in entry:
                raise RecordingError(f"{self.path}: line {number} has no deviceId or no timestamp")
            observations.setdefault(entry["deviceId"], []).append(entry)
        for device_id in list(observations)[: self.limit]:
            device, patient_id = devices.get(device_id, (Device(device_id=device_id), ""))
            yield Stay(
                patient=patients.get(patient_id),
                device=device,
                observations=observations[device_id],
                times_us=[_time_us(o["timestamp"]) for o in observations[device_id]],
            )

    def _lines(self) -> Iterator[dict[str, Any]]:
        decoder = msgspec.json.Decoder(dict[str, Any])
        with opened(self.path) as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    yield decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise RecordingError(f"{self.path}: line {number}: {error}") from error


def opened(path: Path) -> BinaryIO:
    """The file's lines, unpacked where it is packed."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def people(entry: dict[str, Any]) -> tuple[dict[str, Patient], dict[str, tuple[Device, str]]]:
    """What a first line says: the patients, and each device with its patient's id ("" = nobody's)."""
    patients = {p["patientId"]: _patient(p) for p in entry.get("patients", [])}
    return patients, {d["deviceId"]: (_device(d), d.get("patientId", "")) for d in entry.get("devices", [])}


def _time_us(timestamp: object) -> int:
    if isinstance(timestamp, str):
        return from_iso(timestamp)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=float(str(timestamp)))
    return from_iso(moment.isoformat())


def _patient(entry: dict[str, Any]) -> Patient:
    return Patient(
        patient_id=entry["patientId"],
        age=entry.get("age"),
        gender=entry.get("gender", "unknown"),
        conditions=tuple(entry.get("conditions", ())),
        ward=entry.get("ward", ""),
    )


def _device(entry: dict[str, Any]) -> Device:
    return Device(device_id=entry["deviceId"], device_type=entry.get("deviceType", "multiparameter_monitor"))
