"""Early-warning scores as of an observation, and what their rules make of them."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tests.oracles import news2, scores
from tests.oracles.rules.known import DAY_S, MINUTE_S, STANDS_IN, Known, Rule, exact

OF_NEWS2 = {
    "respiratory_rate",
    "spo2",
    "systolic",
    "heart_rate",
    "temperature",
    "consciousness",
    "gcs",
    "fio2",
    "o2_flow",
}
INPUTS = {
    "news2": OF_NEWS2,
    "mews": {"respiratory_rate", "heart_rate", "systolic", "temperature", "consciousness", "gcs"},
    "qsofa": {"respiratory_rate", "systolic", "consciousness", "gcs"},
    "sirs": {"temperature", "heart_rate", "respiratory_rate"},
    "shock_index": {"heart_rate", "systolic"},
    "pews": {"heart_rate", "systolic", "respiratory_rate", "spo2", "fio2", "o2_flow"},
}
"""By score: the signs whose values, or those of their alternates, make it anew."""


@dataclass
class Total:
    """A score. `total` `None`: there is none, for want of an input."""

    total: Fraction | None
    gave: set[str]
    missing: set[str]
    single_three: bool = False


class Totals(Known):
    """The scores of one patient."""

    def brings(self, score: str, signs: list[str]) -> bool:
        """Whether one of the signs is an input of the score."""
        own = INPUTS[score]
        return any(sign in own or sign in {STANDS_IN.get(name) for name in own} for sign in signs)

    def applies(self, score: str) -> bool:
        """Whether the score is for this patient. An unknown age does not silence it, but there is no table for it."""
        age = self.moment.context.get("age_years")
        if score == "pews":
            return age is not None and age < 18
        if age is not None and age < 16:
            return False
        return not (score == "news2" and self.moment.context.get("pregnant"))

    def known(self, sign: str) -> Decimal | None:
        """The last usable value of the last day, of the alternate when that is newer by more than a minute."""
        value, at = self.last.get(sign, (None, None))
        other = STANDS_IN.get(sign)
        if other in self.last and (at is None or self.last[other][1] > at + MINUTE_S):
            value, at = self.last[other]
        return Decimal(repr(value)) if at is not None and self.now - at <= DAY_S else None

    def level(self) -> str | None:
        """Consciousness on ACVPU: of a newer GCS alert or not, how far from it is not known then."""
        coma, level = self.known("gcs"), self.known("consciousness")
        if coma is not None and (level is None or self.last["gcs"][1] > self.last["consciousness"][1]):
            return "C" if coma < 15 else "A"
        return None if level is None else "ACVPU"[int(level)]

    def on_oxygen(self) -> bool | None:
        """What the newer of concentration and flow says; oxygen, when they are as new."""
        said = [
            (self.last[sign][1], value >= least)
            for sign, least in (("fio2", Decimal("21.5")), ("o2_flow", Decimal("1e-9")))
            if (value := self.known(sign)) is not None
        ]
        return max(said)[1] if said else None

    def news2(self, now: float) -> tuple[int, bool, bool, dict[str, int], set[str], str]:
        """NEWS2 from what was last known."""
        self.now = now
        return news2.score(
            self.known("respiratory_rate"),
            self.known("spo2"),
            self.moment.context.get("spo2_scale") or 1,
            self.on_oxygen(),
            self.known("systolic"),
            self.known("heart_rate"),
            self.level(),
            self.known("temperature"),
        )

    def total(self, score: str) -> Total:
        """A score from what was last known."""
        if score == "news2":
            total, _, single_three, points, missing, _ = self.news2(self.now)
            return Total(Fraction(total), {n for n in points if points[n]}, missing, single_three)
        rate, pressure, breaths = self.known("heart_rate"), self.known("systolic"), self.known("respiratory_rate")
        if score == "shock_index":
            ratio, missing, _ = scores.shock_index(rate, pressure)
            return Total(ratio, {"heart_rate", "systolic"} - missing, missing)
        if score == "pews":
            return self._pews()
        temperature = self.known("temperature")
        if score == "mews":
            made = scores.mews(breaths, rate, pressure, temperature, self.level())
        elif score == "qsofa":
            made = scores.qsofa(breaths, pressure, self.level())
        else:
            made = scores.sirs(temperature, rate, breaths, None)
        return Total(Fraction(made[0]), {n for n in made[2] if made[2][n]}, made[3])

    def _pews(self) -> Total:
        age = self.moment.context["age_years"]
        bands = [0, 3] if age == 0 else [12 * age]
        made = [
            scores.pews(
                Decimal(months),
                self.known("heart_rate"),
                self.known("systolic"),
                None,
                self.known("respiratory_rate"),
                None,
                self.known("spo2"),
                self.on_oxygen(),
                self.known("o2_flow"),
                self.known("fio2"),
            )
            for months in bands
        ]
        points = {name: min(one[2][name] for one in made) for name in made[0][2]}
        return Total(Fraction(sum(points.values())), {n for n in points if points[n]}, made[0][3])

    def score(self, rule: Rule, gave: set[str], active: int) -> tuple[set[int], set[int], set[str]]:
        """The steps that are met and held, and what gives points now or gave them and is missing."""
        if not self.applies(rule["score"]):
            return set(), set(), set()
        made, met, held = self.total(rule["score"]), set(), set()
        for number, step in enumerate(rule["steps"]):
            for found, ease in ((met, Fraction(0)), (held, exact(rule.get("hysteresis", 0)))):
                if step.get("single_three"):
                    reached = made.single_three
                else:
                    reached = made.total is not None and made.total >= exact(step["at_least"]) - ease
                if reached:
                    found.add(number)
        if made.total is None or gave & made.missing:
            held |= set(range(active + 1))
        return met, held, made.gave | (gave & made.missing)
