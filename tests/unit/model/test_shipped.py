"""The model in the repository: whole, for this core's rows, and sane where every nurse would be."""

import json

import numpy as np
import pytest

from models.swapped import together
from models.train import STANDS_IN
from vigil import core, paths
from vigil.model import Model, load

NAMES, SCORES = core.feature_names(), core.score_names()
WELL = {
    "heart_rate": 72.0,
    "spo2": 98.0,
    "respiratory_rate": 15.0,
    "temperature": 36.8,
    "systolic": 122.0,
    "diastolic": 70.0,
    "mean_pressure": 87.0,
}
SICK = {"heart_rate": 135.0, "respiratory_rate": 34.0, "temperature": 39.4, "systolic": 82.0, "diastolic": 44.0}
SICK |= {"spo2": 87.0, "mean_pressure": 57.0}


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def answer(model: Model, vitals: dict[str, float]) -> dict[str, float]:
    row = np.full(len(NAMES), np.nan, np.float32)
    for sign, value in vitals.items():
        row[NAMES.index(sign)], row[NAMES.index(f"{sign}_age_s")] = value, 0.0
    row[NAMES.index("age_years")], row[NAMES.index("male")] = 65.0, 1.0
    for name, value in together(vitals).items():
        row[NAMES.index(name)] = value
    return dict(zip(SCORES, np.frombuffer(model.score(row.tobytes(), 1), np.float32).tolist(), strict=True))


def test_the_manifest_fits_the_file_and_the_core(model: Model) -> None:
    assert model.manifest.schema == core.feature_schema()
    assert model.manifest.features == core.feature_names()
    assert set(model.manifest.reference) == set(WELL)


def test_every_column_has_its_training_distribution(model: Model) -> None:
    assert list(model.manifest.drift) == [*NAMES, *SCORES]
    for column in model.manifest.drift.values():
        assert (len(column.edges), len(column.shares)) == (9, 10)
        assert sum(column.shares) == pytest.approx(1.0, abs=1e-4)
        assert 0.0 <= column.missing < 1.0


def test_the_file_is_small() -> None:
    assert (paths.MODELS / "vitals.onnx").stat().st_size < 1_000_000


def test_the_card_and_the_numbers_are_of_this_model(model: Model) -> None:
    assert (paths.MODELS / "MODEL_CARD.md").read_text().startswith(f"# Model card: {model.version}\n")
    assert json.loads((paths.MODELS / "metrics.json").read_text())["model"] == model.version


def test_sick_is_riskier_and_more_unusual_than_well(model: Model) -> None:
    well, sick = answer(model, WELL), answer(model, SICK)
    assert sick["risk"] > 5 * well["risk"]
    assert well["anomaly"] < 0.8
    assert sick["anomaly"] > 0.99


@pytest.mark.parametrize(
    ("sign", "value"),
    [
        ("heart_rate", 170.0),
        ("heart_rate", 32.0),
        ("heart_rate", 0.0),
        ("spo2", 80.0),
        ("respiratory_rate", 42.0),
        ("temperature", 40.5),
        ("temperature", 33.0),
        ("systolic", 60.0),
    ],
)
def test_a_value_that_alarms_a_ward_is_unusual(model: Model, sign: str, value: float) -> None:
    assert answer(model, WELL)[f"anomaly_{sign}"] < 0.9
    made = answer(model, WELL | {sign: value})
    assert made[f"anomaly_{sign}"] > 0.97
    assert made["anomaly"] > 0.9


@pytest.mark.parametrize("sign", list(WELL))
@pytest.mark.parametrize("end", ["plausible_low", "plausible_high"])
def test_every_plausible_value_is_scorable(model: Model, sign: str, end: str) -> None:
    """Also of the sign that stands in for it: the core lets it through, so the model must know it."""
    for entry in core.vocabulary():
        if entry["field"] in (sign, STANDS_IN.get(sign)):
            row = np.full(len(NAMES), np.nan, np.float32)
            row[NAMES.index(sign)] = float(str(entry[end]))
            assert np.isfinite(
                np.frombuffer(model.score(row.tobytes(), 1), np.float32)[SCORES.index(f"anomaly_{sign}")]
            )
