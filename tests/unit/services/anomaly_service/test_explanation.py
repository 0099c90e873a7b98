"""Words beside a score."""

from pathlib import Path

import msgspec
import pytest

from services.anomaly_service.explanation import explain
from vigil.model.manifest import Manifest, Reference, read


@pytest.fixture(scope="module")
def manifest(model_file: Path) -> Manifest:
    reference = {"heart_rate": Reference(p01=45.0, p05=52.0, p50=80.0, p95=115.0, p99=130.0)}
    return msgspec.structs.replace(read(model_file)[0], reference=reference)


@pytest.mark.parametrize(
    ("value", "score", "points", "factors"),
    [
        (80.0, 0.1, 0, []),
        (80.0, 0.97, 0, ["unusual_given_other_signs"]),
        (50.0, 0.96, 1, ["below_5th_percentile", "news2_1"]),
        (40.0, 0.99, 3, ["below_1st_percentile", "news2_3"]),
        (120.0, 0.96, 2, ["above_95th_percentile", "news2_2"]),
        (150.0, 0.999, 3, ["above_99th_percentile", "news2_3"]),
    ],
)
def test_factors(manifest: Manifest, value: float, score: float, points: int, factors: list[str]) -> None:
    assert explain(manifest, "heart_rate", value, score, points)[0] == factors


def test_the_sentence_names_value_share_and_reference(manifest: Manifest) -> None:
    text = explain(manifest, "heart_rate", 150.0, 0.9991, 3)[1]
    assert text == (
        "150 /min: more unusual than 99.9 % of the training observations; "
        "5th to 95th percentile there 52 … 115 /min; NEWS2 3"
    )


def test_a_sign_without_reference_or_points_has_neither(manifest: Manifest) -> None:
    factors, text = explain(manifest, "diastolic", 70.0, 0.5, None)
    assert factors == []
    assert "percentile" not in text
    assert "NEWS2" not in text
