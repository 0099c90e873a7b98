"""Rules and episodes of the core against an independent oracle, over random streams."""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.core.engine import RULES
from tests.unit.core.versus import Versus

RULE_FILES = [RULES, RULES.replace("spot_check_after_s = 60", "spot_check_after_s = 0")]
# Values around every default limit and its hysteresis.
VALUES = {
    "heart_rate": [0, 38, 40, 41, 43, 44, 49, 50, 52, 53, 70, 115, 116, 120, 121, 144, 145, 150, 160],
    "pulse_rate": [0, 40, 45, 70, 121, 150],
    "spo2": [80, 84, 85, 86, 87, 89, 90, 91, 92, 97, 100],
    "respiratory_rate": [0, 8, 9, 10, 11, 16, 22, 23, 24, 25, 28, 30, 31],
    "temperature": [31.9, 34.9, 35, 35.3, 35.31, 37, 38.2, 38.3, 38.5, 39.2, 39.5, 40.7, 41],
    "systolic": [70, 79, 80, 84, 89, 90, 93, 94, 120, 176, 180, 181, 201],
    "art_systolic": [72, 88, 120, 190],
    "mean_pressure": [50, 55, 58, 64, 68, 90],
    "glucose": [50, 54, 60, 69, 75, 120, 310],
    "consciousness": [0, 1, 3],
    "gcs": [],
}
LIMITS = st.dictionaries(
    st.sampled_from(
        [
            ("heart_rate", "low"),
            ("heart_rate", "high"),
            ("heart_rate", "critical_high"),
            ("spo2", "low"),
            ("spo2", "critical_low"),
            ("temperature", "high"),
            ("systolic", "low"),
            ("art_systolic", "low"),
            ("respiratory_rate", "critical_low"),
        ]
    ),
    st.sampled_from([20.0, 38.0, 40.0, 60.0, 85.0, 88.0, 92.0, 100.0, 130.0]),
    max_size=4,
)
SIGNS = [sign for sign, values in VALUES.items() if values]
VALUE = st.sampled_from(SIGNS).flatmap(
    lambda sign: st.tuples(
        st.just(sign), st.sampled_from(VALUES[sign]).map(float), st.sampled_from([0] * 8 + [1, 2, 16, 32])
    )
)
STEP = st.tuples(
    st.sampled_from([0, 0.5, 1, 2, 4, 5, 6, 10, 31, 60, 61, 3600, 90_000]),
    st.lists(VALUE, max_size=4, unique_by=lambda value: value[0]),
)


@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
@given(st.lists(STEP, min_size=1, max_size=40), LIMITS, st.sampled_from(["p1", ""]), st.sampled_from(RULE_FILES))
def test_alerts_are_those_of_the_oracle(steps, limits, patient, rule_file):
    both = Versus(rule_file, limits if patient else {})
    for wait, values in steps:
        both.now += wait
        both.observe("d1", patient, both.now, values)
    both.cut()
    subject = both.log.subjects[patient or "device:d1"]
    total, partial, single_three, points, missing, risk = subject.news2(both.now)
    warning = both.run.scored[-1].scores.early_warnings[0]
    assert (warning.total, warning.partial, warning.single_three, warning.risk) == (total, partial, single_three, risk)
    assert sorted(s.points for s in warning.subscores) == sorted(points.values())
    assert len(warning.missing) == len(missing)
