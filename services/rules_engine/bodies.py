"""What the rules engine's routes take and answer."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from services.rules_engine.rule_file import Rules
from vigil.runtime.problem import FieldError, Problem
from vigil.runtime.schema import Body, Identifier, Moment, Name, Note

SYSTEM = "system"


def _episode(value: Any) -> Any:
    try:
        return uuid.UUID(value) if isinstance(value, str) else value
    except ValueError:
        raise PydanticCustomError("invalid_value", "an episode's id is a UUID") from None


class Act(Body):
    """What somebody does to alarms."""

    action: Literal["acknowledge", "pause", "off", "resume"]
    patient_id: Identifier | None = Field(None, description="whom it concerns")
    device_id: Identifier | None = Field(None, description="… or the device that no patient is linked to")
    rule_id: Name | None = Field(None, description="pause, off, resume: this rule; otherwise all of the subject's")
    episode_id: Annotated[uuid.UUID, BeforeValidator(_episode)] | None = Field(
        None, description="acknowledge: this alarm; otherwise all of the subject's"
    )
    until: Moment | None = Field(None, description="pause: when it ends")
    for_s: float | None = Field(None, gt=0, le=1e9, description="pause: … or how long it lasts, in seconds")
    actor: Name = Field(description="who does it")
    reason: Note = Field(description="why")

    def until_at(self, now: datetime) -> datetime | None:
        """When the pause ends."""
        return self.until if self.until is not None or self.for_s is None else now + timedelta(seconds=self.for_s)

    def check(self, rules: Rules, now: datetime) -> None:
        """What the fields say together; raises a `Problem` that names every wrong one."""
        errors = [FieldError(field, code, message) for field, code, message in self._wrong(rules, now)]
        if errors:
            count = f"{len(errors)} field{'s are' if len(errors) != 1 else ' is'} wrong"
            raise Problem(422, "invalid", count, errors)

    def _wrong(self, rules: Rules, now: datetime) -> Iterable[tuple[str, str, str]]:
        if self.patient_id is None and self.device_id is None:
            yield "patientId", "missing_field", "say whom it concerns: patientId, or deviceId of a device without one"
        if self.patient_id is not None and self.device_id is not None:
            yield "deviceId", "invalid_value", "a patient's alarms are the patient's, whatever the device: leave it out"
        if self.actor.strip().lower() == SYSTEM:
            yield "actor", "invalid_value", "the actor 'system' is not a person"
        if not self.reason.strip():
            yield "reason", "invalid_text", "say why"
        if self.action == "acknowledge" and self.rule_id is not None:
            yield "ruleId", "invalid_value", "an acknowledgement names an episode, or all alarms of the subject"
        if self.action != "acknowledge" and self.episode_id is not None:
            yield "episodeId", "invalid_value", "goes with the action acknowledge only"
        # What was paused may be resumed when the rule set has long forgotten it.
        if self.action in ("pause", "off") and self.rule_id is not None and not _known(self.rule_id, rules):
            yield "ruleId", "invalid_value", f"rule set {rules.version} has no rule '{self.rule_id}'"
        yield from self._wrong_expiry(rules.pause_max_s(), now)

    def _wrong_expiry(self, most_s: float, now: datetime) -> Iterable[tuple[str, str, str]]:
        given = [name for name, value in (("until", self.until), ("forS", self.for_s)) if value is not None]
        if self.action != "pause":
            for name in given:
                yield name, "invalid_value", "goes with the action pause only"
            return
        if len(given) != 1:
            yield "until", "missing_field" if not given else "invalid_value", "a pause ends: give either until or forS"
            return
        until = self.until_at(now)
        if until is not None and until <= now:
            yield given[0], "out_of_range", "a pause ends in the future"
        if until is not None and until > now + timedelta(seconds=most_s):
            yield given[0], "out_of_range", f"a pause lasts {most_s:g} s at most (pause_max_s of the rules)"


def _known(rule_id: str, rules: Rules) -> bool:
    """Rules per sign or per device are named after the rule that makes them: `leads/heart_rate`."""
    name = rule_id.split("/")[0]
    return name in rules.ids() or name == "component"


class Answer(BaseModel):
    """camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Taken(Answer):
    """A control that the log has."""

    control_id: str
    action: str
    patient_id: str | None
    device_id: str | None
    rule_id: str | None
    episode_id: str | None
    until: datetime | None
    time: datetime


class Refused(Answer):
    """Why the rule file as it stands is not used."""

    file: str
    line: int | None
    field: str
    message: str
    hint: str


class Valid(Answer):
    """A rule file that may be used."""

    valid: bool
    version: str
    rules: int = Field(description="a rule over several signs counts for each of them")


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a UTC time."""
    return datetime.fromtimestamp(seconds, UTC)
