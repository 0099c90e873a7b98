"""Combinations: several conditions that were true close together."""

from dataclasses import dataclass
from typing import Any

from tests.oracles.rules.known import MINUTE_S, STANDS_IN, Pending, Rule, Usable, exact
from tests.oracles.rules.totals import Totals


@dataclass
class Truth:
    """When a condition was last true, and of what; whether it was false since."""

    at: float
    sign: str = ""
    gave: set[str] | None = None
    refuted: bool = False


class Combined(Totals):
    """The combinations of one patient."""

    def __init__(self, content: dict[str, Any], zero_s: int) -> None:
        super().__init__(content, zero_s)
        self.truths: dict[str, dict[int, Truth]] = {}  # by rule and condition

    def condition(self, rule_id: str) -> Pending | None:
        """The condition of a rule, pending or active."""
        raise NotImplementedError

    def combination(self, rule: Rule, usable: list[Usable]) -> tuple[set[int], set[int], bool]:
        """Whether it is met (step 0) and held, and whether delays do not apply."""
        truths, alarm, spot = self.truths.setdefault(rule["id"], {}), self.condition(rule["id"]), False
        if alarm is None or alarm.step < 0:
            for number in [n for n, truth in truths.items() if self.now - truth.at > rule["within_s"]]:
                del truths[number]
        for number, asked in enumerate(rule["conditions"]):
            true, made, previous = self._says(asked, usable, truths.get(number))
            if true:
                truths[number] = made
                spot |= "rule" not in asked and self.spot(previous)
            elif true is False and number in truths:
                truths[number].refuted = True
        count = len(rule["conditions"])
        enough = {"all": count, "any": 1}.get(rule["mode"], rule.get("at_least"))
        counting = {n for n, truth in truths.items() if self.now - truth.at <= rule["within_s"]}
        holding = {n for n, truth in truths.items() if not truth.refuted}
        return {0} if len(counting) >= enough else set(), {0} if len(counting | holding) >= enough else set(), spot

    def _says(self, asked: Rule, usable: list[Usable], before: Truth | None) -> tuple[bool | None, Truth, float | None]:
        """Whether the condition is true now; `None`: the observation does not say, or may not refute it."""
        made = Truth(self.now)
        if "rule" in asked:
            alarm = self.condition(asked["rule"])
            return alarm is not None and alarm.step >= 0, made, None
        if "score" in asked:
            if not self.brings(asked["score"], [one.sign for one in usable]):
                return None, made, None
            if not self.applies(asked["score"]):
                return False, made, None
            total = self.total(asked["score"])
            unknown = before.gave & total.missing if before and before.gave else set()
            made.gave = total.gave | unknown
            if total.total is not None and total.total >= exact(asked["at_least"]):
                return True, made, self.scored
            return None if total.total is None or unknown else False, made, None
        by_sign = {one.sign: one for one in usable}
        one = by_sign.get(asked["sign"]) or by_sign.get(STANDS_IN.get(asked["sign"], ""))
        if one is None:
            return None, made, None
        low, made.sign = asked["direction"] == "low", one.sign
        if (one.value < asked["limit"] if low else one.value > asked["limit"]) or (
            asked.get("inclusive") and one.value == asked["limit"]
        ):
            return True, made, one.previous
        other = before is not None and before.sign != one.sign and self.now - before.at <= MINUTE_S
        return None if other else False, made, None
