"""Feature rows as docs/rules.md and the names state them, written without looking at the core."""

from math import nan

HOUR_S, DAY_S, MINUTE_S = 3600.0, 24 * 3600.0, 60.0
SIGNS = ["heart_rate", "spo2", "respiratory_rate", "temperature", "systolic", "diastolic", "mean_pressure"]
STANDS_IN = {
    "heart_rate": "pulse_rate",
    "systolic": "art_systolic",
    "diastolic": "art_diastolic",
    "mean_pressure": "art_mean",
}
# lowest and highest value that may enter a baseline, and how far from it a value may lie
BANDS = {
    "heart_rate": (40, 140, 30),
    "spo2": (85, 100, 6),
    "respiratory_rate": (8, 30, 10),
    "temperature": (35, 39.5, 1.5),
    "systolic": (80, 200, 40),
    "diastolic": (40, 120, 25),
    "mean_pressure": (55, 140, 30),
}


class Patient:
    """What is known of one patient."""

    def __init__(self, age: float = nan, male: float = nan) -> None:
        self.age, self.male = age, male
        self.last: dict[str, tuple[float, float]] = {}
        self.baselines: dict[str, dict[str, float]] = {}

    def observe(self, second: float, values: dict[str, float]) -> dict[str, float]:
        """The row of an observation of usable values, by name."""
        for sign, value in values.items():
            self.last[sign] = (value, second)
        row = {}
        for sign in SIGNS:
            value, at = self._speaks(sign)
            known = at is not None and second - at <= DAY_S
            baseline = self.baselines.get(sign)
            row[sign] = value if known else nan
            row[f"{sign}_age_s"] = max(0.0, second - at) if known else nan
            row[f"{sign}_delta"] = value - baseline["value"] if known and baseline else nan
            if known and at == second and self._measured(sign) in values:
                self._enter(sign, value, second)
        pressure, rate = row["systolic"], row["heart_rate"]
        return row | {
            "age_years": self.age,
            "male": self.male,
            "on_oxygen": self._on_oxygen(second),
            "shock_index": rate / pressure if pressure > 0 else nan,
            "pulse_pressure": pressure - row["diastolic"],
        }

    def _measured(self, sign: str) -> str:
        other = STANDS_IN.get(sign)
        if other in self.last and (sign not in self.last or self.last[other][1] > self.last[sign][1] + MINUTE_S):
            return other
        return sign

    def _speaks(self, sign: str) -> tuple[float, float | None]:
        return self.last.get(self._measured(sign), (nan, None))

    def _on_oxygen(self, second: float) -> float:
        known = []
        for sign, least in (("fio2", 21.5), ("o2_flow", 1e-9)):
            if sign in self.last and second - self.last[sign][1] <= DAY_S:
                value, at = self.last[sign]
                known.append((at, float(value >= least)))
        return max(known)[1] if known else nan

    def _enter(self, sign: str, value: float, second: float) -> None:
        low, high, jump = BANDS[sign]
        if not low <= value <= high:
            return
        fresh = {"value": value, "at": second, "n": 1, "away": nan}
        baseline = self.baselines.get(sign)
        if baseline is None:
            self.baselines[sign] = fresh
        elif abs(value - baseline["value"]) <= jump:
            baseline["n"] += 1
            elapsed = max(0.0, second - baseline["at"])
            weight = max(elapsed / (elapsed + HOUR_S), 1 / baseline["n"])
            baseline["value"] += weight * (value - baseline["value"])
            baseline["at"], baseline["away"] = second, nan
        elif baseline["away"] != baseline["away"]:
            baseline["away"] = second
        elif second - baseline["away"] >= 4 * HOUR_S:
            self.baselines[sign] = fresh
