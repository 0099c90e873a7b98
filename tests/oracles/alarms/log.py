"""A partition of the log: what stands in it, in order, and the alerts it makes."""

from typing import Any

from tests.oracles import ids
from tests.oracles.alarms.clock import Heard
from tests.oracles.alarms.people import Subject
from tests.oracles.alarms.said import Alert, Control, Observation

CONTROLS = 64


class Log:
    """Subjects under a parsed rule file. Holds nothing back: `[order]` is not for this oracle."""

    def __init__(self, content: dict[str, Any], limits: dict[tuple[str, str], float] | None = None) -> None:
        self.content, self.limits = content, limits or {}
        self.late_after_s: float = content.get("late_after_s", 300)
        self.subjects: dict[str, Subject] = {}
        self.evaluated: dict[str, float] = {}  # device -> event time
        self.seen: set[bytes] = set()
        self.controls: list[bytes] = []
        self.rows = 0  # observations evaluated: the model is asked about each

    def observe(self, made: Observation) -> list[Alert]:
        """An observation, evaluated unless it is late or a duplicate."""
        name = made.patient or f"device:{made.device}"
        if name not in self.subjects:
            self.subjects[name] = Subject(self.content, name, self.limits if made.patient else {})
        subject = self.subjects[name]
        second = min(made.second, made.received)
        late = second < self.evaluated.get(made.device, second)
        late |= made.device in subject.live and made.received - second > self.late_after_s
        subject.source, subject.at, subject.processed = made.event_id, second, made.received
        before, subject.device = subject.device, made.device
        self._heard(subject, made, second)
        if late or made.event_id in self.seen:
            subject.device = before
            return self._taken(subject)
        self.seen.add(made.event_id)
        self.evaluated[made.device] = second
        usable = subject.evaluate(second, made.values, made.moment)
        self.rows += 1
        for sign in usable:
            heard = subject.signs.setdefault(sign, Heard(made.received))
            heard.again(made.received)
            heard.device, heard.silent = made.device, False
        for alarm in subject.in_order():
            if not alarm.said:
                subject.look_again(alarm)
        return self._taken(subject)

    def _heard(self, subject: Subject, made: Observation, second: float) -> None:
        heard = subject.devices.setdefault(made.device, Heard(made.received))
        if made.received > heard.last:
            heard.silent = subject.gone = False
            for (_, device), alarm in list(subject.alarms.items()):
                if device == made.device:
                    subject.to_step(alarm, -1)
        heard.again(made.received)
        if made.received - second <= self.late_after_s:
            subject.live.add(made.device)

    def control(self, made: Control) -> list[Alert]:
        """A control; a tick is for every subject, in the order of their keys."""
        if made.action == "TICK":
            alerts = []
            for name in sorted(self.subjects, key=_key):
                self.subjects[name].tick(made.event_id, made.second)
                alerts += self._taken(self.subjects[name])
            return alerts
        if made.event_id in self.controls:
            return []
        self.controls = [*self.controls, made.event_id][-CONTROLS:]
        name = made.patient or f"device:{made.device or made.component}"
        if made.action == "COMPONENT_DOWN" and name not in self.subjects:
            self.subjects[name] = Subject(self.content, name)
            self.subjects[name].device = made.component
        if name not in self.subjects:
            return []
        self.subjects[name].control(made)
        return self._taken(self.subjects[name])

    def _taken(self, subject: Subject) -> list[Alert]:
        alerts, subject.alerts = subject.alerts, []
        return alerts


def _key(name: str) -> int:
    device = name.removeprefix("device:")
    return ids.subject_key("" if device != name else name, device)
