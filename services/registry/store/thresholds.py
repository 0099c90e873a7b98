"""Threshold profiles: versions of a patient's own alarm limits; the newest is current."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.registry.bodies import NewThresholds, ThresholdPage
from services.registry.store.changes import devices_of, record
from services.registry.store.rows import Row, at
from vigil.pb import events_pb2
from vigil.runtime.problem import FieldError, Problem, not_found
from vigil.store import pages

_COLUMNS = {
    "patient_id": "patientId",
    "version": "version",
    "profile_id": "profileId",
    "limits": "limits",
    "note": "note",
    "decided_by": "decidedBy",
    "updated_at": "updatedAt",
    "current": "current",
}


def to_json(row: Any) -> Row:
    """A version as the routes answer."""
    return {name: row[column] for column, name in _COLUMNS.items()}


async def add(
    connection: Any, bodies: Sequence[NewThresholds], trace_id: bytes, *, many: bool
) -> list[tuple[Row, bool]]:
    """Adds versions, all or none; returns each profile and whether it is new (the same limits again are not)."""
    patients = sorted({body.patient_id for body in bodies})
    await _locked(connection, bodies, patients, many)
    select = "SELECT * FROM threshold_profiles WHERE current AND patient_id = ANY($1)"
    newest = {row["patient_id"]: to_json(row) for row in await connection.fetch(select, patients)}
    made: list[Row] = []
    answers: list[tuple[Row, bool]] = []
    now = datetime.now(UTC)
    for body in bodies:
        row = _next(body, newest.get(body.patient_id), now)
        is_new = row is not newest.get(body.patient_id)
        if is_new:
            newest[body.patient_id] = row
            made.append(row)
        answers.append((row, is_new))
    changed = sorted({row["patientId"] for row in made})
    await connection.execute(
        "UPDATE threshold_profiles SET current = false WHERE current AND patient_id = ANY($1)", changed
    )
    for row in made:
        row["current"] = row is newest[row["patientId"]]
    await connection.executemany(
        f"INSERT INTO threshold_profiles ({', '.join(_COLUMNS)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",  # noqa: S608
        [tuple(row[name] for name in _COLUMNS.values()) for row in made],
    )
    await _note(connection, changed, trace_id)
    return answers


async def _locked(connection: Any, bodies: Sequence[NewThresholds], patients: Sequence[str], many: bool) -> None:
    known = {
        row["patient_id"]
        for row in await connection.fetch(
            "SELECT patient_id FROM patients WHERE patient_id = ANY($1) ORDER BY patient_id FOR NO KEY UPDATE", patients
        )
    }
    errors = [
        FieldError(at(index if many else None, "patientId"), "not_found", "there is no such patient")
        for index, body in enumerate(bodies)
        if body.patient_id not in known
    ]
    if errors:
        raise Problem(404, "not_found", "a profile names a patient that is not registered", errors[:1000])


def _next(body: NewThresholds, former: Row | None, now: datetime) -> Row:
    row = {
        "profileId": body.profile_id or (former["profileId"] if former else f"limits-{body.patient_id}"),
        "patientId": body.patient_id,
        "version": former["version"] + 1 if former else 1,
        "current": True,
        "limits": body.limits_json(),
        "note": body.note,
        "decidedBy": body.decided_by,
        "updatedAt": now,
    }
    same = former and all(former[name] == row[name] for name in ("profileId", "limits", "note", "decidedBy"))
    return former if former and same else row


async def _note(connection: Any, patients: Sequence[str], trace_id: bytes) -> None:
    devices = await devices_of(connection, patients)
    single = patients[0] if len(patients) == 1 else None
    entity = events_pb2.REGISTRY_ENTITY_THRESHOLDS
    await record(
        connection, entity, devices, trace_id, key=f"patient:{single}" if single else None, patient_id=single or ""
    )


async def get(connection: Any, patient_id: str, version: int | None = None) -> Any:
    """The current version, or an earlier one; 404 when there is none."""
    row = await connection.fetchrow(
        "SELECT * FROM threshold_profiles WHERE patient_id = $1 AND (version = $2 OR ($2 IS NULL AND current))",
        patient_id,
        version,
    )
    if row is None:
        raise not_found("patientId", "threshold profile")
    return row


async def page(connection: Any, wanted: ThresholdPage) -> tuple[list[Row], int]:
    """Current profiles, ordered by patient."""
    filters = [("patient_id = {}", wanted.patient_id), ("current = {}", True)]
    found, total = await pages.page(
        connection, "*", "threshold_profiles", "patient_id", filters, wanted.limit, wanted.offset
    )
    return [to_json(row) for row in found], total
