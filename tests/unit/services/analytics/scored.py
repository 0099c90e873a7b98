"""Scored batches for the tests of the analytics."""

from collections.abc import Iterable, Mapping

from vigil.pb import events_pb2 as pb

T0 = 1_767_258_000_000_000  # 2026-01-01T09:00:00Z
_count = iter(range(1, 1 << 60))


def scored(
    offset: int,
    values: Mapping[str, float] | None = None,
    *,
    patient: str = "patient-7",
    device: str = "monitor-12",
    ward: str = "C3",
    at_s: float = 0.0,
    flags: int = 0,
    quality: int = 0,
    model: str = "",
) -> pb.Observation:
    """One scored observation whose enriched record stood at `offset`, `at_s` seconds after T0."""
    values = {"heart_rate": 80.0} if values is None else values
    number = next(_count)
    return pb.Observation(
        header=pb.Header(
            event_id=number.to_bytes(16, "big"),
            source_event_id=(number + (1 << 64)).to_bytes(16, "big"),
            trace_id=bytes(range(16)),
            event_type=pb.EVENT_TYPE_TELEMETRY_SCORED,
            version=1,
            event_time_us=T0 + round(at_s * 1e6),
            ingest_time_us=T0 + round(at_s * 1e6) + 1000,
            device_id=device,
            patient_id=patient,
        ),
        vitals=pb.Vitals(
            signs=[pb.Sign.Value(f"SIGN_{name.upper()}") for name in values],
            values=list(values.values()),
            quality=[quality] * len(values),
        ),
        context=pb.Context(patient_id=patient, ward=ward) if patient else None,
        scores=pb.Scores(risk=0.1, source_offset=offset, model_version=model),
        flags=flags | (0 if patient else pb.OBSERVATION_FLAG_ORPHAN),
    )


def batch(observations: Iterable[pb.Observation]) -> bytes:
    """A record's value."""
    return pb.TelemetryBatch(observations=list(observations)).SerializeToString()
