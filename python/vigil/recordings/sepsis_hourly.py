"""Hourly rows of ICU patients (PhysioNet/CinC Challenge 2019): a folder of `.psv` files, or the archive of them.

One stay a file; hour 1 is the start time. Laboratory columns are not sent: no bedside device measures them.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from vigil.recordings.model import DEFAULT_START, Device, GatewayObservation, Patient, RecordingError, Stay
from vigil.recordings.text_files import TextFiles
from vigil.recordings.values import iso, number, to_us

HOUR_US = 3_600_000_000
LABEL_AHEAD_US = 6 * HOUR_US
"""`SepsisLabel` is 1 from six hours before the onset (Reyna et al. 2020)."""
METRICS = {
    "HR": "hr",
    "O2Sat": "spo2",
    "Temp": "temp",
    "SBP": "sbp",
    "MAP": "map",
    "DBP": "dbp",
    "Resp": "rr",
    "EtCO2": "etco2",
    "FiO2": "fio2",
    "Glucose": "glucose",
}


class SepsisHourly:
    """The recording; `limit` takes the first patients in sorted order."""

    name = "sepsis_hourly"

    def __init__(self, path: Path, start: datetime = DEFAULT_START, limit: int | None = None) -> None:
        self.path, self._start_us = path, to_us(start)
        self._texts = TextFiles(path, "*.psv", limit)

    def stays(self) -> Iterator[Stay]:
        """One stay a patient; label `sepsis` per observation, outcome `sepsis`, `hours`, and `onset_us` of the
        sepsis: its label begins six hours before."""
        for name, text in self.files():
            yield self.stay(name, text)

    def files(self) -> Iterator[tuple[str, str]]:
        """Name and text of each stay, unread: `stay` may read them in another process."""
        yield from self._texts

    def size(self) -> int:
        """How many stays there are."""
        return len(self._texts)

    def stay(self, name: str, text: str) -> Stay:
        """The stay in a file's text."""
        lines = text.splitlines()
        header = lines[0].split("|")
        missing = {"HR", "ICULOS", "Age", "Gender"} - set(header)
        if missing:
            raise RecordingError(f"{self.path}: {name} lacks the columns {sorted(missing)}")
        rows = [dict(zip(header, line.split("|"), strict=True)) for line in lines[1:]]
        device_id = f"sepsis-{name}"
        observations: list[GatewayObservation] = []
        times_us: list[int] = []
        sepsis: list[int] = []
        onset_us: int | None = None
        for row in rows:
            if onset_us is None and row.get("SepsisLabel") == "1":
                onset_us = self._start_us + (int(row["ICULOS"]) - 1) * HOUR_US + LABEL_AHEAD_US
            values = {metric: number(row[column]) for column, metric in METRICS.items() if column in row}
            metrics = {metric: value for metric, value in values.items() if value is not None}
            if not metrics:
                continue
            time_us = self._start_us + (int(row["ICULOS"]) - 1) * HOUR_US
            observations.append({"deviceId": device_id, "timestamp": iso(time_us), "metrics": metrics})
            times_us.append(time_us)
            sepsis.append(int(row.get("SepsisLabel", "0")))
        return Stay(
            patient=_patient(device_id, rows),
            device=Device(device_id=device_id),
            observations=observations,
            times_us=times_us,
            labels={"sepsis": sepsis},
            outcome={
                "sepsis": max((int(row.get("SepsisLabel", "0")) for row in rows), default=0),
                "hours": len(rows),
                **({"onset_us": onset_us} if onset_us is not None else {}),
            },
        )


def _patient(patient_id: str, rows: list[dict[str, str]]) -> Patient:
    first = rows[0] if rows else {}
    age = number(first.get("Age", ""))
    wards = {"Unit1": "MICU", "Unit2": "SICU"}
    return Patient(
        patient_id=patient_id,
        age=int(age) if age is not None else None,
        gender={"0": "female", "1": "male"}.get(first.get("Gender", ""), "unknown"),
        ward=next((ward for column, ward in wards.items() if first.get(column) == "1"), "ICU"),
    )
