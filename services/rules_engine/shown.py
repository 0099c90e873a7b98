"""A rule file as the REST edge shows it: what the core says of it, with camelCase names."""

from datetime import datetime
from typing import Any

import msgspec

from services.rules_engine.bodies import Answer, Refused
from vigil import core


class Step(Answer):
    """One priority of a rule, with what must be reached for it."""

    priority: str
    life_threatening: bool
    delay_s: float
    re_alarm_s: float
    hysteresis: float | None = None
    limit: float | None = None
    inclusive: bool | None = None
    patient_limit: str | None = None
    change: float | None = None
    percent: float | None = None
    at_least: float | None = None
    single_three: bool | None = None


class Condition(Answer):
    """One condition of a combination: about a sign, a rule or a score."""

    sign: str | None = None
    direction: str | None = None
    limit: float | None = None
    inclusive: bool | None = None
    rule: str | None = None
    score: str | None = None
    at_least: float | None = None


class Population(Answer):
    """Whom a rule is for: all that is named must fit."""

    age_min: int | None = None
    age_max: int | None = None
    sex: str | None = None
    wards: list[str] | None = None
    conditions: list[str] | None = None
    device_types: list[str] | None = None
    pregnant: bool | None = None
    only_known: bool


class Rule(Answer):
    """A rule in words (`text`) and as data; what does not apply is absent. One over several signs is a rule a sign."""

    id: str
    kind: str
    alert_type: str
    technical: bool
    text: str
    signs: list[str]
    steps: list[Step]
    population: Population | None
    suppressed_by: list[str]
    latching: bool
    ladder: str | None
    re_alarm_s: float | None
    unit: str | None = None
    direction: str | None = None
    average_s: float | None = None
    window_s: float | None = None
    score: str | None = None
    column: str | None = None
    at_least: int | None = None
    within_s: float | None = None
    conditions: list[Condition] | None = None
    lead_off: bool | None = None
    device: bool | None = None
    silent_after_s: float | None = None


class Rung(Answer):
    """A step of a ladder."""

    after_s: float
    to: str


class Ladder(Answer):
    """Who is told when nobody acknowledges."""

    id: str
    steps: list[Rung]


class Order(Answer):
    """How the order of a device's observations is repaired."""

    window_s: float
    hold: str


class Times(Answer):
    """Seconds for each priority; 0 = never."""

    low: float
    medium: float
    high: float


class Alarm(Answer):
    """What holds for the alarm signals of all rules."""

    pause_max_s: float
    re_alarm_s: Times


class FileSettings(Answer):
    """What holds for all rules of a file."""

    spot_check_after_s: float
    late_after_s: float
    order: Order
    alarm: Alarm


class Described(Answer):
    """A rule file: its version, what holds for all rules, the ladders that rules name, and the rules."""

    version: str
    settings: FileSettings
    ladders: list[Ladder]
    rules: list[Rule]

    def shown(self) -> dict[str, Any]:
        """As JSON data, without what does not apply."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Shown(Described):
    """The rule set in use."""

    source: str
    loaded_at: datetime
    pause_max_s: float
    problem: Refused | None


def described(text: str, name: str) -> Described:
    """The rule file `name`, whose content is `text`. Raises `CoreError` when it is refused."""
    return Described.model_validate(msgspec.json.decode(core.describe_rules(text, name)))
