"""The head of an observation as enrichment writes it."""

from vigil.pb import events_pb2 as pb


def header(event_id: bytes, at_us: int, device_id: str, patient_id: str) -> pb.Header:
    """Measured, received and enriched at the same moment."""
    return pb.Header(
        event_id=event_id,
        source_event_id=bytes(15) + b"1",
        trace_id=bytes(15) + b"1",
        event_type=pb.EVENT_TYPE_TELEMETRY_ENRICHED,
        version=1,
        event_time_us=at_us,
        ingest_time_us=at_us,
        process_time_us=at_us,
        device_id=device_id,
        patient_id=patient_id,
    )
