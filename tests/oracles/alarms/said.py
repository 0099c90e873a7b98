"""What goes in and what comes out."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.oracles.rules import Moment, Pending, Rule, Value

PHASES = {"START": 1, "UPDATE": 2, "END": 3, "SUPPRESSED": 4}
PRIORITIES = {"low": 1, "medium": 2, "high": 3}


@dataclass
class Observation:
    """What a device sent at `second` and the gateway received at `received`. `patient` "" is nobody."""

    event_id: bytes
    device: str
    patient: str
    second: float
    received: float
    values: list[Value]
    moment: Moment = field(default_factory=Moment)


@dataclass
class Control:
    """What the clock or a person did. `until` 0 is no end."""

    event_id: bytes
    action: str
    second: float
    patient: str = ""
    device: str = ""
    episode: bytes = b""
    rule: str = ""
    until: float = 0
    actor: str = ""
    reason: str = ""
    component: str = ""
    reporter: str = ""


class Alert(NamedTuple):
    """What the tests compare of an alert."""

    second: float
    subject: str
    device: str
    rule: str
    phase: str
    cause: str
    presence: str
    activation: str
    priority: str
    severity: int
    level: int
    to: str
    stale: bool
    suppressed_by: str
    actor: str
    reason: str
    until: float
    episode: bytes
    event_id: bytes


@dataclass
class Alarm(Pending):
    """A condition and its signal: one episode."""

    rule: Rule = field(default_factory=dict)
    device: str = ""  # of a device's own alarm
    technical: bool = False
    episode: bytes = b""
    presence: str = "OFF"
    last: int = 0  # the step that was active last
    count: int = 0  # alerts written
    said: bool = False
    paused: bool = False
    acknowledged: float = 0
    ladder_from: float = 0
    level: int = 0
    stale: bool = False

    @property
    def active(self) -> bool:
        """Whether the condition is there."""
        return self.step >= 0

    @property
    def now_step(self) -> Rule:
        """The step that is active, or was last."""
        steps: list[Rule] = self.rule["steps"]
        return steps[self.last]
