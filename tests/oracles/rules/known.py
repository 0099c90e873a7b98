"""What is known of one patient: every usable value, who the patient is, what the observation is."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

MINUTE_S, DAY_S = 60, 24 * 3600
BUCKETS = 16
STANDS_IN = {
    "heart_rate": "pulse_rate",
    "systolic": "art_systolic",
    "diastolic": "art_diastolic",
    "mean_pressure": "art_mean",
}
EXCLUDING, DISCONNECTED = 1 | 2 | 4 | 8 | 16, 16

Rule = dict[str, Any]
Value = tuple[str, float, int]
"""(sign, value, quality)."""


@dataclass
class Moment:
    """What an observation says beside its values. An empty context is nobody's."""

    context: dict[str, Any] = field(default_factory=dict)
    device_type: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    """The model's answer by column; without a column it has none."""


@dataclass
class Usable:
    """A usable value of the observation, with when the sign was heard of before."""

    sign: str
    value: float
    previous: float | None


@dataclass
class Pending:
    """One rule's condition at one patient, from the first value that met it."""

    sign: str
    seen: float
    since: dict[int, float] = field(default_factory=dict)
    step: int = -1  # the active one
    gave: set[str] = field(default_factory=set)


class Known:
    """Whatever was usable, ever. `zero_s` is what second 0 is in seconds since 1970: buckets count from there."""

    def __init__(self, content: dict[str, Any], zero_s: int) -> None:
        self.spot_s: float = content.get("spot_check_after_s", 0)
        self.zero_s = zero_s
        self.now = 0.0
        self.moment = Moment()
        self.heard: list[tuple[str, float, float, str]] = []  # sign, second, value, type of device
        self.last: dict[str, tuple[float, float]] = {}  # sign -> (value, second)
        self.scored: float | None = None  # when a NEWS2 input was heard of before

    def spot(self, previous: float | None) -> bool:
        """Whether delays do not apply to what was heard of before at `previous`."""
        return self.spot_s > 0 and (previous is None or self.now - previous > self.spot_s)

    def is_for(self, rule: Rule) -> bool:
        """Whether the rule is for this patient."""
        whom, context = rule.get("population", {}), self.moment.context
        fits: list[bool | None] = []
        age = context.get("age_years")
        for key, right in (("age_min", lambda limit: age >= limit), ("age_max", lambda limit: age <= limit)):
            if key in whom:
                fits.append(None if age is None else right(whom[key]))
        for known, asked in (
            (context.get("sex"), [whom["sex"]] if "sex" in whom else []),
            (context.get("ward"), whom.get("wards", [])),
        ):
            if asked:
                fits.append(None if known in (None, "", "unknown") else known in asked)
        if "conditions" in whom:
            fits.append(bool(set(whom["conditions"]) & set(context.get("conditions", []))) if context else None)
        if "pregnant" in whom:
            fits.append(bool(context.get("pregnant")) == whom["pregnant"] if context else None)
        return False not in fits and not (whom.get("only_known") and None in fits)

    def looks_at(self, rule: Rule, device_type: str) -> bool:
        """Whether the rule looks at what a device of this type sends. One of which nothing is known is looked at."""
        whom = rule.get("population", {})
        if "device_types" not in whom:
            return True
        return device_type in whom["device_types"] or (not device_type and not whom.get("only_known"))

    def window(self, rule: Rule, sign: str, window_s: float) -> list[float]:
        """The sign's values in the last sixteen buckets that the rule looked at."""
        width = round(window_s * 1_000_000) // BUCKETS

        def bucket(second: float) -> int:
            return (self.zero_s * 1_000_000 + round(second * 1_000_000)) // width

        return [
            value
            for one, at, value, device_type in self.heard
            if one == sign and bucket(self.now) - bucket(at) < BUCKETS and self.looks_at(rule, device_type)
        ]


def decimals(value: Fraction) -> Fraction:
    """To six decimals, halves away from zero."""
    scaled = abs(value) * 1_000_000 + Fraction(1, 2)
    return Fraction(scaled.numerator // scaled.denominator, 1_000_000) * (1 if value >= 0 else -1)


def exact(number: float) -> Fraction:
    """The decimal number that is written so."""
    return Fraction(repr(number) if isinstance(number, float) else number)


def one_step(rule: Rule) -> Rule:
    """A combination has one step, its own priority."""
    urgency = {key: rule[key] for key in ("priority", "life_threatening") if key in rule}
    return {**rule, "steps": [urgency]} if rule["kind"] == "combination" else rule


def one_sign(rule: Rule, sign: str) -> Rule:
    """The rule that a missing rule is for one of its signs."""
    return {**rule, "id": f"{rule['id']}/{sign}", "steps": [{"priority": rule["priority"]}]}
