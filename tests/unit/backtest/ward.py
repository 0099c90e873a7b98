"""A small made-up ward: patients whose vital signs are given second by second."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from vigil.recordings.values import from_iso, iso

START_US = from_iso("2026-03-01T08:00:00Z")

RULES = """version = 1

[[rule]]
id = "spo2-low"
kind = "limit"
sign = "spo2"
direction = "low"
message = "SpO2 {{value}} {{unit}} ({{comparison}} {{limit}})"
inclusive = false
delay_s = {delay}
hysteresis = 0
steps = [{{ limit = {limit}, priority = "medium" }}]
"""


def rules(path: Path, delay: int = 0, limit: int = 90) -> Path:
    path.write_text(RULES.format(delay=delay, limit=limit))
    return path


def recording(path: Path, patients: dict[str, Sequence[int | None]], interval_s: int = 1) -> Path:
    """`patients`: SpO2 per tick; None = no observation. Lines in order of time, patients mixed."""
    head = {
        "patients": [{"patientId": name, "age": 60} for name in patients],
        "devices": [{"deviceId": f"d-{name}", "patientId": name} for name in patients],
    }
    lines = [json.dumps(head)]
    for tick in range(max(len(values) for values in patients.values())):
        for name, values in patients.items():
            if tick < len(values) and values[tick] is not None:
                at = iso(START_US + tick * interval_s * 1_000_000)
                lines.append(json.dumps({"deviceId": f"d-{name}", "timestamp": at, "metrics": {"spo2": values[tick]}}))
    path.write_text("\n".join(lines) + "\n")
    return path


def labels(path: Path, events: Iterable[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path
