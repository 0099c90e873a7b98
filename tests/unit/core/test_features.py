"""Feature rows of the core: names, and random streams against an independent oracle."""

from hashlib import sha256
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.features import SIGNS, STANDS_IN, SUPPORT, Patient
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
    "etco2": (10, 80),
    "glucose": (30, 500),
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
    rolling = ["_slope_6h", "_slope_24h", "_deviation_6h", "_deviation_24h"]
    parts = ["", "_age_s", "_delta", *rolling, "_unchanged_s"]
    expected = [f"{sign}{part}" for sign in SIGNS for part in parts]
    expected += [f"{sign}{part}" for sign in SUPPORT for part in parts[:2]]
    expected += ["age_years", "male", "on_oxygen", "seen_s", "shock_index", "pulse_pressure", "heart_rate_at_37"]
    assert names == expected
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
            # Slope and deviation come from means that are kept in single precision.
            within = 1e-3 if "_slope_" in name or "_deviation_" in name else 1e-6
            assert isnan(value) or value == pytest.approx(wanted[name], rel=1e-6, abs=within), name


def test_a_value_that_is_anomalous_is_not_added_to_its_own_baseline():
    run = Run()
    delta = core.feature_names().index("heart_rate_delta")
    for n, rate in enumerate([70, 180, 180, 180, 70]):
        run.feed([enriched(n, n, [("heart_rate", rate, 0)])])
    assert [row[delta] for row in run.rows[1:]] == [110, 110, 110, 0]


def test_a_signal_that_stands_still_is_seen_at_any_rate_of_sampling():
    column = core.feature_names().index("heart_rate_unchanged_s")
    for step_s in (1, 60, 1800):
        run = Run()
        steps = range(0, 3601, step_s)
        run.feed([enriched(n, second, [("heart_rate", 72, 0)]) for n, second in enumerate(steps)])
        assert run.rows[-1][column] == 3600


def test_a_second_and_an_hour_between_values_tell_the_same_trend():
    parts = ("delta", "slope_6h", "slope_24h", "deviation_6h", "deviation_24h")
    at = {part: core.feature_names().index(f"systolic_{part}") for part in parts}
    rows = []
    for step_s in (20, 1800):
        run = Run()
        steps = range(0, 16 * 3600 + 1, step_s)
        # Twelve hours at 130, then a fall by 10 an hour.
        values = [(second, 130.0 - max(0, second - 12 * 3600) / 360) for second in steps]
        run.feed([enriched(n, second, [("systolic", value, 0)]) for n, (second, value) in enumerate(values)])
        rows.append([run.rows[-1][at[part]] for part in at])
    fine, coarse = rows
    assert max(*fine[1:3], *coarse[1:3]) < -4, "it falls"
    assert fine == pytest.approx(coarse, abs=5.0)
