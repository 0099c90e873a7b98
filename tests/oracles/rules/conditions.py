"""The conditions of one patient under a parsed rule file, in the order in which the kinds of rules are evaluated."""

from fractions import Fraction
from typing import Any

from tests.oracles.rules.combined import Combined
from tests.oracles.rules.known import (
    DISCONNECTED,
    EXCLUDING,
    MINUTE_S,
    Moment,
    Rule,
    Usable,
    Value,
    exact,
    one_sign,
    one_step,
)
from tests.oracles.rules.signs import Signs


class Conditions(Signs, Combined):
    """Who inherits keeps `advance`d conditions."""

    def __init__(
        self, content: dict[str, Any], limits: dict[tuple[str, str], float] | None = None, zero_s: int = 1_700_000_000
    ) -> None:
        super().__init__(content, zero_s)
        self.rules: list[Rule] = [one_step(rule) for rule in content["rule"]]
        self.limits = limits or {}

    def advance(self, rule: Rule, sign: str, met: set[int], held: set[int], spot: bool) -> None:
        """What a rule found now: the steps that are met, those that are held, and whether delays do not apply."""
        raise NotImplementedError

    def leave(self, rule: Rule) -> None:
        """The rule is not for the patient any more."""
        raise NotImplementedError

    def missing_changed(self, lost: list[str], back: list[str]) -> None:
        """Said after the missing rules: signs whose alarm has become active, signs with a usable value."""

    def missing(self, sign: str) -> bool:
        """Whether a missing alarm of the sign is active."""
        raise NotImplementedError

    def evaluate(self, now: float, values: list[Value], moment: Moment | None = None) -> list[str]:
        """Missing signs first, then the kinds of rules. Returns the signs that were usable."""
        self.now, self.moment = now, moment or Moment()
        for rule in self.rules:
            if not self.is_for(rule):
                for own in [one_sign(rule, sign) for sign in rule.get("signs", [])] or [rule]:
                    self.leave(own)
        usable, found = self._hear(values)
        asked = [rule for rule in self.rules if self.is_for(rule) and self.looks_at(rule, self.moment.device_type)]
        self._missing(asked, found)
        for kind in ("limit", "trend"):
            for one in usable:
                for rule in asked:
                    if rule["kind"] == kind and self.speaks_for(rule, one.sign, usable):
                        self._of_sign(rule, one)
        signs = [one.sign for one in usable]
        for rule in asked:
            if rule["kind"] == "score" and self.brings(rule["score"], signs):
                self._of_score(rule)
        for rule in asked:
            if rule["kind"] == "combination":
                met, held, spot = self.combination(rule, usable)
                self.advance(rule, "", met, held, spot)
        for rule in asked:
            if rule["kind"] == "anomaly" and rule["column"] in self.moment.scores:
                self._of_model(rule)
        if self.brings("news2", signs):
            self.scored = max(now, self.scored) if self.scored is not None else now
        return signs

    def _hear(self, values: list[Value]) -> tuple[list[Usable], list[tuple[Usable, bool]]]:
        """The usable values; these and the signs whose sensor is off. What another device knows newer is left out."""
        usable, found = [], []
        for sign, value, quality in values:
            before = self.last.get(sign)
            if before and self.now < before[1]:
                continue
            one = Usable(sign, value, before[1] if before else None)
            if not quality & EXCLUDING:
                usable.append(one)
                self.last[sign] = (value, self.now)
                self.heard.append((sign, self.now, value, self.moment.device_type))
                found.append((one, False))
            elif quality & DISCONNECTED:
                found.append((one, True))
        return usable, found

    def _missing(self, asked: list[Rule], found: list[tuple[Usable, bool]]) -> None:
        lost = []
        for one, off in found:
            active = self.missing(one.sign)
            for rule in asked:
                if rule["kind"] in ("technical", "missing") and one.sign in rule.get("signs", []):
                    own = one_sign(rule, one.sign)
                    if off and rule.get("lead_off", rule["kind"] == "technical"):
                        self.advance(own, one.sign, {0}, {0}, self.spot(one.previous))
                    elif not off:
                        self.advance(own, one.sign, set(), set(), False)
            if self.missing(one.sign) and not active:
                lost.append(one.sign)
        self.missing_changed(lost, [one.sign for one, off in found if not off])

    def _of_sign(self, rule: Rule, one: Usable) -> None:
        found = self.limit(rule, one) if rule["kind"] == "limit" else self.trend(rule, one)
        if found is None:
            return
        met, held = found
        alarm = self.condition(rule["id"])
        # The other sign may make an alarm worse; only the one that raised it may clear it, unless it has been silent.
        other = alarm and alarm.sign != one.sign and self.now - alarm.seen <= MINUTE_S
        if not (other and alarm and max(met, default=-1) <= alarm.step):
            self.advance(rule, one.sign, met, held, self.spot(one.previous))

    def _of_score(self, rule: Rule) -> None:
        alarm = self.condition(rule["id"])
        met, held, gave = self.score(rule, alarm.gave if alarm else set(), alarm.step if alarm else -1)
        self.advance(rule, "", met, held, self.spot(self.scored))
        if alarm := self.condition(rule["id"]):
            alarm.gave = gave

    def _of_model(self, rule: Rule) -> None:
        score = Fraction(round(self.moment.scores[rule["column"]], 4)).limit_denominator(10_000)
        met, held = set(), set()
        for number, step in enumerate(rule["steps"]):
            at_least = exact(step["at_least"])
            if score >= at_least:
                met.add(number)
            if score >= at_least - exact(rule.get("hysteresis", 0)):
                held.add(number)
        self.advance(rule, "", met, held, self.spot(self.scored))
