"""The signal of a subject's alarms: on, latched, acknowledged, kept back, paused, stale."""

from typing import Any

from tests.oracles import ids
from tests.oracles.alarms.said import PHASES, PRIORITIES, Alarm, Alert, Control
from tests.oracles.rules import Conditions, Rule, one_sign

Key = tuple[str, str]
"""Rule id, and the device of a device's own alarm."""


class Signals(Conditions):
    """One subject's alarms and the pauses that people gave."""

    def __init__(self, content: dict[str, Any], name: str, limits: dict[tuple[str, str], float] | None = None) -> None:
        super().__init__(content, limits)
        self.name = name
        self.ladders = {one["id"]: one["steps"] for one in content.get("ladder", [])}
        self.settings: dict[str, Any] = content.get("alarm", {})
        self.alarms: dict[Key, Alarm] = {}
        self.pauses: dict[str, Control] = {}  # by rule; "" is the whole subject
        self.alerts: list[Alert] = []
        self.device = ""  # whose observation was evaluated last
        self.source, self.at, self.processed = b"", 0.0, 0.0  # what is being done: its id, event and processing time

    # Conditions ---------------------------------------------------------------------------------------

    def condition(self, rule_id: str) -> Alarm | None:
        """The condition of a rule, pending or active."""
        return self.alarms.get((rule_id, ""))

    def missing(self, sign: str) -> bool:
        """Whether a missing alarm of the sign is active."""
        own = (self.condition(one_sign(r, sign)["id"]) for r in self.rules if sign in r.get("signs", []))
        return any(alarm.active for alarm in own if alarm)

    def begun(self, rule: Rule, sign: str, *, device: str = "", technical: bool = False) -> Alarm:
        """The episode of a rule, a new one when there is none."""
        key = (rule["id"], device)
        if key not in self.alarms:
            parts = [self.name.encode(), rule["id"].encode(), self.source] + ([device.encode()] if device else [])
            made = Alarm(sign, self.at, rule=rule, device=device, technical=technical)
            made.episode = ids.derive("episode", parts)
            self.alarms[key] = made
        return self.alarms[key]

    def advance(self, rule: Rule, sign: str, met: set[int], held: set[int], spot: bool) -> None:
        """What a rule found now."""
        if not met and self.condition(rule["id"]) is None:
            return
        alarm = self.begun(rule, sign, technical="signs" in rule)
        alarm.sign, alarm.seen = sign, self.now
        alarm.since = {n: alarm.since.get(n, self.now) for n in met}
        delays = {n: rule["steps"][n].get("delay_s", rule.get("delay_s", 0)) for n in met}
        ripe = [n for n in met if spot or self.now - alarm.since[n] >= delays[n]]
        self.to_step(alarm, max([*ripe, *(n for n in held if n <= alarm.step)], default=-1))

    def leave(self, rule: Rule) -> None:
        """The rule is not for the patient any more: as if its condition had cleared. What is latched stays so."""
        alarm = self.condition(rule["id"])
        if alarm is not None and alarm.presence != "LATCHED":
            alarm.since = {}
            self.to_step(alarm, -1)

    def to_step(self, alarm: Alarm, step: int) -> None:
        """The condition's step is this one now."""
        before, alarm.step = alarm.step, step
        alarm.last = step if step >= 0 else alarm.last
        if step < 0 <= before:
            self._cleared(alarm)
        elif before < 0 <= step:
            self._became_active(alarm)
        elif step != before:
            self._step_changed(alarm, worse=step > before)
        if not alarm.active and not alarm.since and alarm.presence != "LATCHED":
            self.alarms.pop((alarm.rule["id"], alarm.device), None)

    def _became_active(self, alarm: Alarm) -> None:
        if alarm.presence == "LATCHED":
            self._sounds_anew(alarm, "RETURNED")
        elif pause := self.pause_of(alarm):
            self.say(alarm, "SUPPRESSED", "PAUSED", by=pause)
        elif other := self.suppressor_of(alarm):
            self.say(alarm, "SUPPRESSED", "SUPPRESSED", suppressed_by=other)
        else:
            self.start(alarm, "CONDITION")

    def start(self, alarm: Alarm, cause: str) -> None:
        """People are told."""
        alarm.said, alarm.presence = True, "ON"
        self.first_step(alarm)
        self.say(alarm, "START", cause)

    def _step_changed(self, alarm: Alarm, worse: bool) -> None:
        if not alarm.said:
            self.look_again(alarm)
            return
        if worse:
            self._sounds_anew(alarm, "WORSE")
        else:
            self.say(alarm, "UPDATE", "BETTER")
            self.look_again(alarm)

    def _sounds_anew(self, alarm: Alarm, cause: str) -> None:
        alarm.presence = "ON"
        alarm.paused = alarm.paused and self.pause_of(alarm) is not None  # this says so: no RE_ALARM
        self.first_step(alarm)
        self.say(alarm, "UPDATE", cause)
        self.look_again(alarm)

    def _cleared(self, alarm: Alarm) -> None:
        if alarm.said and alarm.rule.get("latching") and alarm.presence == "ON":
            alarm.presence = "LATCHED"
            self.say(alarm, "UPDATE", "LATCHED")
            return
        if alarm.said:
            self.end(alarm, "CONDITION")
        else:
            self._waits_on(alarm)

    def _waits_on(self, alarm: Alarm) -> None:
        """It has ended. When a step is met and waits on, what that becomes is another alarm."""
        if alarm.since:
            self.alarms.pop((alarm.rule["id"], alarm.device), None)
            waiting = self.begun(alarm.rule, alarm.sign, device=alarm.device, technical=alarm.technical)
            waiting.since, waiting.seen = alarm.since, alarm.seen

    def end(self, alarm: Alarm, cause: str, by: Control | None = None) -> None:
        """The episode is over."""
        if alarm.said:
            alarm.presence = "OFF"
            self.say(alarm, "END", cause, by=by)
        self.alarms.pop((alarm.rule["id"], alarm.device), None)
        self._waits_on(alarm)

    # What keeps back ----------------------------------------------------------------------------------

    def pause_of(self, alarm: Alarm) -> Control | None:
        """The pause that applies to the alarm."""
        if alarm.rule["id"] in self.pauses:
            return self.pauses[alarm.rule["id"]]
        exempt = alarm.technical or alarm.now_step.get("life_threatening")
        return None if exempt else self.pauses.get("")

    def suppressor_of(self, alarm: Alarm) -> str | None:
        """The first rule that says it all."""
        for other in alarm.rule.get("suppressed_by", []):
            found = self.condition(other)
            if found and found.active and found.said:
                return str(other)
        return None

    def look_again(self, alarm: Alarm) -> None:
        """Whether something begins to keep it back, or no longer does."""
        pause = self.pause_of(alarm)
        if not alarm.said:
            if alarm.active and not pause and not self.suppressor_of(alarm):
                self.start(alarm, "RESUMED")
        elif pause and not alarm.paused:
            alarm.paused = True
            if alarm.presence in ("ON", "LATCHED"):
                self.say(alarm, "UPDATE", "PAUSED", by=pause)
        elif alarm.paused and not pause:
            alarm.paused = False
            if alarm.presence == "ON":
                self.first_step(alarm)
            if alarm.presence in ("ON", "LATCHED"):
                self.say(alarm, "UPDATE", "RE_ALARM")

    # Stale --------------------------------------------------------------------------------------------

    def missing_changed(self, lost: list[str], back: list[str]) -> None:
        """Alarms of signs that went missing are stale, of those that are back no longer."""
        for signs, stale in ((lost, True), (back, False)):
            for alarm in self.in_order():
                if alarm.sign in signs and alarm.rule["kind"] in ("limit", "trend"):
                    self.mark(alarm, stale)

    def mark(self, alarm: Alarm, stale: bool) -> None:
        """Marks an alarm, or clears the mark."""
        if alarm.stale != stale and (alarm.active or not stale):
            alarm.stale = stale
            if alarm.said:
                self.say(alarm, "UPDATE", "STALE" if stale else "FRESH")

    # Saying it ----------------------------------------------------------------------------------------

    def in_order(self) -> list[Alarm]:
        """Alarms by the place of their rule in the file, and by device."""
        places = list(self._places())
        order = sorted(self.alarms, key=lambda key: (places.index(key[0]), ids.name_key(key[1])))
        return [self.alarms[key] for key in order]

    def _places(self) -> list[str]:
        found = []
        for rule in self.rules:
            found += [f"{rule['id']}/{sign}" for sign in rule["signs"]] if "signs" in rule else [rule["id"]]
            found.append(f"{rule['id']}/device")
        return found + [key[0] for key in self.alarms if key[0].startswith("component/")]

    def first_step(self, alarm: Alarm) -> None:
        """The alarm is on the first step of its ladder from now on."""
        alarm.ladder_from, alarm.level = self.processed, 1

    def ladder(self, alarm: Alarm) -> list[Any]:
        """The steps of the alarm's ladder."""
        return list(self.ladders[alarm.rule["ladder"]]) if "ladder" in alarm.rule else []

    def say(self, alarm: Alarm, phase: str, cause: str, *, by: Control | None = None, suppressed_by: str = "") -> None:
        """Writes an alert."""
        pause, ladder, step = self.pause_of(alarm), self.ladder(alarm), alarm.now_step
        level = alarm.level if ladder and alarm.said else 0
        number = alarm.count.to_bytes(4, "little")
        made = Alert(
            second=self.at,
            subject=self.name,
            device=alarm.device or self.device,
            rule=alarm.rule["id"],
            phase=phase,
            cause=cause,
            presence=alarm.presence,
            activation={"": "ON", "PAUSE": "PAUSED", "OFF": "OFF"}[pause.action if pause else ""],
            priority=step["priority"],
            severity=4 if step.get("life_threatening") else PRIORITIES[step["priority"]],
            level=level,
            to=ladder[level - 1]["to"] if level else "",
            stale=alarm.stale,
            suppressed_by=suppressed_by,
            actor=by.actor if by else "",
            reason=by.reason if by else "",
            until=by.until if by and cause == "PAUSED" else 0,
            episode=alarm.episode,
            event_id=ids.derive("alert", [alarm.episode, bytes([PHASES[phase]]), number]),
        )
        alarm.count += 1
        self.alerts.append(made)
