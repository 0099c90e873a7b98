"""Every kind of rule against an independent oracle: random rule sets over random streams, and sequences by hand."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.core.rule_sets import CONTEXTS, KINDS, LIMITS, Step, rule_file, rule_sets, stream
from tests.unit.core.versus import Versus

CRASH = 31
"""Another engine goes on after so many observations."""


def compare(rules: str, steps: list[Step], seed: int, limits: dict[tuple[str, str], float] | None = None) -> Versus:
    """Gives the observations to the engine and the oracle; both say the same."""
    both, last = Versus(rules, limits), {}
    for number, step in enumerate(steps):
        both.now += step.wait
        if number % CRASH == CRASH - 1:
            both.restore()
        if both.away != step.away:
            both.model(step.away)
        second = both.now
        if step.late and step.device in last:  # never twice as late: a steady lag is a wrong clock
            second = max(0, second - step.late - number % 13 * 2.5)
        last[step.device] = second
        both.observe(
            step.device,
            "" if step.device == "lost" else "p1",
            second,
            step.values,
            context=step.context,
            device_type=step.device_type,
            scores=step.scores,
        )
    both.cut(seed)
    return both


@pytest.mark.parametrize("kind", ["average", "trend", "score", "combination", "anomaly", "any"])
def test_every_kind_of_rule_alerts_as_the_oracle_does(kind):
    kinds = {"any": tuple(KINDS), "combination": ("combination", "combination", "limit")}.get(kind, (kind,))
    phases: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
    @given(rule_sets(kinds), st.integers(0, 2**32), st.integers(1, 120), LIMITS)
    def alerts_are_the_same(rules, seed, steps, limits):
        both = compare(rules, stream(rules, seed, steps), seed, limits)
        phases.update(alert.phase for alert in both.said)

    alerts_are_the_same()
    assert min(phases[phase] for phase in ("START", "UPDATE", "END")) > 20, "what says nothing compares nothing"


# By hand ----------------------------------------------------------------------------------------------

ADULT: dict[str, Any] = CONTEXTS[0]
NO_NEWS = Step(1, "d1", "pulse_oximeter", 0, [], ADULT, {}, False)


def at(wait: float, *, quality: int = 0, **values: float) -> Step:
    """An observation of `values`, some seconds after the one before."""
    return replace(NO_NEWS, wait=wait, values=[(sign, value, quality) for sign, value in values.items()])


def rule(kind: str, **asked: Any) -> dict[str, Any]:
    return {"id": "r", "kind": kind, "message": "x", **asked}


def one(limit: float, key: str = "limit", **more: Any) -> list[dict[str, Any]]:
    return [{key: limit, "priority": "high", **more}]


MEAN = rule("limit", sign="spo2", direction="low", average_s=16, steps=one(90))
FALL = rule("trend", sign="systolic", direction="fall", window_s=160, hysteresis=5, steps=one(30, "change"))
OFF = rule("technical", condition="disconnected", signs=["systolic"], priority="low") | {"id": "off"}
OXYGEN = rule("trend", sign="o2_flow", direction="rise", window_s=160, steps=one(50, "percent"))
FASTER = rule("trend", sign="heart_rate", direction="rise", window_s=160, steps=one(50, "percent"))
BOTH = rule(
    "combination",
    mode="all",
    within_s=20,
    priority="high",
    conditions=[
        {"sign": "systolic", "direction": "low", "limit": 100},
        {"sign": "heart_rate", "direction": "high", "limit": 110},
    ],
)
SHOCK = {**BOTH, "conditions": [{"score": "shock_index", "at_least": 1}, BOTH["conditions"][1]]}
RISK = rule("anomaly", column="risk", hysteresis=0.1, delay_s=3, steps=one(0.8, "at_least"))
CHILD = rule("score", score="pews", steps=one(4, "at_least"))
MEWS = rule("score", score="mews", steps=one(3, "at_least"))


def risk(wait: float, score: float | None, *, away: bool = False) -> Step:
    return replace(NO_NEWS, wait=wait, scores={} if score is None else {"risk": score}, away=away)


def of(device_type: str, step: Step) -> Step:
    return replace(step, device_type=device_type)


def whose(context: dict[str, Any], step: Step) -> Step:
    return replace(step, context=context)


OXIMETERS = {**MEAN, "population": {"device_types": ["pulse_oximeter"]}}
KNOWN = {**MEAN, "population": {"age_max": 15, "only_known": True}}
INFANT, CHILD_OF_5 = {"age_years": 0}, {"age_years": 5}
BY_HAND = {
    # (100 + 85 + 80) / 3 is below 90; at 19 the 80s are more than sixteen buckets ago.
    "a mean": (MEAN, [at(0, spo2=100), at(1, spo2=85), at(1, spo2=80), at(1, spo2=80), at(16, spo2=99)], "2 S, 19 E"),
    "a bucket counts every value": (MEAN, [at(0, spo2=100), *[at(0.1, spo2=89)] * 9, at(0.1, spo2=90)], ""),
    "no usable value enters a mean": (MEAN, [at(0, spo2=95), at(1, spo2=40, quality=1), at(1, spo2=91)], ""),
    "another device's values do not enter a mean": (
        OXIMETERS,
        [of("monitor", at(0, spo2=100)), of("monitor", at(1, spo2=100)), at(1, spo2=85), of("monitor", at(1, spo2=99))],
        "2 S",
    ),
    "a fall from the highest": (
        FALL,
        [at(0, systolic=140), at(100, systolic=110), at(1, systolic=116)],
        "100 S, 101 E",
    ),
    "held by hysteresis": (FALL, [at(0, systolic=140), at(100, systolic=110), at(1, systolic=115)], "100 S"),
    "a gap is not recovery": (FALL, [at(0, systolic=140), at(9, systolic=105), at(600), at(600)], "9 S"),
    "what it fell from is forgotten": (
        FALL,
        [at(0, systolic=140), at(9, systolic=105), at(160, systolic=105)],
        "9 S, 169 E",
    ),
    "a trend is of one measured sign": (FALL, [at(0, systolic=140), at(1, art_systolic=105)], ""),
    "the other sign does not clear": (
        FALL,
        [
            at(0, art_systolic=120),
            at(0, systolic=140),
            at(1, systolic=105),
            at(60, art_systolic=120),
            at(1, art_systolic=120),
        ],
        "1 S, 62 E",
    ),
    "a trend is stale while its sign is missing": (
        [OFF, FALL],
        [at(0, systolic=140), at(1, systolic=105), at(1, quality=16, systolic=0), at(1, systolic=104)],
        "1 S, 2 S, 2 U, 3 E, 3 U",
    ),
    "no percentage of nothing": (OXYGEN, [at(0, o2_flow=0), at(1, o2_flow=5), at(1, o2_flow=0)], ""),
    "a percentage of nothing clears nothing": (
        FASTER,
        [at(0, heart_rate=60, pulse_rate=0), at(5, heart_rate=90), at(61, pulse_rate=70), at(1, pulse_rate=0)],
        "5 S, 67 E",
    ),
    "not close together": (BOTH, [at(0, heart_rate=120), at(21, systolic=90)], ""),
    "as far apart as may be": (BOTH, [at(0, heart_rate=120), at(20, systolic=90)], "20 S"),
    "a combination holds while nothing is heard": (BOTH, [at(0, heart_rate=120, systolic=90), at(900), at(900)], "0 S"),
    "within the time nothing refutes": (
        BOTH,
        [at(0, heart_rate=120, systolic=90), at(1, systolic=120), at(19), at(1)],
        "0 S, 21 E",
    ),
    "another sign refutes after a minute": (
        BOTH,
        [at(0, heart_rate=120, systolic=90), at(60, art_systolic=120), at(0), at(1, art_systolic=120)],
        "0 S, 61 E",
    ),
    "a missing input refutes nothing": (
        SHOCK,
        [at(0, heart_rate=120, systolic=90), at(90_000, heart_rate=120), at(1, systolic=125)],
        "0 S, 90001 E",
    ),
    "the score is held for a time": (RISK, [risk(0, 0.8), risk(2, 0.8), risk(1, 0.79999), risk(1, 0.69)], "3 S, 4 E"),
    "an outage starts nothing and clears nothing": (
        RISK,
        [risk(0, 0.9), risk(5, None), risk(5, 0, away=True), risk(1, 0.9), risk(1, 0, away=True), risk(1, 0.1)],
        "11 S, 13 E",
    ),
    "a child whose age is known": (
        KNOWN,
        [whose({"age_years": 15}, at(0, spo2=80)), whose({}, at(1, spo2=80))],
        "0 S, 1 E",
    ),
    "nobody knows the age": (KNOWN, [whose({"sex": "male"}, at(0, spo2=80))], ""),
    # 185 is 2 points below 3 months and 4 from then on: the fewest count.
    "a child in its first year": (
        CHILD,
        [whose(INFANT, at(0, heart_rate=185)), whose(INFANT, at(1, heart_rate=190))],
        "1 S",
    ),
    "no child any more": (
        CHILD,
        [whose(CHILD_OF_5, at(0, heart_rate=150)), whose(ADULT, at(1, heart_rate=150))],
        "0 S, 1 E",
    ),
    "from a GCS one point": (MEWS, [at(0, consciousness=4), at(1, gcs=3), at(1, consciousness=4)], "0 S, 1 E, 2 S"),
    "what gave points keeps the alarm": (
        MEWS,
        [at(0, consciousness=4), at(86_400, heart_rate=80), at(1, heart_rate=80), at(1, consciousness=0)],
        "0 S, 86402 E",
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_by_hand(case):
    asked, steps, expected = BY_HAND[case]
    rules = asked if isinstance(asked, list) else [asked]
    both = compare(rule_file(rules, spot_check_after_s=0), steps, 0)
    said = [f"{one.second:g} {one.phase[0]}" for one in both.said]
    assert ", ".join(said) == expected
