"""Feature rows of single observations: each of a patient without history, whatever was asked before."""

import numpy as np

from vigil import core, paths
from vigil.model.observation import enriched, feature_rows, rows_engine, unusable
from vigil.pb import events_pb2 as pb

T0_US = 1_772_352_000_000_000
NAMES = list(core.feature_names())


def row(engine: core.Engine, minute: int, **values: float) -> np.ndarray:
    made = enriched(values, T0_US + minute * 60_000_000, patient_id="p", age_years=60, sex="female")
    return np.frombuffer(feature_rows(engine, [made]), "<f4")


def test_a_row_knows_nothing_of_what_was_asked_before() -> None:
    engine = core.Engine(paths.RULES.read_text("utf-8"))
    first = row(engine, 0, heart_rate=80.0, spo2=97.0)
    row(engine, 1, heart_rate=120.0, systolic=90.0)
    again = row(engine, 2, heart_rate=80.0, spo2=97.0)
    assert np.array_equal(first, again, equal_nan=True)
    assert again[NAMES.index("heart_rate")] == 80.0
    assert np.isnan(again[[NAMES.index("systolic"), NAMES.index("heart_rate_delta")]]).all()
    assert engine.patients(0) == 0


def test_rows_come_in_the_order_of_the_observations() -> None:
    engine = core.Engine(paths.RULES.read_text("utf-8"))
    made = [enriched({"heart_rate": rate}, T0_US, patient_id=f"p{rate}") for rate in (70.0, 90.0, 80.0)]
    rows = np.frombuffer(feature_rows(engine, made), "<f4").reshape(3, len(NAMES))
    assert rows[:, NAMES.index("heart_rate")].tolist() == [70.0, 90.0, 80.0]


def test_what_the_normalizer_keeps_from_the_model_is_named_with_the_reason() -> None:
    for sign in core.vocabulary():
        field, low, high = str(sign["field"]), float(str(sign["plausible_low"])), float(str(sign["plausible_high"]))
        assert not unusable({field: high}, T0_US), field
        assert unusable({field: high * 1.001 + 0.001}, T0_US) == {field: pb.QUALITY_IMPLAUSIBLE}
        assert not low or not unusable({field: low}, T0_US), field
    assert set(unusable({"heart_rate": 0.0, "spo2": 0.0}, T0_US)) == {"heart_rate", "spo2"}
    assert unusable({"heart_rate": 0.0, "spo2": 97.0}, T0_US) == {}


def test_rows_do_not_depend_on_rules() -> None:
    values = {"heart_rate": 190.0, "spo2": 80.0, "systolic": 70.0, "temperature": 41.0}
    ours, theirs = (row(engine, 0, **values) for engine in (rows_engine(), core.Engine(paths.RULES.read_text("utf-8"))))
    assert np.array_equal(ours, theirs, equal_nan=True)
