"""A score's band: limits belong to the higher severity."""

from pathlib import Path

import msgspec
import pytest

from vigil.model import Severity, severity_of
from vigil.model.manifest import Bands, read


@pytest.mark.parametrize(
    ("score", "value", "expected"),
    [
        ("risk", 0.0, "low"),
        ("risk", 0.0999, "low"),
        ("risk", 0.1, "medium"),
        ("risk", 0.2, "high"),
        ("risk", 0.3, "critical"),
        ("anomaly", 0.3, "low"),
        ("anomaly_spo2", 0.95, "medium"),
        ("anomaly_spo2", 0.99, "high"),
        ("anomaly", 1.0, "critical"),
    ],
)
def test_bands(model_file: Path, score: str, value: float, expected: str) -> None:
    bands = {"risk": Bands(0.1, 0.2, 0.3), "anomaly": Bands(0.95, 0.99, 0.999)}
    manifest = msgspec.structs.replace(read(model_file)[0], severity=bands)
    assert severity_of(manifest, score, value).word == expected


def test_severities_equal_the_events_enum() -> None:
    from vigil.pb import events_pb2

    assert {s.name: s.value for s in Severity} == {
        name.removeprefix("SEVERITY_"): value for name, value in events_pb2.Severity.items() if value
    }
