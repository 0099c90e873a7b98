"""A recording's patients, devices and links: for the registry's REST edge, and for the core without one."""

from typing import Any

from vigil.pb import events_pb2, registry_pb2
from vigil.recordings import Patient, Stay
from vigil.recordings.values import iso


def patient_body(patient: Patient) -> dict[str, Any]:
    """As `POST /patients` takes it."""
    body: dict[str, Any] = {
        "patientId": patient.patient_id,
        "gender": patient.gender,
        "medicalConditions": list(patient.conditions),
    }
    if patient.age is not None:
        body["age"] = patient.age
    if patient.ward:
        body["ward"] = patient.ward
    if patient.metadata:
        body["metadata"] = patient.metadata
    return body


def device_body(stay: Stay) -> dict[str, Any]:
    """As `POST /devices` takes it."""
    return {"deviceId": stay.device.device_id, "deviceType": stay.device.device_type}


def link_body(stay: Stay) -> dict[str, Any] | None:
    """As `POST /devices/link` takes it: from the stay's first observation on; None without a patient."""
    if stay.patient is None:
        return None
    return {"deviceId": stay.device.device_id, "patientId": stay.patient.patient_id, "from": iso(linked_from_us(stay))}


def linked_from_us(stay: Stay) -> int:
    """When the device came to the patient: at the stay's first observation."""
    return min(stay.times_us, default=0)


def context(patient: Patient) -> events_pb2.Context:
    """The patient as enrichment would get it from the registry."""
    message = events_pb2.Context(
        patient_id=patient.patient_id,
        sex=patient.gender,
        conditions=list(patient.conditions),
        ward=patient.ward,
        spo2_scale=1,
    )
    if patient.age is not None:
        message.age_years = patient.age
    return message


def device_context(stay: Stay) -> registry_pb2.DeviceContext:
    """The device with its one link, as `GetContexts` answers."""
    links = []
    if stay.patient is not None:
        links = [registry_pb2.Link(from_us=linked_from_us(stay), to_us=0, context=context(stay.patient))]
    return registry_pb2.DeviceContext(
        device_id=stay.device.device_id, known=True, device_type=stay.device.device_type, links=links
    )


def admission(stay: Stay) -> registry_pb2.Admission:
    """The device as `GetAdmissions` answers."""
    return registry_pb2.Admission(device_id=stay.device.device_id, known=True, active=True)
