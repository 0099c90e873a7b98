"""One bedside monitor, a row a minute, as CSV with the unit in each column's head. 0 is sent as it stands."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from vigil.recordings.model import DEFAULT_START, Device, GatewayObservation, Patient, RecordingError, Stay
from vigil.recordings.values import iso, number, to_us

MINUTE_US = 60_000_000
METRICS = {
    "HR": "hr",
    "PULSE": "pulse",
    "RESP": "rr",
    "SpO2": "spo2",
    "ABPSys": "art_systolic",
    "ABPDias": "art_diastolic",
    "ABPMean": "art_mean",
    "NBPSys": "sbp",
    "NBPDias": "dbp",
    "NBPMean": "map",
}
_HEAD = re.compile(r"\s*(?P<name>[^\[]+?)\s*(?:\[(?P<unit>[^\]]*)\])?\s*$")


class BedsideMinutes:
    """The recording: one file a stay, or a folder of them."""

    name = "bedside_minutes"

    def __init__(self, path: Path, start: datetime = DEFAULT_START, limit: int | None = None) -> None:
        self.path, self._start_us, self._limit = path, to_us(start), limit

    def stays(self) -> Iterator[Stay]:
        """One stay a file."""
        files = sorted(self.path.glob("*.csv")) if self.path.is_dir() else [self.path]
        for file in files[: self._limit]:
            yield self._stay(file)

    def _stay(self, file: Path) -> Stay:
        device_id = f"bedside-{file.stem.split('-')[0]}"
        observations: list[GatewayObservation] = []
        times_us: list[int] = []
        with file.open(newline="") as stream:
            rows = csv.reader(stream)
            columns = [_column(head) for head in next(rows, [])]
            if not columns or columns[0][0] != "minute":
                raise RecordingError(f"{file}: the first column is not 'minute'")
            units = {name: unit for name, unit in columns[1:] if unit}
            for row in rows:
                metrics = {
                    name: value
                    for (name, _), text in zip(columns[1:], row[1:], strict=True)
                    if (value := number(text)) is not None
                }
                if not metrics:
                    continue
                time_us = self._start_us + int(row[0]) * MINUTE_US
                observations.append(
                    {
                        "deviceId": device_id,
                        "timestamp": iso(time_us),
                        "metrics": metrics,
                        "units": {name: unit for name, unit in units.items() if name in metrics},
                    }
                )
                times_us.append(time_us)
        return Stay(
            patient=Patient(patient_id=device_id, ward="ICU"),
            device=Device(device_id=device_id),
            observations=observations,
            times_us=times_us,
        )


def _column(head: str) -> tuple[str, str]:
    match = _HEAD.match(head)
    name, unit = (match["name"], match["unit"] or "") if match else (head, "")
    return METRICS.get(name, name), unit
