"""`vigil seed`: demo patients, devices, links and limits; again changes nothing."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from vigil.cli import environment
from vigil.cli.console import out

LINKED_FROM = "2020-01-01T00:00:00Z"
_WARDS = ("ICU-A", "ICU-B", "Ward-1", "Ward-2")
_CONDITIONS: tuple[list[str], ...] = (["hypertension"], ["copd"], ["diabetes", "heart failure"], [])


def seed(count: Annotated[int, typer.Argument(help="How many patients, each with a monitor.", min=1)] = 20) -> None:
    """Register demo patients, monitors, links and alarm limits. Doing it again changes nothing.

    [bold]Examples[/bold]

      vigil seed
      vigil seed 200
    """
    from vigil.clients.registry import RegistryClient

    with RegistryClient(environment.settings().http_url("registry")) as registry:
        registry.register(patients(count), devices(count), links(count))
        registry.thresholds(thresholds(count))
    out.print(f"{count} patients with a monitor each: demo-patient-1 … demo-patient-{count}")


def patients(count: int) -> Iterator[dict[str, Any]]:
    """Adults of 30 to 89 years, every eighth with COPD on SpO2 scale 2 by a recorded decision."""
    for n in range(1, count + 1):
        patient: dict[str, Any] = {
            "patientId": f"demo-patient-{n}",
            "age": 30 + n * 7 % 60,
            "gender": ("female", "male")[n % 2],
            "medicalConditions": _CONDITIONS[n % 4],
            "ward": _WARDS[n % 4],
            "bed": str(n),
        }
        if n % 8 == 1:
            decision = {"decidedBy": "demo-physician", "reason": "hypercapnic respiratory failure"}
            patient |= {"spo2Scale": 2, "spo2ScaleDecision": decision}
        yield patient


def devices(count: int) -> Iterator[dict[str, Any]]:
    """A monitor a patient."""
    for n in range(1, count + 1):
        yield {"deviceId": f"demo-monitor-{n}", "deviceType": "multiparameter_monitor"}


def links(count: int) -> Iterator[dict[str, Any]]:
    """Monitor n on patient n."""
    for n in range(1, count + 1):
        yield {"deviceId": f"demo-monitor-{n}", "patientId": f"demo-patient-{n}", "from": LINKED_FROM}


def thresholds(count: int) -> Iterator[dict[str, Any]]:
    """Every fourth patient has limits of their own (an athlete's low heart rate, COPD's low SpO2)."""
    for n in range(1, count + 1, 4):
        limits = {
            "heart_rate": {"criticalLow": 35, "low": 42, "high": 125, "criticalHigh": 145},
            "spo2": {"criticalLow": 82, "low": 86},
        }
        yield {"patientId": f"demo-patient-{n}", "limits": limits, "decidedBy": "demo-physician"}
