"""Feature rows as docs/features.md states them, written without looking at the core."""

from math import nan, sqrt
from typing import Any

HOUR_S, DAY_S, MINUTE_S = 3600.0, 24 * 3600.0, 60.0
WINDOWS_S = [HOUR_S, 6 * HOUR_S, DAY_S]
SIGNS = ["heart_rate", "spo2", "respiratory_rate", "temperature", "systolic", "diastolic", "mean_pressure"]
SUPPORT = ["etco2", "fio2", "glucose"]
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
        self.trends: dict[str, dict[str, Any]] = {}
        self.first: float | None = None

    def observe(self, second: float, values: dict[str, float]) -> dict[str, float]:
        """The row of an observation of usable values, by name."""
        for sign, value in values.items():
            self.last[sign] = (value, second)
        row = {"seen_s": 0.0 if self.first is None else max(0.0, second - self.first)}
        self.first = second if self.first is None else self.first
        for sign in SIGNS:
            value, at = self._speaks(sign)
            known = at is not None and second - at <= DAY_S
            baseline = self.baselines.get(sign)
            row[sign] = value if known else nan
            row[f"{sign}_age_s"] = max(0.0, second - at) if known else nan
            row[f"{sign}_delta"] = value - baseline["value"] if known and baseline else nan
            trend = self.trends.get(sign) if known else None
            hour, quarter, day = trend["mean"] if trend else [nan] * 3
            row[f"{sign}_slope_6h"], row[f"{sign}_slope_24h"] = hour - quarter, quarter - day
            spread = [sqrt(v) for v in trend["variance"]] if trend and trend["n"] > 1 else [nan] * 3
            row[f"{sign}_deviation_6h"], row[f"{sign}_deviation_24h"] = spread[1:]
            same = trend is not None and trend["last"] == value
            row[f"{sign}_unchanged_s"] = (at - trend["since"] if same else 0.0) if known else nan
            if known and at == second and self._measured(sign) in values:
                self._enter(sign, value, second)
                self._roll(sign, value, second)
        for sign in SUPPORT:
            value, at = self.last.get(sign, (nan, None))
            known = at is not None and second - at <= DAY_S
            row[sign], row[f"{sign}_age_s"] = (value, second - at) if known else (nan, nan)
        pressure, rate = row["systolic"], row["heart_rate"]
        return row | {
            "age_years": self.age,
            "male": self.male,
            "on_oxygen": self._on_oxygen(second),
            "shock_index": rate / pressure if pressure > 0 else nan,
            "pulse_pressure": pressure - row["diastolic"],
            "heart_rate_at_37": rate - 8 * (row["temperature"] - 37),
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

    def _roll(self, sign: str, value: float, second: float) -> None:
        trend = self.trends.get(sign)
        if trend is None:
            first = {"mean": [value] * 3, "variance": [0.0] * 3, "n": 1}
            self.trends[sign] = {"at": second, "since": second, "last": value, **first}
            return
        if trend["last"] != value:
            trend["last"], trend["since"] = value, second
        elapsed = second - trend["at"]
        if elapsed < MINUTE_S:
            return
        trend["n"] += 1
        for at, window in enumerate(WINDOWS_S):
            weight = max(elapsed / (elapsed + window), 1 / trend["n"])
            away = value - trend["mean"][at]
            trend["mean"][at] += weight * away
            trend["variance"][at] = (1 - weight) * (trend["variance"][at] + weight * away * away)
        trend["at"] = second
