"""What people do to a subject's alarms, and a component of Vigil that is away."""

from dataclasses import replace

from tests.oracles.alarms.clock import Clock
from tests.oracles.alarms.said import Alarm, Control


class Subject(Clock):
    """One subject: its conditions, signals, devices and pauses."""

    def control(self, made: Control) -> None:
        """Acknowledge, pause, off, resume, component down or up."""
        self.source, self.at, self.processed = made.event_id, made.second, made.second
        if made.action == "ACKNOWLEDGE":
            for alarm in self.in_order():
                if made.episode in (b"", alarm.episode):
                    self._acknowledge(alarm, made)
        elif made.action in ("PAUSE", "OFF"):
            self._pause(made)
        elif made.action == "RESUME":
            self.pauses = {rule: one for rule, one in self.pauses.items() if made.rule not in ("", rule)}
        elif made.action == "COMPONENT_DOWN":
            self._down(made)
        elif made.action == "COMPONENT_UP":
            self.reporters.pop(made.reporter, None)
            self.component_over()
        for alarm in self.in_order():
            self.look_again(alarm)

    def _acknowledge(self, alarm: Alarm, made: Control) -> None:
        if alarm.presence == "ON":
            alarm.presence, alarm.acknowledged = "ACKNOWLEDGED", made.second
            self.say(alarm, "UPDATE", "ACKNOWLEDGED", by=made)
        elif alarm.presence == "LATCHED":
            self.end(alarm, "ACKNOWLEDGED", by=made)

    def _pause(self, made: Control) -> None:
        if made.action == "OFF":
            self.pauses[made.rule] = replace(made, until=0)
        elif made.until > made.second:
            most = made.second + self.settings.get("pause_max_s", 3600)
            self.pauses[made.rule] = replace(made, until=min(made.until, most))

    def _down(self, made: Control) -> None:
        self.reporters[made.reporter] = made.second
        rule = {"id": f"component/{made.component}", "kind": "component", "steps": [{"priority": "medium"}]}
        alarm = self.begun(rule, "", technical=True)
        if not alarm.active:
            self.to_step(alarm, 0)
