"""Patients."""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.registry.bodies import NewPatient, PatientFields, PatientPage, content
from services.registry.store import rows
from services.registry.store.changes import devices_of, record
from services.registry.store.rows import Registered, Row
from vigil.pb import events_pb2
from vigil.runtime.problem import not_found
from vigil.store import pages


def age_years(row: Any, today: date | None = None) -> int | None:
    """Completed years by birth date, else the age as it was given; None = not known."""
    born = row["birth_date"]
    if born is None:
        return None if row["age"] is None else int(row["age"])
    today = today or datetime.now(UTC).date()
    return int(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def to_json(row: Any) -> Row:
    """A patient as the routes answer."""
    return {
        "patientId": row["patient_id"],
        "age": age_years(row),
        "birthDate": row["birth_date"],
        "gender": row["sex"],
        "sex": row["sex"],
        "medicalConditions": row["medical_conditions"],
        "medications": row["medications"],
        "allergies": row["allergies"],
        "ward": row["ward"],
        "bed": row["bed"],
        "pregnant": row["pregnant"],
        "spo2Scale": row["spo2_scale"],
        "spo2ScaleDecision": row["spo2_decision"],
        "baseline": row["baseline"],
        "metadata": row["metadata"],
        "registeredAt": row["registered_at"],
        "updatedAt": row["updated_at"],
    }


def _columns(body: PatientFields) -> Row:
    decision = body.spo2_scale_decision
    return {
        "age": body.age,
        "birth_date": body.birth_date,
        "sex": body.sex or body.gender or "unknown",
        "medical_conditions": body.medical_conditions,
        "medications": body.medications,
        "allergies": body.allergies,
        "ward": body.ward,
        "bed": body.bed,
        "pregnant": body.pregnant,
        "spo2_scale": body.spo2_scale,
        "spo2_decision": decision.model_dump(mode="json", by_alias=True, exclude_none=True) if decision else None,
        "baseline": body.baseline,
        "metadata": body.metadata,
    }


async def register(connection: Any, bodies: Sequence[NewPatient], *, many: bool) -> tuple[list[str], Registered]:
    """Registers; returns the ids in the order of the bodies. No device is concerned yet: no change event."""
    now = datetime.now(UTC)
    ids = [body.patient_id or str(uuid.uuid4()) for body in bodies]
    made = [
        {
            "patient_id": patient_id,
            **_columns(body),
            "content_sha256": rows.hexed(content(body)),
            "registered_at": now,
            "updated_at": now,
        }
        for patient_id, body in zip(ids, bodies, strict=True)
    ]
    return ids, await rows.register(connection, "patients", "patient_id", "patientId", made, many=many)


async def get(connection: Any, patient_id: str) -> Any:
    """The row; 404 when there is none."""
    row = await connection.fetchrow("SELECT * FROM patients WHERE patient_id = $1", patient_id)
    if row is None:
        raise not_found("patientId", "patient")
    return row


async def page(connection: Any, wanted: PatientPage) -> tuple[list[Row], int]:
    """Patients, ordered by id."""
    filters = [("ward = {}", wanted.ward)]
    found, total = await pages.page(connection, "*", "patients", "patient_id", filters, wanted.limit, wanted.offset)
    return [to_json(row) for row in found], total


def fields_of(row: Any) -> dict[str, Any]:
    """The row as a body of `PatientFields`, to lay a change over."""
    out = to_json(row)
    for name in ("patientId", "registeredAt", "updatedAt", "sex"):
        del out[name]
    if out["birthDate"] is not None:
        del out["age"]
    else:
        out["age"] = row["age"]
    return out


async def change(connection: Any, patient_id: str, body: PatientFields, trace_id: bytes) -> Any:
    """Writes the whole changed patient and notes whose contexts change."""
    columns = _columns(body)
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(columns, 2))
    row = await connection.fetchrow(
        f"UPDATE patients SET {assignments}, updated_at = now() WHERE patient_id = $1 RETURNING *",  # noqa: S608
        patient_id,
        *columns.values(),
    )
    devices = await devices_of(connection, [patient_id])
    entity = events_pb2.REGISTRY_ENTITY_PATIENT
    await record(connection, entity, devices, trace_id, key=f"patient:{patient_id}", patient_id=patient_id)
    return row
