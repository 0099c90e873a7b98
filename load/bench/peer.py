"""(a) The same work as the Rust stages, as one would write it in Python: json, dictionaries, the same rule file.

It decodes, checks, names, converts, flags, joins, scores NEWS2, evaluates every limit rule of rules/default.toml
with its delays, hysteresis and suppression, and encodes the result: what `core_stages` compares with.
"""

import hashlib
import json
import math
import tomllib
from typing import Any

from vigil import paths
from vigil.core import vocabulary

NEWS2_BANDS = {
    "respiratory_rate": [(8, 3), (11, 1), (20, 0), (24, 2), (math.inf, 3)],
    "spo2": [(91, 3), (93, 2), (95, 1), (math.inf, 0)],
    "systolic": [(90, 3), (100, 2), (110, 1), (219, 0), (math.inf, 3)],
    "heart_rate": [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (math.inf, 3)],
    "temperature": [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (math.inf, 2)],
}


class Peer:
    """The Python pipeline: state by patient."""

    def __init__(self, contexts: dict[str, dict[str, Any]]) -> None:
        self._contexts = contexts
        rules = tomllib.loads(paths.RULES.read_text())
        self._spot_check_ms = rules.get("spot_check_after_s", 60) * 1000
        self._rules: dict[str, list[dict[str, Any]]] = {}
        for rule in rules["rule"]:
            if rule["kind"] == "limit":
                self._rules.setdefault(rule["sign"], []).append(rule)
        self.alert_types = {_type(rule) for rules in self._rules.values() for rule in rules}
        self._signs: dict[str, dict[str, Any]] = {}
        for sign in vocabulary():
            for name in [sign["field"], *sign["aliases"]]:  # type: ignore[misc]
                self._signs[str(name)] = sign
        self._last: dict[str, dict[str, float]] = {}
        self._onset: dict[tuple[str, str, int], int] = {}
        self._open: dict[tuple[str, str], int] = {}
        self._seen_ms: dict[tuple[str, str], int] = {}
        self.alerts: list[tuple[str, str, str]] = []
        self.news2: list[int] = []

    def __call__(self, body: bytes) -> list[bytes]:
        """A request's body in; encoded scored observations out."""
        return [self._observation(item) for item in json.loads(body)]

    def _observation(self, item: dict[str, Any]) -> bytes:
        device, time_ms = item["deviceId"], item["timestamp"]
        if not isinstance(device, str) or not isinstance(time_ms, int) or not item["metrics"]:
            raise ValueError(item)
        vitals: dict[str, dict[str, Any]] = {}
        unmapped = []
        for name, value in item["metrics"].items():
            sign = self._signs.get(name.lower())
            if sign is None:
                unmapped.append(name)
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(name)
            low, high = sign["plausible_low"], sign["plausible_high"]
            plausible = low <= value <= high  # type: ignore[operator]
            vitals[str(sign["field"])] = {"value": float(value), "valid": plausible and value != -1}
        event_id = hashlib.md5(
            json.dumps([device, time_ms, item["metrics"]]).encode(), usedforsecurity=False
        ).hexdigest()
        context = self._contexts[device]
        patient = context["patient_id"]
        last = self._last.setdefault(patient, {})
        for field, vital in vitals.items():
            if vital["valid"]:
                last[field] = vital["value"]
                self._rules_of(context, field, vital["value"], time_ms)
        total = sum(_points(bands, last[field]) for field, bands in NEWS2_BANDS.items() if field in last)
        self.news2.append(total)
        scored = {
            "event_id": event_id, "device_id": device, "patient_id": patient, "event_time": time_ms, "vitals": vitals,
            "context": context, "unmapped": unmapped, "news2": total,
        }  # fmt: skip
        return json.dumps(scored).encode()

    def _rules_of(self, context: dict[str, Any], field: str, value: float, time_ms: int) -> None:
        patient, age = context["patient_id"], context["age"]
        last_ms = self._seen_ms.get((patient, field))
        spot = last_ms is not None and time_ms - last_ms > self._spot_check_ms
        self._seen_ms[(patient, field)] = time_ms
        for rule in self._rules.get(field, ()):
            ages = rule.get("population", {})
            if not ages.get("age_min", 0) <= age <= ages.get("age_max", math.inf):
                continue
            low, reached = rule["direction"] == "low", -1
            for n, step in enumerate(rule["steps"]):
                limit, inclusive = step.get("limit"), step.get("inclusive", rule["inclusive"])
                if limit is None:  # only where the patient has limits of their own
                    continue
                met = (value <= limit if inclusive else value < limit) if low else (
                    value >= limit if inclusive else value > limit
                )  # fmt: skip
                key = (patient, rule["id"], n)
                if not met:
                    self._onset.pop(key, None)
                    continue
                onset = self._onset.setdefault(key, time_ms)
                if spot or time_ms - onset >= step.get("delay_s", rule["delay_s"]) * 1000:
                    reached = n
            suppressed = any((patient, other) in self._open for other in rule.get("suppressed_by", ()))
            opened = self._open.get((patient, rule["id"]))
            alert_type = _type(rule)
            if opened is None and reached >= 0 and not suppressed:
                self._open[(patient, rule["id"])] = reached
                self.alerts.append((patient, alert_type, "START"))
            elif opened is not None and reached < 0:
                first = next(step["limit"] for step in rule["steps"] if "limit" in step)
                clear = first + rule["hysteresis"] if low else first - rule["hysteresis"]
                if (value > clear if low else value < clear) or rule["hysteresis"] == 0:
                    del self._open[(patient, rule["id"])]
                    self.alerts.append((patient, alert_type, "END"))


def _type(rule: dict[str, Any]) -> str:
    return str(rule.get("alert_type", f"{rule['sign']}_{rule['direction']}"))


def _points(bands: list[tuple[float, int]], value: float) -> int:
    rounded = round(value, 1) if bands[0][0] == 35.0 else round(value)
    return next(points for top, points in bands if rounded <= top)
