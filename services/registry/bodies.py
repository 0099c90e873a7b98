"""What the registry's routes take."""

import hashlib
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.registry import signs
from vigil.runtime.schema import Body, Day, Identifier, Metadata, Moment, Name, Names, Note, Page, Wanted

Sign = Annotated[str, BeforeValidator(signs.canonical)]
DeviceStatus = Literal["active", "inactive", "maintenance"]
SexName = Literal["female", "male", "other", "unknown"]
_SEXES = {"f": "female", "m": "male", "o": "other", "u": "unknown"}
Sex = Annotated[
    SexName,
    BeforeValidator(lambda v: _SEXES.get(v.strip().lower(), v.strip().lower()) if isinstance(v, str) else v),
]
Key = Annotated[str, Field(min_length=16, max_length=256, pattern=r"^[\x21-\x7e]+$")]
"""A device's or hub's secret: 16 to 256 printable ASCII characters."""


def content(body: BaseModel) -> bytes:
    """Digest of what was asked for: the same request again is recognised by it."""
    return hashlib.sha256(msgspec.json.encode(body.model_dump(exclude_defaults=True), order="sorted")).digest()


class SpO2Decision(Body):
    """The clinician's decision that SpO2 scale 2 applies (hypercapnic respiratory failure)."""

    decided_by: Name
    decided_at: Moment | None = None
    reason: Note | None = None


class PatientFields(Body):
    """What is known of a patient. No names: an id is enough here."""

    age: int | None = Field(None, ge=0, le=130, description="years; or give birthDate")
    birth_date: Day | None = None
    gender: Sex | None = Field(None, description="the same as sex; give one")
    sex: Sex | None = None
    medical_conditions: Names = Field(default_factory=list)
    medications: Names = Field(default_factory=list)
    allergies: Names = Field(default_factory=list)
    ward: Name | None = None
    bed: Name | None = None
    pregnant: bool = False
    spo2_scale: Literal[1, 2] = Field(1, alias="spo2Scale", description="2 only with spo2ScaleDecision")
    spo2_scale_decision: SpO2Decision | None = Field(None, alias="spo2ScaleDecision")
    baseline: dict[Sign, float] = Field(default_factory=dict, max_length=32, description="usual values by sign")
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.age is not None and self.birth_date is not None:
            raise PydanticCustomError("invalid_value", "give age or birthDate, not both")
        if self.birth_date is not None and self.birth_date > datetime.now(UTC).date():
            raise PydanticCustomError("invalid_value", "birthDate lies in the future")
        if self.gender is not None and self.sex is not None and self.gender != self.sex:
            raise PydanticCustomError("invalid_value", "gender and sex differ; give one")
        if self.spo2_scale == 2 and self.spo2_scale_decision is None:
            raise PydanticCustomError("missing_field", "spo2Scale 2 needs spo2ScaleDecision {decidedBy}")
        for sign, value in self.baseline.items():
            signs.check_plausible(sign, value, "the baseline")
        return self


class NewPatient(PatientFields):
    """A patient to register; without patientId one is made."""

    patient_id: Identifier | None = None


class NewDevice(Body):
    """A device to register."""

    device_id: Identifier
    device_type: Name
    status: DeviceStatus = "active"
    metadata: Metadata = Field(default_factory=dict)
    key: Key | None = Field(None, description="the device's secret; only its SHA-256 is kept")
    generate_key: bool = Field(False, description="make a key and give it back in this answer only")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.key is not None and self.generate_key:
            raise PydanticCustomError("invalid_value", "give key or generateKey, not both")
        return self


class DeviceChange(Body):
    """What of a device may be changed; `key: null` takes its key away."""

    status: DeviceStatus | None = None
    metadata: Metadata | None = None
    key: Key | None = None
    generate_key: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("missing_field", "give at least one of status, metadata, key, generateKey")
        if self.generate_key and "key" in self.model_fields_set:
            raise PydanticCustomError("invalid_value", "give key or generateKey, not both")
        return self


class NewLink(Body):
    """From a point in time on, this device is on this patient; `patientId: null` = on nobody."""

    device_id: Identifier
    patient_id: Identifier | None
    from_: Moment | None = Field(None, alias="from", description="default: now; may lie in the past")


class Limits(Body):
    """Alarm limits of one sign, canonical units: medium priority beyond low/high, high beyond critical."""

    low: float | None = None
    high: float | None = None
    critical_low: float | None = None
    critical_high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        ladder = [("criticalLow", self.critical_low), ("low", self.low)]
        ladder += [("high", self.high), ("criticalHigh", self.critical_high)]
        given = [(name, value) for name, value in ladder if value is not None]
        if not given:
            raise PydanticCustomError("missing_field", "give at least one limit")
        for (below, a), (above, b) in pairwise(given):
            same_side = {below, above} in ({"criticalLow", "low"}, {"high", "criticalHigh"})
            if a > b or (a == b and not same_side):
                raise PydanticCustomError("invalid_value", f"{below} ({a:g}) must lie below {above} ({b:g})")
        return self


class NewThresholds(Body):
    """A new version of a patient's alarm limits; signs that are not named keep the rules' defaults."""

    patient_id: Identifier
    profile_id: Identifier | None = None
    limits: dict[Sign, Limits] = Field(min_length=1, max_length=32)
    note: Note | None = None
    decided_by: Name | None = None

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        for sign, limits in self.limits.items():
            for name, value in limits.model_dump(exclude_none=True, by_alias=True).items():
                signs.check_plausible(sign, value, name)
        return self

    def limits_json(self) -> dict[str, Any]:
        """As it is kept and answered."""
        return {s: v.model_dump(exclude_none=True, by_alias=True) for s, v in sorted(self.limits.items())}


class NewHub(Body):
    """A hub to register: it sends for many devices with one key."""

    hub_id: Identifier
    key: Key | None = None
    generate_key: bool = False
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) != self.generate_key:
            raise PydanticCustomError("invalid_value", "give key or generateKey: true, one of them")
        return self


class HubChange(Body):
    """Revokes a hub's key, or lets it in again."""

    status: Literal["active", "revoked"]


class PatientPage(Page):
    """Patients of a ward."""

    ward: Wanted | None = None


class DevicePage(Page):
    """Devices by status, type or patient."""

    status: DeviceStatus | None = None
    device_type: Wanted | None = None
    patient_id: Wanted | None = None


class ThresholdPage(Page):
    """Current profiles, of one patient where named."""

    patient_id: Wanted | None = None
