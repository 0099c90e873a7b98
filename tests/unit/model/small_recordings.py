"""Made-up recordings in the formats that the model is trained from, small enough to be read in a second."""

from pathlib import Path

import numpy as np

from models.train import MORTALITY, RECORDING

_HOURLY = "HR|O2Sat|Temp|SBP|MAP|DBP|Resp|FiO2|Age|Gender|Unit1|Unit2|ICULOS|SepsisLabel"
_USUAL = {"HR": 80.0, "O2Sat": 97.0, "Temp": 37.0, "SBP": 125.0, "MAP": 88.0, "DBP": 70.0, "Resp": 17.0, "FiO2": 0.4}
PATIENTS = 45
_CHARTED = {"HR": "HR", "Temp": "Temp", "NISysABP": "SBP", "NIDiasABP": "DBP", "RespRate": "Resp"}


def folder(into: Path, patients: int = PATIENTS, hours: int = 24) -> Path:
    """Both recordings. A third of the patients have sepsis from hour 16 on, a third die; their hearts are fast."""
    random = np.random.default_rng(7)
    hourly, charted = into / RECORDING, into / MORTALITY
    hourly.mkdir(parents=True)
    charted.mkdir()
    deaths = ["RecordID,In-hospital_death"]
    for patient in range(patients):
        ill = patient % 3 == 0
        values = {sign: np.round(usual + random.normal(0, usual / 40, hours), 1) for sign, usual in _USUAL.items()}
        values["HR"] += 40.0 * ill * (np.arange(hours) >= hours // 2)
        values["O2Sat"] = np.minimum(values["O2Sat"], 100.0)
        signs = [*zip(*values.values(), strict=True)]
        rows = [
            "|".join(map(str, [*signs[hour], 60, patient % 2, 1, 0, hour + 1, int(ill and hour >= 16)]))
            for hour in range(hours)
        ]
        (hourly / f"p{patient:06}.psv").write_text("\n".join([_HOURLY, *rows]))
        lines = [
            f"{hour:02}:00,{name},{values[sign][hour]}" for hour in range(hours) for name, sign in _CHARTED.items()
        ]
        (charted / f"{100_000 + patient}.txt").write_text("\n".join(["Time,Parameter,Value", "00:00,Age,60", *lines]))
        deaths.append(f"{100_000 + patient},{int(ill)}")
    (charted / "Outcomes-a.txt").write_text("\n".join(deaths))
    return into
