"""Rules and alarm episodes as docs/rules.md states them, written without looking at the core.

Deliberately naive: the rule file is read as it stands, every rule is asked at every observation, and nothing is
shared between rules. Times are seconds; a `Reading` is an observation that a device sent once and in order.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.oracles import ids, news2

MINUTE_S, DAY_S = 60, 24 * 3600
STANDS_IN = {
    "heart_rate": "pulse_rate",
    "systolic": "art_systolic",
    "diastolic": "art_diastolic",
    "mean_pressure": "art_mean",
}
INPUTS = ["respiratory_rate", "spo2", "on_oxygen", "systolic", "heart_rate", "consciousness", "temperature"]
PHASES = {"START": 1, "UPDATE": 2, "END": 3}
PRIORITIES = {"low": 1, "medium": 2, "high": 3}
EXCLUDING, DISCONNECTED = 1 | 2 | 4 | 8 | 16, 16


@dataclass
class Reading:
    """What a device sent: `values` are (sign, value, quality)."""

    second: float
    event_id: bytes
    values: list[tuple[str, float, int]]


@dataclass
class Alarm:
    """One rule's condition at one patient, from the first value that met it."""

    episode: bytes
    sign: str
    seen: float
    since: dict[int, float] = field(default_factory=dict)
    step: int = -1  # the active one
    said: int = 0
    gave: set[str] = field(default_factory=set)


@dataclass
class Said:
    """An alert: what the tests compare."""

    second: float
    rule: str
    phase: str
    priority: str
    severity: int
    episode: bytes
    event_id: bytes


class Patient:
    """One subject under the rules of a parsed rule file."""

    def __init__(self, content: dict[str, Any], name: str, limits: dict[tuple[str, str], float] | None = None) -> None:
        self.rules: list[dict[str, Any]] = content["rule"]
        self.spot_s: float = content.get("spot_check_after_s", 0)
        self.name, self.limits = name, limits or {}
        self.last: dict[str, tuple[float, float]] = {}  # sign -> (value, second)
        self.scored: float | None = None
        self.alarms: dict[str, Alarm] = {}
        self.said: list[Said] = []

    def observe(self, reading: Reading) -> None:
        """Technical rules first, then limits value by value, then the score."""
        now = reading.second
        usable, missing = [], []
        for sign, value, quality in reading.values:
            before = self.last.get(sign)
            if before and now < before[1]:
                continue
            previous = before[1] if before else None
            if not quality & EXCLUDING:
                usable.append((sign, value, previous))
                self.last[sign] = (value, now)
            elif quality & DISCONNECTED:
                missing.append((sign, previous))
        for rule in self.rules:
            if rule["kind"] == "technical":
                for sign in rule["signs"]:
                    self._technical(rule, sign, reading, usable, missing)
        for sign, value, previous in usable:
            for rule in self.rules:
                if rule["kind"] == "limit" and sign in (rule["sign"], STANDS_IN.get(rule["sign"])):
                    if sign != rule["sign"] and any(s == rule["sign"] for s, _, _ in usable):
                        continue
                    self._limit(rule, sign, value, previous, reading)
        relevant = {*INPUTS, "pulse_rate", "art_systolic", "fio2", "o2_flow", "gcs"}
        if any(sign in relevant for sign, _, _ in usable):
            for rule in self.rules:
                if rule["kind"] == "score":
                    self._score(rule, reading)
            self.scored = max(now, self.scored) if self.scored is not None else now

    # Kinds of rules -----------------------------------------------------------------------------------

    def _technical(self, rule: dict[str, Any], sign: str, reading: Reading, usable: Any, missing: Any) -> None:
        events = [(sign in (s,), previous) for s, previous in missing if s == sign]
        present = any(s == sign for s, _, _ in usable)
        rule = {**rule, "id": f"{rule['id']}/{sign}", "steps": [{"priority": rule["priority"]}]}
        for _, previous in events:
            self._advance(rule, sign, {0}, {0}, self._spot(previous, reading), reading)
        if present:
            self._advance(rule, sign, set(), set(), False, reading)

    def _limit(self, rule: dict[str, Any], sign: str, value: float, previous: float | None, reading: Reading) -> None:
        low = rule["direction"] == "low"
        met, held = set(), set()
        for number, limit, inclusive in self._limits(rule, sign):
            for found, shift in ((met, 0.0), (held, rule.get("hysteresis", 0))):
                edge = limit + shift if low else limit - shift
                if (value < edge if low else value > edge) or (inclusive and value == edge):
                    found.add(number)
        alarm = self.alarms.get(rule["id"])
        if (alarm is None or alarm.step < 0) and any(
            other in self.alarms and self.alarms[other].step >= 0 for other in rule.get("suppressed_by", [])
        ):
            self.alarms.pop(rule["id"], None)
            return
        if (
            alarm
            and alarm.sign != sign
            and reading.second - alarm.seen <= MINUTE_S
            and max(met, default=-1) <= alarm.step
        ):
            return
        self._advance(rule, sign, met, held, self._spot(previous, reading), reading)

    def _limits(self, rule: dict[str, Any], sign: str) -> list[tuple[int, float, bool]]:
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

    def _score(self, rule: dict[str, Any], reading: Reading) -> None:
        total, _, single_three, points, missing, _ = self.news2(reading.second)
        met, held = set(), set()
        for number, step in enumerate(rule["steps"]):
            for found, ease in ((met, 0), (held, rule.get("hysteresis", 0))):
                if single_three if step.get("single_three") else total + ease >= step["at_least"]:
                    found.add(number)
        alarm = self.alarms.get(rule["id"])
        if alarm and alarm.gave & missing:
            held |= set(range(alarm.step + 1))
        self._advance(rule, "", met, held, self._spot(self.scored, reading), reading)
        if alarm := self.alarms.get(rule["id"]):
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

    # Episodes -----------------------------------------------------------------------------------------

    def _spot(self, previous: float | None, reading: Reading) -> bool:
        return self.spot_s > 0 and (previous is None or reading.second - previous > self.spot_s)

    def _advance(
        self, rule: dict[str, Any], sign: str, met: set[int], held: set[int], spot: bool, reading: Reading
    ) -> None:
        now, name = reading.second, rule["id"]
        alarm = self.alarms.get(name)
        if alarm is None:
            if not met:
                return
            episode = ids.derive("episode", [self.name.encode(), name.encode(), reading.event_id])
            alarm = self.alarms[name] = Alarm(episode, sign, now)
        alarm.sign, alarm.seen = sign, now
        alarm.since = {n: alarm.since.get(n, now) for n in met}
        steps = rule["steps"]
        ripe = [n for n in met if spot or now - alarm.since[n] >= steps[n].get("delay_s", rule.get("delay_s", 0))]
        kept = [n for n in held if n <= alarm.step]
        before, alarm.step = alarm.step, max([*ripe, *kept], default=-1)
        if alarm.step != before:
            phase = "START" if before < 0 else "END" if alarm.step < 0 else "UPDATE"
            step = steps[alarm.step if alarm.step >= 0 else before]
            severity = 4 if step.get("life_threatening") else PRIORITIES[step["priority"]]
            alert = ids.derive("alert", [alarm.episode, bytes([PHASES[phase]]), alarm.said.to_bytes(4, "little")])
            self.said.append(Said(now, name, phase, step["priority"], severity, alarm.episode, alert))
            alarm.said += 1
        if alarm.step < 0 and not alarm.since:
            del self.alarms[name]
