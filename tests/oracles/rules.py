"""Conditions of alarm rules as docs/rules.md states them, written without looking at the core.

Deliberately naive: the rule file is read as it stands, every rule is asked at every observation, and nothing is
shared between rules. What becomes of a condition (signals, people, the clock) is in `tests/oracles/alarms/`. Times
are seconds of event time.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.oracles import news2

MINUTE_S, DAY_S = 60, 24 * 3600
STANDS_IN = {
    "heart_rate": "pulse_rate",
    "systolic": "art_systolic",
    "diastolic": "art_diastolic",
    "mean_pressure": "art_mean",
}
INPUTS = ["respiratory_rate", "spo2", "on_oxygen", "systolic", "heart_rate", "consciousness", "temperature"]
EXCLUDING, DISCONNECTED = 1 | 2 | 4 | 8 | 16, 16

Rule = dict[str, Any]
Value = tuple[str, float, int]
"""(sign, value, quality)."""


@dataclass
class Pending:
    """One rule's condition at one patient, from the first value that met it."""

    sign: str
    seen: float
    since: dict[int, float] = field(default_factory=dict)
    step: int = -1  # the active one
    gave: set[str] = field(default_factory=set)


class Conditions:
    """The conditions of one patient under a parsed rule file. Who inherits keeps `advance`d conditions."""

    def __init__(self, content: dict[str, Any], limits: dict[tuple[str, str], float] | None = None) -> None:
        self.rules: list[Rule] = content["rule"]
        self.spot_s: float = content.get("spot_check_after_s", 0)
        self.limits = limits or {}
        self.last: dict[str, tuple[float, float]] = {}  # sign -> (value, second)
        self.scored: float | None = None

    def condition(self, rule_id: str) -> Pending | None:
        """The condition of a rule, pending or active."""
        raise NotImplementedError

    def advance(self, rule: Rule, sign: str, met: set[int], held: set[int], spot: bool) -> None:
        """What a rule found now: the steps that are met, those that are held, and whether delays do not apply."""
        raise NotImplementedError

    def missing_changed(self, lost: list[str], back: list[str]) -> None:
        """Said after the missing rules: signs whose alarm has become active, signs with a usable value."""

    def missing(self, sign: str) -> bool:
        """Whether a missing alarm of the sign is active."""
        raise NotImplementedError

    def evaluate(self, now: float, values: list[Value]) -> list[str]:
        """Missing signs first, then limits value by value, then the score. Returns the signs that were usable."""
        self.now = now
        usable, found = [], []
        for sign, value, quality in values:
            before = self.last.get(sign)
            if before and now < before[1]:
                continue
            previous = before[1] if before else None
            if not quality & EXCLUDING:
                usable.append((sign, value, previous))
                self.last[sign] = (value, now)
                found.append((sign, False, previous))
            elif quality & DISCONNECTED:
                found.append((sign, True, previous))
        lost = []
        for sign, off, previous in found:
            active = self.missing(sign)
            for rule in self.rules:
                if rule["kind"] in ("technical", "missing") and sign in rule.get("signs", []):
                    own = one_sign(rule, sign)
                    if off and rule.get("lead_off", rule["kind"] == "technical"):
                        self.advance(own, sign, {0}, {0}, self._spot(previous))
                    elif not off:
                        self.advance(own, sign, set(), set(), False)
            if self.missing(sign) and not active:
                lost.append(sign)
        self.missing_changed(lost, [sign for sign, _, _ in usable])
        for sign, value, previous in usable:
            for rule in self.rules:
                if rule["kind"] == "limit" and sign in (rule["sign"], STANDS_IN.get(rule["sign"])):
                    if sign != rule["sign"] and any(s == rule["sign"] for s, _, _ in usable):
                        continue
                    self._limit(rule, sign, value, previous)
        relevant = {*INPUTS, "pulse_rate", "art_systolic", "fio2", "o2_flow", "gcs"}
        if any(sign in relevant for sign, _, _ in usable):
            for rule in self.rules:
                if rule["kind"] == "score":
                    self._score(rule)
            self.scored = max(now, self.scored) if self.scored is not None else now
        return [sign for sign, _, _ in usable]

    def _spot(self, previous: float | None) -> bool:
        return self.spot_s > 0 and (previous is None or self.now - previous > self.spot_s)

    def _limit(self, rule: Rule, sign: str, value: float, previous: float | None) -> None:
        low = rule["direction"] == "low"
        met, held = set(), set()
        for number, limit, inclusive in self._limits(rule, sign):
            for found, shift in ((met, 0.0), (held, rule.get("hysteresis", 0))):
                edge = limit + shift if low else limit - shift
                if (value < edge if low else value > edge) or (inclusive and value == edge):
                    found.add(number)
        alarm = self.condition(rule["id"])
        other = alarm and alarm.sign != sign and self.now - alarm.seen <= MINUTE_S
        if not (other and max(met, default=-1) <= alarm.step):
            self.advance(rule, sign, met, held, self._spot(previous))

    def _limits(self, rule: Rule, sign: str) -> list[tuple[int, float, bool]]:
        found, own_first = [], False
        for number, step in enumerate(rule["steps"]):
            kind = step.get("patient_limit")
            own = self.limits.get((sign, kind), self.limits.get((rule["sign"], kind))) if kind else None
            if own is not None and kind in ("low", "high") and not own_first:
                own_first = True
                found = [(n, at, i) for n, at, i in found if "patient_limit" in rule["steps"][n]]
            limit = own if own is not None else step.get("limit")
            if limit is not None:
                found.append((number, limit, step.get("inclusive", rule.get("inclusive", False))))
        return found

    def _score(self, rule: Rule) -> None:
        total, _, single_three, points, missing, _ = self.news2(self.now)
        met, held = set(), set()
        for number, step in enumerate(rule["steps"]):
            for found, ease in ((met, 0), (held, rule.get("hysteresis", 0))):
                if single_three if step.get("single_three") else total + ease >= step["at_least"]:
                    found.add(number)
        alarm = self.condition(rule["id"])
        if alarm and alarm.gave & missing:
            held |= set(range(alarm.step + 1))
        self.advance(rule, "", met, held, self._spot(self.scored))
        if alarm := self.condition(rule["id"]):
            alarm.gave = {name for name, n in points.items() if n} | (alarm.gave & missing)

    def news2(self, now: float) -> tuple[int, bool, bool, dict[str, int], set[str], str]:
        """The score from what was last known."""

        def known(sign: str) -> Decimal | None:
            value, at = self.last.get(sign, (None, None))
            other = STANDS_IN.get(sign)
            if other in self.last and (at is None or self.last[other][1] > at + MINUTE_S):
                value, at = self.last[other]
            return Decimal(repr(value)) if at is not None and now - at <= DAY_S else None

        level = known("consciousness")
        return news2.score(
            known("respiratory_rate"),
            known("spo2"),
            1,
            None,
            known("systolic"),
            known("heart_rate"),
            None if level is None else "ACVPU"[int(level)],
            known("temperature"),
        )


def one_sign(rule: Rule, sign: str) -> Rule:
    """The rule that a missing rule is for one of its signs."""
    return {**rule, "id": f"{rule['id']}/{sign}", "steps": [{"priority": rule["priority"]}]}
