"""What the clock does to a subject's alarms: silence, ends of pauses, sounding again, the ladder."""

from dataclasses import dataclass
from typing import Any

from tests.oracles.alarms.signal import Signals
from tests.oracles.rules import one_sign

ORPHAN_GONE_S, UNWATCHED_GONE_S, REPORTER_S = 300, 24 * 3600, 600


@dataclass
class Heard:
    """When a device, or a sign, was heard of: the last two receipts that differ."""

    last: float
    before: float | None = None
    silent: bool = False
    device: str = ""  # that sent the sign's last usable value

    def again(self, received: float) -> None:
        """Another receipt."""
        if received > self.last:
            self.before, self.last = self.last, received


class Clock(Signals):
    """One subject's devices and signs, and what is due."""

    def __init__(self, content: dict[str, Any], name: str, limits: dict[tuple[str, str], float] | None = None) -> None:
        super().__init__(content, name, limits)
        self.devices: dict[str, Heard] = {}
        self.signs: dict[str, Heard] = {}
        self.live: set[str] = set()
        self.reporters: dict[str, float] = {}
        self.gone = False

    def tick(self, event_id: bytes, second: float) -> None:
        """Everything whose time has come."""
        self.source, self.at, self.processed = event_id, second, second
        self.pauses = {rule: one for rule, one in self.pauses.items() if not one.until or one.until > second}
        forgotten = [name for name, down in self.reporters.items() if second >= down + REPORTER_S]
        for name in forgotten:
            del self.reporters[name]
        if forgotten:
            self.component_over()
        self._silence(second)
        for alarm in self.in_order():
            self.look_again(alarm)
        for alarm in self.in_order():
            self._sound(alarm, second)
        self._orphan(second)

    def component_over(self) -> None:
        """Ends the component's alarm when nobody says any more that it is down."""
        for (rule, _), alarm in list(self.alarms.items()):
            if rule.startswith("component/") and not self.reporters:
                self.to_step(alarm, -1)

    def _silence(self, now: float) -> None:
        stale: list[str] = []
        for name, heard in self.devices.items():
            for rule in self.rules:
                if not rule.get("device") or heard.silent or self.gone or not self._watched(heard, name):
                    continue
                if now >= heard.last + rule["silent_after_s"]:
                    heard.silent = True
                    own = {**rule, "id": f"{rule['id']}/device", "steps": [{"priority": rule["priority"]}]}
                    self.to_step(self.begun(own, "", device=name, technical=True), 0)
                    stale += [sign for sign, one in self.signs.items() if one.device == name]
        for rule in self.rules:
            for sign in rule.get("signs", []) if rule.get("silent_after_s") else []:
                heard = self.signs.get(sign)
                if heard is None or heard.silent or self.gone or not self._watched(heard, heard.device):
                    continue
                if now >= heard.last + rule["silent_after_s"] and not self.devices[heard.device].silent:
                    heard.silent = True
                    alarm = self.begun(one_sign(rule, sign), sign, technical=True)
                    if not alarm.active:
                        self.to_step(alarm, 0)
                        stale.append(sign)
        self.missing_changed(stale, [])

    def _watched(self, heard: Heard, device: str) -> bool:
        if device not in self.live or heard.before is None:
            return False
        return self.spot_s == 0 or heard.last - heard.before <= self.spot_s

    def _sound(self, alarm: Any, now: float) -> None:
        if not alarm.active or alarm.paused:
            return
        if alarm.presence == "ACKNOWLEDGED":
            by_priority = self.settings.get("re_alarm_s", {})
            default = {"low": 0, "medium": 600, "high": 180}[alarm.now_step["priority"]]
            after = alarm.rule.get("re_alarm_s", by_priority.get(alarm.now_step["priority"], default))
            if after and now >= alarm.acknowledged + after:
                alarm.presence = "ON"
                self.first_step(alarm)
                self.say(alarm, "UPDATE", "RE_ALARM")
        if alarm.presence == "ON":
            steps = self.ladder(alarm)
            while alarm.level < len(steps) and now >= alarm.ladder_from + steps[alarm.level]["after_s"]:
                alarm.level += 1
                self.say(alarm, "UPDATE", "ESCALATED")

    def _orphan(self, now: float) -> None:
        if not self.name.startswith("device:") or not self.devices or self.gone:
            return
        after = max([ORPHAN_GONE_S, *(rule["silent_after_s"] for rule in self.rules if rule.get("device"))])
        for name, heard in self.devices.items():
            if now < heard.last + (after if self._watched(heard, name) else UNWATCHED_GONE_S):
                return
        self.gone = True
        for heard in [*self.devices.values(), *self.signs.values()]:
            heard.before = None
        for alarm in self.in_order():
            alarm.since = {}
            self.end(alarm, "CONDITION")
