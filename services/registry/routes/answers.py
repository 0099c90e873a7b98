"""What the routes answer, for the document at /openapi.json; tests hold the answers against it."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.registry.store.rows import Registered


class Answer(BaseModel):
    """camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Patient(Answer):
    """A patient."""

    patient_id: str
    age: int | None
    birth_date: date | None
    gender: str
    sex: str
    medical_conditions: list[str]
    medications: list[str]
    allergies: list[str]
    ward: str | None
    bed: str | None
    pregnant: bool
    spo2_scale: int = Field(alias="spo2Scale")
    spo2_scale_decision: dict[str, Any] | None = Field(alias="spo2ScaleDecision")
    baseline: dict[str, float]
    metadata: dict[str, Any]
    registered_at: datetime
    updated_at: datetime


class Device(Answer):
    """A device, and the patient it is on now."""

    device_id: str
    device_type: str
    patient_id: str | None
    linked_from: datetime | None
    status: str
    has_key: bool
    metadata: dict[str, Any]
    registered_at: datetime
    updated_at: datetime
    key: str | None = Field(None, description="only in the answer that made the key")
    links: list[dict[str, Any]] | None = Field(None, description="all links; only for one device")


class Link(Answer):
    """What became of a statement about a link."""

    device_id: str
    patient_id: str | None
    from_: datetime = Field(alias="from")
    to: datetime | None
    result: str = Field(description="linked, unlinked or unchanged")
    former_patient_id: str | None


class Thresholds(Answer):
    """A version of a patient's alarm limits."""

    profile_id: str
    patient_id: str
    version: int
    current: bool
    limits: dict[str, dict[str, float]]
    note: str | None
    decided_by: str | None
    updated_at: datetime


class Hub(Answer):
    """A hub."""

    hub_id: str
    status: str
    metadata: dict[str, Any]
    registered_at: datetime
    updated_at: datetime
    key: str | None = None


class Item(Answer):
    """One item of an array; its id under the entity's own name."""

    model_config = ConfigDict(extra="allow")

    result: str = Field(description="created or unchanged")


class Bulk(Answer):
    """What became of an array."""

    created: int
    unchanged: int
    items: list[Item]


class Listed(Answer):
    """A page of a list."""

    items: list[dict[str, Any]]
    total: int
    page: int
    limit: int


def bulk(
    done: Registered, field: str, ids: list[str], keys: dict[str, str] | None = None
) -> tuple[dict[str, Any], int]:
    """The answer to an array, and its status: 201 when something was created."""
    items: list[dict[str, Any]] = [
        {field: name, "result": "created" if name in done.created else "unchanged"} for name in ids
    ]
    for item in items if keys else []:
        if item[field] in (keys or {}):
            item["key"] = (keys or {})[item[field]]
    body = {"created": len(done.created), "unchanged": len(done.unchanged), "items": items}
    return body, 201 if done.created else 200
