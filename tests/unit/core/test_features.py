"""Feature rows of the core: names, and random streams against an independent oracle."""

from hashlib import sha256
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.features import SIGNS, STANDS_IN, Patient
from tests.unit.core.engine import Run, enriched
from vigil import core

RANGES = {
    "heart_rate": (20, 200),
    "spo2": (60, 100),
    "respiratory_rate": (2, 50),
    "temperature": (32, 42),
    "systolic": (50, 240),
    "diastolic": (20, 140),
    "mean_pressure": (30, 180),
    "fio2": (21, 100),
    "o2_flow": (0, 15),
} | {STANDS_IN[sign]: (20, 240) for sign in STANDS_IN}
VALUE = st.sampled_from(sorted(RANGES)).flatmap(
    lambda sign: st.tuples(st.just(sign), st.integers(*RANGES[sign]).map(float))
)
STEP = st.tuples(
    st.sampled_from([0.25, 1, 30, 61, 600, 3600, 4 * 3600, 90_000]),
    st.lists(VALUE, max_size=6, unique_by=lambda value: value[0]).map(dict),
)


def test_names_and_schema_are_the_contract_with_the_model():
    names = core.feature_names()
    expected = [name for sign in SIGNS for name in (sign, f"{sign}_age_s", f"{sign}_delta")]
    assert names == [*expected, "age_years", "male", "on_oxygen", "shock_index", "pulse_pressure"]
    assert core.score_names() == ["risk", "anomaly", *(f"anomaly_{sign}" for sign in SIGNS)]
    assert core.feature_schema() == sha256(",".join(names).encode()).hexdigest()[:16]


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=30))
def test_rows_are_those_of_the_oracle(steps):
    oracle, run, second = Patient(age=60.0, male=0.0), Run(), 0.0
    expected, observations = [], []
    for n, (wait, values) in enumerate(steps):
        second += wait
        expected.append(oracle.observe(second, values))
        observations.append(enriched(n, second, [(sign, value, 0) for sign, value in values.items()]))
    run.feed(observations)
    for row, wanted in zip(run.rows, expected, strict=True):
        for name, value in zip(core.feature_names(), row, strict=True):
            assert isnan(value) == isnan(wanted[name]), name
            assert isnan(value) or value == pytest.approx(wanted[name], rel=1e-6, abs=1e-6), name


def test_a_value_that_is_anomalous_is_not_added_to_its_own_baseline():
    run = Run()
    delta = core.feature_names().index("heart_rate_delta")
    for n, rate in enumerate([70, 180, 180, 180, 70]):
        run.feed([enriched(n, n, [("heart_rate", rate, 0)])])
    assert [row[delta] for row in run.rows[1:]] == [110, 110, 110, 0]
