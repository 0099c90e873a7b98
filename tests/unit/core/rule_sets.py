"""Random rule sets of every kind, and random observations around their limits."""

import random
import tomllib
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

VALUES = {
    "heart_rate": [0, 38, 50, 70, 92, 104, 111, 121, 131, 150],
    "pulse_rate": [0, 40, 70, 92, 111, 131, 150],
    "spo2": [82, 86, 88, 90, 91, 93, 95, 96, 97, 100],
    "respiratory_rate": [8, 9, 11, 16, 21, 22, 25, 31],
    "temperature": [34.9, 35, 36, 37, 38.1, 38.5, 39.1],
    "systolic": [70, 80, 90, 100, 101, 111, 140, 200],
    "art_systolic": [72, 100, 111, 140],
    "consciousness": [0, 1, 2, 4],
    "gcs": [8, 14, 15],
    "fio2": [21, 21.5, 35, 50],
    "o2_flow": [0, 2, 5],
}
RULE_SIGNS = ["heart_rate", "heart_rate", "systolic", "systolic", "spo2", "respiratory_rate", "temperature", "o2_flow"]
DEVICE_TYPES = ["pulse_oximeter", "monitor"]
SECONDS = [0, 0, 1, 4, 10]
CONTEXTS: list[dict[str, Any]] = [
    {"age_years": 60, "sex": "female"},
    {"age_years": 60, "sex": "female"},
    {"age_years": 60, "sex": "unknown", "ward": "icu", "conditions": ["copd"], "spo2_scale": 2},
    {"sex": "male", "ward": "w-3"},
    {"age_years": 17, "sex": "male"},
    {"age_years": 16, "ward": "icu"},
    {"age_years": 9, "conditions": ["asthma", "copd"]},
    {"age_years": 0, "sex": "other"},
    {"age_years": 31, "sex": "female", "pregnant": True},
]
COLUMNS = ["risk", "anomaly", "anomaly_heart_rate"]
TOTALS = {"news2": 7, "mews": 5, "qsofa": 3, "sirs": 3, "pews": 8}


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def rule_file(rules: list[dict[str, Any]], **settings: Any) -> str:
    """The rules as TOML. Nothing waits for an earlier observation."""
    head = {"version": 1, "late_after_s": 100, **settings}
    lines = [f"{key} = {_written(value)}" for key, value in head.items()] + ["[order]", "window_s = 0"]
    for rule in rules:
        lines += ["[[rule]]", *(f"{key} = {_written(value)}" for key, value in rule.items())]
    return "\n".join(lines)


@st.composite
def _steps(draw: st.DrawFn, key: str, values: list[Any]) -> list[dict[str, Any]]:
    """One to three steps whose `key` goes through some of `values`, in their order."""
    chosen = draw(st.lists(st.sampled_from(range(len(values))), min_size=1, max_size=3, unique=True))
    priorities = ["low", "medium", "high"][-len(chosen) :]
    steps = []
    for i, priority in zip(sorted(chosen), priorities, strict=True):
        step = {key: values[i], "priority": priority}
        if draw(st.booleans()):
            step["delay_s"] = draw(st.sampled_from(SECONDS))
        steps.append(step)
    return steps


def _hysteresis(draw: st.DrawFn, steps: list[dict[str, Any]], key: str, choices: list[float]) -> float:
    """One that lets the alarm end: less than the mildest step."""
    least = next((step[key] for step in steps if key in step), float("inf"))
    return draw(st.sampled_from([choice for choice in choices if choice < least]))


@st.composite
def _population(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, values in (
        ("age_min", [1, 16, 17, 60]),
        ("age_max", [0, 9, 16, 60]),
        ("sex", ["female", "other"]),
        ("wards", [["icu"], ["w-3", "icu"]]),
        ("conditions", [["copd"], ["asthma", "diabetes"]]),
        ("pregnant", [True, False]),
        ("device_types", [["pulse_oximeter"], ["monitor", "pump"]]),
    ):
        if draw(st.integers(0, 14)) == 7:
            made[key] = draw(st.sampled_from(values))
    if made.get("age_min", 0) > made.get("age_max", 150):
        del made["age_max"]
    if made and draw(st.booleans()):
        made["only_known"] = draw(st.booleans())
    return made


@st.composite
def _limit(draw: st.DrawFn, averaged: bool) -> dict[str, Any]:
    sign = draw(st.sampled_from(RULE_SIGNS))
    low = draw(st.booleans())
    values = sorted({float(v) for v in VALUES[sign]}, reverse=low)
    rule = {"sign": sign, "direction": "low" if low else "high", "steps": draw(_steps("limit", values))}
    rule["inclusive"] = draw(st.booleans())
    rule["hysteresis"] = draw(st.sampled_from([0, 0.5, 3, 10]))
    for kind, step in (("critical_", rule["steps"][-1]), ("", rule["steps"][0])):
        if draw(st.integers(0, 3)) == 2:
            step["patient_limit"] = kind + rule["direction"]
    if averaged:
        rule["average_s"] = draw(st.sampled_from([4, 10, 30, 60, 600]))
    return rule


@st.composite
def _trend(draw: st.DrawFn) -> dict[str, Any]:
    sign = draw(st.sampled_from(RULE_SIGNS))
    key, values = draw(st.sampled_from([("change", [0.3, 2, 5, 10, 21, 30]), ("percent", [2.5, 10, 20, 25, 40])]))
    steps = draw(_steps(key, values))
    return {
        "sign": sign,
        "direction": draw(st.sampled_from(["fall", "rise"])),
        "window_s": draw(st.sampled_from([10, 16, 60, 320, 3600])),
        "hysteresis": _hysteresis(draw, steps, key, [0, 0.1, 2, 9]),
        "steps": steps,
    }


@st.composite
def _score(draw: st.DrawFn) -> dict[str, Any]:
    score = draw(st.sampled_from([*TOTALS, "shock_index"]))
    if score == "shock_index":
        steps = draw(_steps("at_least", [0.5, 0.7, 0.9, 1.04, 1.5]))
        return {"score": score, "hysteresis": _hysteresis(draw, steps, "at_least", [0, 0.1, 0.25]), "steps": steps}
    steps = draw(_steps("at_least", list(range(1, TOTALS[score] + 1))))
    if score == "news2" and draw(st.booleans()):
        del steps[0]["at_least"]
        steps[0]["single_three"] = True
    return {"score": score, "hysteresis": _hysteresis(draw, steps, "at_least", [0, 1, 2]), "steps": steps}


@st.composite
def _condition(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["sign", "sign", "score", "rule"]))
    if kind == "rule" and earlier:
        return {"rule": draw(st.sampled_from(earlier))}
    if kind == "score":
        score = draw(st.sampled_from([*TOTALS, "shock_index"]))
        return {"score": score, "at_least": draw(st.sampled_from([0.7, 1.04] if score == "shock_index" else [1, 2, 3]))}
    sign = draw(st.sampled_from(RULE_SIGNS))
    return {
        "sign": sign,
        "direction": draw(st.sampled_from(["low", "high"])),
        "limit": draw(st.sampled_from(VALUES[sign])),
        "inclusive": draw(st.booleans()),
    }


@st.composite
def _combination(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    conditions = draw(st.lists(_condition(earlier), min_size=2, max_size=4))
    rule: dict[str, Any] = {"mode": draw(st.sampled_from(["all", "any", "at_least", "at_least"]))}
    if rule["mode"] == "at_least":
        rule["at_least"] = draw(st.integers(1, len(conditions)))
    rule["within_s"] = draw(st.sampled_from([0, 5, 20, 60, 600]))
    rule["conditions"] = conditions
    rule["priority"] = draw(st.sampled_from(["low", "high"]))
    return rule


@st.composite
def _anomaly(draw: st.DrawFn) -> dict[str, Any]:
    steps = draw(_steps("at_least", [0.2, 0.3, 0.7, 0.8]))
    return {
        "column": draw(st.sampled_from(COLUMNS)),
        "hysteresis": _hysteresis(draw, steps, "at_least", [0, 0.1, 0.2]),
        "steps": steps,
    }


KINDS = ["limit", "average", "average", "trend", "trend", "score", "score", "combination", "combination", "anomaly"]


@st.composite
def rule_sets(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(KINDS)) -> str:
    """A rule file of two to six rules of `kinds` ("average" is a limit of a mean)."""
    rules: list[dict[str, Any]] = []
    if draw(st.booleans()):
        rules.append({"id": "off", "kind": "technical", "condition": "disconnected", "signs": ["heart_rate", "spo2"]})
        rules[0] |= {"priority": "low", "delay_s": draw(st.sampled_from(SECONDS)), "message": "x"}
        if population := draw(_population()):
            rules[0]["population"] = population
    earlier: list[str] = ["off/heart_rate"] if rules else []
    for number in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(kinds))
        made = {
            "limit": _limit(False),
            "average": _limit(True),
            "trend": _trend(),
            "score": _score(),
            "combination": _combination(list(earlier)),
            "anomaly": _anomaly(),
        }[kind]
        name = f"{kind}-{number}"
        rule = {"id": name, "kind": "limit" if kind == "average" else kind, "message": "x", **draw(made)}
        rule["delay_s"] = draw(st.sampled_from(SECONDS))
        if population := draw(_population()):
            rule["population"] = population
        if earlier and draw(st.integers(0, 4)) == 2:
            rule["suppressed_by"] = [draw(st.sampled_from(earlier))]
        rule["latching"] = draw(st.integers(0, 5)) == 3
        rules.append(rule)
        earlier.append(name)
    return rule_file(rules, spot_check_after_s=draw(st.sampled_from([0, 30, 60])))


LIMITS = st.dictionaries(
    st.tuples(
        st.sampled_from([*RULE_SIGNS, "art_systolic"]),
        st.sampled_from(["low", "high", "critical_low", "critical_high"]),
    ),
    st.sampled_from([20.0, 37.0, 85.0, 90.0, 95.0, 105.0, 130.0]),
    max_size=4,
)
"""A patient's own limits, by sign and kind."""


@dataclass
class Step:
    """An observation: how long after the one before, from whom, what, and what the model says of it."""

    wait: float
    device: str
    device_type: str
    late: float
    values: list[tuple[str, float, int]]
    context: dict[str, Any]
    scores: dict[str, float]
    away: bool  # the model does not answer


SCORE_SIGNS = [
    "heart_rate",
    "respiratory_rate",
    "spo2",
    "systolic",
    "temperature",
    "consciousness",
    "gcs",
    "fio2",
    "o2_flow",
]
ALTERNATES = {"heart_rate": "pulse_rate", "systolic": "art_systolic"}
WAITS = [0, 0.5, 1, 1, 1, 2, 2, 4, 5, 6]
GAPS = [11, 29, 31, 60, 61, 65, 121, 601, 3601, 90_000]
SCORES = [0.0, 0.1, 0.2, 0.29996, 0.6, 0.7, 0.79994, 0.9]


def stream(rules: str, seed: int, steps: int) -> list[Step]:
    """What is seldom quiet: values that stay a while and jump over limits, mostly of signs that the rules look at."""
    dice = random.Random(seed)

    def one_in(n: int) -> bool:
        return dice.randrange(n) == 0

    looked_at: set[str] = set()
    for rule in tomllib.loads(rules)["rule"]:
        for asked in (rule, *rule.get("conditions", [])):
            looked_at |= {asked["sign"]} if "sign" in asked else set()
            looked_at |= set(SCORE_SIGNS) if "score" in asked else set()
    signs = sorted(looked_at | {ALTERNATES[sign] for sign in looked_at & ALTERNATES.keys()}) or SCORE_SIGNS[:2]
    now = {sign: float(dice.choice(VALUES[sign])) for sign in VALUES}
    scores: dict[str, float] = {}
    context, away, types, made = CONTEXTS[0], False, dict.fromkeys(["d1", "d2", "lost"], DEVICE_TYPES[0]), []
    while len(made) < steps:
        context = dice.choice(CONTEXTS) if one_in(25) else context
        away = one_in(3) if one_in(8) else away
        if one_in(5):
            scores = {c: dice.choice(SCORES) for c in COLUMNS if not one_in(4)}
        device = dice.choice(["d1", "d1", "d1", "d1", "d2", "d2", "lost"])
        if one_in(12):
            types[device] = dice.choice([*DEVICE_TYPES, "", "other"])
        values = []
        for sign in dice.sample(signs, dice.randint(0, min(3, len(signs)))):
            if one_in(2):
                now[sign] = float(dice.choice(VALUES[sign]))
            values.append((sign, now[sign], dice.choice([1, 2, 16, 16, 32]) if one_in(10) else 0))
        wait = dice.choice(GAPS) if one_in(14) else dice.choice(WAITS)
        late = dice.choice([0.5, 3, 20, 130]) if one_in(12) else 0
        made.append(Step(wait, device, types[device], late, values, context, scores, away))
    return made
