"""Who the simulated devices and patients are, as the registry takes them; the same for the same seed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from services.device_simulator.simulator import Plan

LINKED_FROM = "2020-01-01T00:00:00Z"
"""Before any simulated observation, and fixed: registering again changes nothing."""
WARDS = ("ICU-A", "ICU-B", "Ward-1", "Ward-2", "Ward-3", "Step-Down")
CONDITIONS = ("hypertension", "diabetes", "copd", "heart failure", "pneumonia", "post-operative")


def patients(plan: Plan) -> Iterator[dict[str, Any]]:
    """One patient a device, 25 … 89 years old."""
    draw = np.random.default_rng(plan.seed)
    ages = draw.integers(25, 90, plan.devices)
    women = draw.random(plan.devices) < 0.5
    conditions = draw.integers(0, len(CONDITIONS), plan.devices)
    for number in range(plan.devices):
        yield {
            "patientId": plan.patient_id(number),
            "age": int(ages[number]),
            "gender": "female" if women[number] else "male",
            "medicalConditions": [CONDITIONS[conditions[number]]],
            "ward": WARDS[number % len(WARDS)],
            "bed": str(number // len(WARDS) + 1),
        }


def devices(plan: Plan) -> Iterator[dict[str, Any]]:
    """The monitors."""
    for number in range(plan.devices):
        yield {"deviceId": plan.device_id(number), "deviceType": "multiparameter_monitor"}


def links(plan: Plan) -> Iterator[dict[str, Any]]:
    """Device to patient, from before the first observation."""
    for number in range(plan.devices):
        yield {"deviceId": plan.device_id(number), "patientId": plan.patient_id(number), "from": LINKED_FROM}
