"""Nurse-charted vital signs of ICU stays (MIMIC-III demo): two coding systems, mixed units, as charted.

Each ICU stay is replayed as a patient of its own from the start time, because a subject's stays lie years apart
on shifted dates. What is not a vital sign of the vocabulary (CVP, GCS parts, O2 device …) is sent under its
own name and stays unmapped.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from vigil.recordings.model import DEFAULT_START, Device, GatewayObservation, Patient, RecordingError, Stay
from vigil.recordings.values import from_iso, iso, number, to_us

METRICS = {
    "211": "hr", "220045": "hr",
    "618": "rr", "220210": "rr", "615": "resp_rate_total", "224690": "resp_rate_total",
    "646": "spo2", "220277": "spo2",
    "676": "temp", "678": "temp", "223761": "temp", "223762": "temp",
    "677": "temp_c_calc", "679": "temp_f_calc",
    "455": "sbp", "8441": "dbp", "456": "map",
    "220179": "sbp", "220180": "dbp", "220181": "map",
    "442": "sbp_manual", "8440": "dbp_manual", "443": "map_manual_calc",
    "51": "art_systolic", "8368": "art_diastolic", "52": "art_mean",
    "220050": "art_systolic", "220051": "art_diastolic", "220052": "art_mean",
    "6701": "art2_systolic", "8555": "art2_diastolic", "6702": "art2_mean",
    "190": "fio2", "3420": "fio2", "223835": "fio2",
    "470": "o2_flow", "223834": "o2_flow", "471": "o2_flow_2",
    "198": "gcs",
    "184": "gcs_eye", "220739": "gcs_eye", "454": "gcs_motor", "223901": "gcs_motor",
    "723": "gcs_verbal", "223900": "gcs_verbal",
    "113": "cvp", "220074": "cvp", "491": "pap_mean", "492": "pap_systolic", "8448": "pap_diastolic",
    "467": "o2_device", "226732": "o2_device",
}  # fmt: skip
"""Item → metric. A calculated copy and a second sensor keep a name of their own, so no reading hides another."""

Row = dict[str, str]


class IcuCharted:
    """The recording: the folder with `vitals.csv.gz`, `patients.csv`, `admissions.csv`, `icustays.csv`."""

    name = "icu_charted"

    def __init__(self, path: Path, start: datetime = DEFAULT_START, limit: int | None = None) -> None:
        self.path = path if path.is_dir() else path.parent
        self._start_us, self._limit = to_us(start), limit

    def stays(self) -> Iterator[Stay]:
        """One stay an ICU stay; outcome `died` (in hospital), and `death_us` on the replay's clock."""
        charted: dict[tuple[str, str], list[Row]] = {}
        for row in self._rows("vitals.csv.gz"):
            charted.setdefault((row["subject_id"], row["icustay_id"].split(".")[0]), []).append(row)
        people = {row["subject_id"]: row for row in self._rows("patients.csv")}
        units = {row["icustay_id"]: row for row in self._rows("icustays.csv")}
        admissions = {row["hadm_id"]: row for row in self._rows("admissions.csv")}
        for subject, stay in sorted(charted)[: self._limit]:
            unit = units.get(stay, {})
            admission = admissions.get(unit.get("hadm_id", ""), {})
            yield self._stay(subject, stay, charted[subject, stay], people.get(subject, {}), unit, admission)

    def _rows(self, name: str) -> Iterator[Row]:
        file = self.path / name
        if not file.exists():
            raise RecordingError(f"{self.path}: {name} is missing")
        with gzip.open(file, "rt", newline="") if name.endswith(".gz") else file.open(newline="") as stream:
            yield from csv.DictReader(stream)

    def _stay(self, subject: str, stay: str, rows: list[Row], person: Row, unit: Row, admission: Row) -> Stay:
        device_id = f"charted-{subject}-{stay or 'unassigned'}"
        moments: dict[int, GatewayObservation] = {}
        offset_us = self._start_us - min(from_iso(row["charttime"]) for row in rows)
        for row in sorted(rows, key=lambda row: row["charttime"]):
            value: int | float | str | None = number(row["value"])
            value = number(row["valuenum"]) if value is None else value
            value = row["value"].strip() or None if value is None else value
            if value is None:
                continue  # a row that only says that charting stopped
            time_us = from_iso(row["charttime"]) + offset_us
            observation = moments.setdefault(
                time_us, {"deviceId": device_id, "timestamp": iso(time_us), "metrics": {}, "units": {}}
            )
            name = METRICS.get(row["itemid"], f"item_{row['itemid']}")
            while name in observation["metrics"]:
                name += "_2"
            observation["metrics"][name] = value
            if row["valueuom"]:
                observation["units"][name] = row["valueuom"]
        born = from_iso(person["dob"]) if person.get("dob") else None
        first_us = self._start_us - offset_us
        age = int((first_us - born) / 31_556_952_000_000) if born is not None else None
        death = admission.get("deathtime", "")
        return Stay(
            patient=Patient(
                patient_id=device_id,
                age=age if age is None or age < 150 else 90,  # ages over 89 were shifted to 300 by the publisher
                gender={"F": "female", "M": "male"}.get(person.get("gender", ""), "unknown"),
                conditions=(admission["diagnosis"].lower(),) if admission.get("diagnosis") else (),
                ward=unit.get("first_careunit", "") or "ICU",
                metadata={"subject": subject},
            ),
            device=Device(device_id=device_id),
            observations=list(moments.values()),
            times_us=list(moments),
            outcome={
                "died": int(admission.get("hospital_expire_flag") or 0),
                **({"death_us": from_iso(death) + offset_us} if death else {}),
            },
        )
