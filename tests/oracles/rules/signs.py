"""Rules about a sign: a limit of its values or their mean, and how far it has gone within a window."""

from fractions import Fraction

from tests.oracles.rules.known import STANDS_IN, Known, Rule, Usable, decimals, exact


class Signs(Known):
    """Limits and trends of one patient."""

    limits: dict[tuple[str, str], float]

    def speaks_for(self, rule: Rule, sign: str, usable: list[Usable]) -> bool:
        """Whether the rule evaluates a value of `sign`: of its own sign, else of the alternate."""
        if sign == rule["sign"]:
            return True
        return sign == STANDS_IN.get(rule["sign"]) and all(one.sign != rule["sign"] for one in usable)

    def limit(self, rule: Rule, one: Usable) -> tuple[set[int], set[int]]:
        """The steps that are met and held."""
        low, value = rule["direction"] == "low", exact(one.value)
        if rule.get("average_s"):
            values = self.window(rule, one.sign, rule["average_s"])
            value = decimals(sum(map(exact, values), Fraction(0)) / len(values))
        met, held = set(), set()
        for number, limit, inclusive in self._limits(rule, one.sign):
            for found, shift in ((met, Fraction(0)), (held, exact(rule.get("hysteresis", 0)))):
                edge = exact(limit) + (shift if low else -shift)
                if (value < edge if low else value > edge) or (inclusive and value == edge):
                    found.add(number)
        return met, held

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

    def trend(self, rule: Rule, one: Usable) -> tuple[set[int], set[int]] | None:
        """The steps that are met and held. `None`: a percentage of the reference means nothing, so who can say?"""
        values = [exact(value) for value in self.window(rule, one.sign, rule["window_s"])]
        value, fall = exact(one.value), rule["direction"] == "fall"
        reference = max(values) if fall else min(values)
        change = abs(value - reference)
        if "percent" in rule["steps"][0]:
            if change and reference <= 0:
                return None
            change = decimals(100 * change / reference) if change else change
        met, held = set(), set()
        for number, step in enumerate(rule["steps"]):
            asked = exact(step.get("percent", step.get("change")))
            if change >= asked:
                met.add(number)
            if change >= asked - exact(rule.get("hysteresis", 0)):
                held.add(number)
        return met, held
