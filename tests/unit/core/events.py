"""Encoded events for the tests of the core, made with the generated protobuf code."""

from collections.abc import Iterable, Mapping

from tests.oracles.ids import derive_stage
from vigil.pb import events_pb2, registry_pb2

T0 = 1_700_000_000_000_000
"""An event time, µs."""


def raw_id(n: int) -> bytes:
    """The 16-byte id of the n-th raw event."""
    return n.to_bytes(16, "big")


def observation(n: int, device: str = "d1", event_time_us: int = T0, **values: float) -> events_pb2.Observation:
    """A normalized observation whose raw event is `raw_id(n)`; `values` by sign field."""
    made = events_pb2.Observation()
    header = made.header
    header.event_id = derive_stage(raw_id(n), "telemetry-normalizer")
    header.source_event_id = raw_id(n)
    header.trace_id = b"t" * 16
    header.event_type = events_pb2.EVENT_TYPE_TELEMETRY_NORMALIZED
    header.version = 1
    header.event_time_us = event_time_us
    header.ingest_time_us = event_time_us + 10
    header.process_time_us = event_time_us + 20
    header.device_id = device
    for field, value in (values or {"heart_rate": 70.0}).items():
        made.vitals.signs.append(events_pb2.Sign.Value(f"SIGN_{field.upper()}"))
        made.vitals.values.append(value)
        made.vitals.quality.append(0)
    return made


def raw(n: int, device: str = "d1") -> events_pb2.RawObservation:
    """The n-th raw observation."""
    header = events_pb2.Header(event_id=raw_id(n), event_time_us=T0, device_id=device)
    return events_pb2.RawObservation(header=header)


def batch(observations: Iterable[events_pb2.Observation | events_pb2.RawObservation]) -> bytes:
    """An encoded batch."""
    made = events_pb2.TelemetryBatch()
    for one in observations:
        (made.raw if isinstance(one, events_pb2.RawObservation) else made.observations).append(one)
    return made.SerializeToString()


def contexts(patients: Mapping[str, str | None]) -> bytes:
    """The registry's answer: each device with the patient it is linked to, for ever, or with none."""
    answer = registry_pb2.GetContextsResponse(version="1")
    for device, patient in patients.items():
        said = answer.devices.add(device_id=device, known=True)
        if patient is not None:
            said.links.add().context.CopyFrom(context(patient))
    return answer.SerializeToString()


def context(patient: str) -> events_pb2.Context:
    """A patient's context."""
    made = events_pb2.Context(patient_id=patient, age_years=70, ward="ICU", conditions=["copd"])
    made.limits.add(sign=events_pb2.SIGN_HEART_RATE, high=120.0)
    return made
