"""ICU stays of 48 hours in long format (PhysioNet/CinC Challenge 2012): `Time,Parameter,Value` a file.

Values that share a time make one observation. The recording repeats some parameters at one time; the repeat
becomes an observation of its own, so observations carry a sequence number that tells them apart.
"""

import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from vigil.recordings.model import DEFAULT_START, Device, GatewayObservation, Patient, Stay
from vigil.recordings.text_files import TextFiles
from vigil.recordings.values import iso, number, to_us

METRICS = {
    "HR": "hr",
    "RespRate": "rr",
    "Temp": "temp",
    "SysABP": "art_systolic",
    "DiasABP": "art_diastolic",
    "MAP": "art_mean",
    "NISysABP": "sbp",
    "NIDiasABP": "dbp",
    "NIMAP": "map",
    "FiO2": "fio2",
    "Glucose": "glucose",
    "GCS": "gcs",
    "SaO2": "sao2",
}
WARDS = {"1": "CCU", "2": "CSRU", "3": "MICU", "4": "SICU"}


class IcuMortality:
    """The recording: the archive, or its unpacked folder; `limit` takes the first stays in sorted order."""

    name = "icu_mortality"

    def __init__(self, path: Path, start: datetime = DEFAULT_START, limit: int | None = None) -> None:
        self.path, self._start_us = path, to_us(start)
        self._texts = TextFiles(path, "**/[0-9]*.txt", limit)
        self._deaths: dict[str, int] | None = None

    def stays(self) -> Iterator[Stay]:
        """One stay a record; outcome `died` where the outcomes file is there."""
        for name, text in self.files():
            yield self.stay(name, text)

    def files(self) -> Iterator[tuple[str, str]]:
        """Name and text of each stay, unread: `stay` may read them in another process."""
        self._deaths = self._deaths if self._deaths is not None else self._read_deaths()
        yield from self._texts

    def size(self) -> int:
        """How many stays there are."""
        return len(self._texts)

    def _read_deaths(self) -> dict[str, int]:
        if self.path.is_dir():
            files = [*self.path.glob("Outcomes*.txt"), *self.path.parent.glob("Outcomes*.txt")]
            text = files[0].read_text() if files else ""
        else:
            with tarfile.open(self.path) as archive:
                found = next((m for m in archive if Path(m.name).name.startswith("Outcomes")), None)
                content = archive.extractfile(found) if found else None
                text = content.read().decode() if content else ""
        rows = [line.split(",") for line in text.splitlines()[1:]]
        return {row[0]: int(row[-1]) for row in rows if len(row) > 1}

    def stay(self, name: str, text: str) -> Stay:
        """The stay in a file's text."""
        deaths = self._deaths or {}
        device_id = f"mortality-{name}"
        general: dict[str, str] = {}
        moments: dict[int, list[dict[str, int | float]]] = {}
        for line in text.splitlines()[1:]:
            time, parameter, value = line.split(",", 2)
            metric, read = METRICS.get(parameter), number(value)
            if metric is None:
                general.setdefault(parameter, value)
            elif read is not None:
                hours, minutes = time.split(":")
                slots = moments.setdefault((int(hours) * 60 + int(minutes)) * 60_000_000, [{}])
                slot = next((slot for slot in slots if metric not in slot), None)
                if slot is None:
                    slots.append(slot := {})
                slot[metric] = read
        observations: list[GatewayObservation] = []
        times_us: list[int] = []
        for relative_us in sorted(moments):
            for metrics in moments[relative_us]:
                time_us = self._start_us + relative_us
                observations.append(
                    {
                        "deviceId": device_id,
                        "timestamp": iso(time_us),
                        "sequence": len(observations),
                        "metrics": metrics,
                    }
                )
                times_us.append(time_us)
        age = number(general.get("Age", ""))
        return Stay(
            patient=Patient(
                patient_id=device_id,
                age=int(age) if age is not None and age >= 0 else None,
                gender={"0": "female", "1": "male"}.get(general.get("Gender", ""), "unknown"),
                ward=WARDS.get(general.get("ICUType", ""), "ICU"),
            ),
            device=Device(device_id=device_id),
            observations=observations,
            times_us=times_us,
            outcome={"died": deaths[name]} if name in deaths else {},
        )
