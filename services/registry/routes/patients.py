"""/patients."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response

from services.registry.bodies import NewPatient, PatientFields, PatientPage
from services.registry.routes import answers
from services.registry.store import patients
from vigil.runtime.outbox import Relay
from vigil.runtime.problem import FieldError, Problem
from vigil.runtime.rest import answer, trace_id
from vigil.runtime.schema import OneOrMany, apply_change

_TAGS: list[Any] = ["patients"]


def hang(app: FastAPI, pool: Any, relay: Relay) -> None:
    """Hangs the routes on the application."""

    @app.post(
        "/patients",
        status_code=201,
        tags=_TAGS,
        response_model=answers.Patient | answers.Bulk,
        responses={200: {"model": answers.Patient | answers.Bulk, "description": "Registered already, same content"}},
    )
    async def register_patients(
        body: Annotated[
            OneOrMany[NewPatient],
            Body(examples=[{"patientId": "p-1", "age": 71, "gender": "female", "ward": "ICU-A", "bed": "3"}]),
        ],
    ) -> Response:
        """Registers a patient, or an array of them."""
        many = isinstance(body, list)
        async with pool.acquire() as connection, connection.transaction():
            ids, done = await patients.register(connection, body if isinstance(body, list) else [body], many=many)
            if many:
                return answer(*answers.bulk(done, "patientId", ids))
            made = patients.to_json(await patients.get(connection, ids[0]))
        return answer(made, 201 if done.created else 200, {"location": f"/patients/{ids[0]}"})

    @app.get("/patients", tags=_TAGS, response_model=answers.Listed)
    async def list_patients(wanted: Annotated[PatientPage, Query()]) -> Response:
        """Patients, a page at a time."""
        async with pool.acquire() as connection:
            return answer(wanted.of(*await patients.page(connection, wanted)))

    @app.get("/patients/{patient_id}", tags=_TAGS, response_model=answers.Patient)
    async def get_patient(patient_id: str) -> Response:
        """One patient."""
        async with pool.acquire() as connection:
            return answer(patients.to_json(await patients.get(connection, patient_id)))

    @app.patch("/patients/{patient_id}", tags=_TAGS, response_model=answers.Patient)
    async def change_patient(
        request: Request,
        patient_id: str,
        body: Annotated[dict[str, Any], Body(examples=[{"ward": "Ward-1", "bed": "12"}])],
    ) -> Response:
        """Changes what is given; what is not given stays. `null` takes a value away."""
        if not body:
            raise Problem(422, "invalid", "nothing to change", [FieldError("", "missing_field", "give a field")])
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT 1 FROM patients WHERE patient_id = $1 FOR UPDATE", patient_id)
            former = patients.fields_of(await patients.get(connection, patient_id))
            changed = apply_change(PatientFields, former, body)
            row = await patients.change(connection, patient_id, changed, bytes.fromhex(trace_id(request)))
        relay.wake()
        return answer(patients.to_json(row))
