"""Feature rows of single observations, made by the core's own normalizer and engine.

For callers that hold values rather than a topic's records: ScoreVitals. There is no second implementation of what a
value is worth, nor of the features; this builds a raw batch for `Normalizer.process`, an enriched one for
`Engine.begin`.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from vigil.core import Engine, Normalizer, derive_id, vocabulary
from vigil.pb import events_pb2 as pb

TOPIC, RAW = "telemetry.enriched", "telemetry.raw"
# An engine has rules, and rows do not depend on them: so that a rule file in trouble is no trouble of the rows.
_RULES = """
version = 1
[[rule]]
id = "unused"
kind = "limit"
sign = "heart_rate"
direction = "low"
alert_type = "unused"
message = "{value}"
delay_s = 0
hysteresis = 0
steps = [{ limit = 0, priority = "low" }]
"""


def rows_engine() -> Engine:
    """An engine for `feature_rows` alone."""
    return Engine(_RULES)


def unusable(values: Mapping[str, float], event_time_us: int) -> dict[str, int]:
    """Which of the finite `values` (canonical field → canonical unit) the normalizer keeps from the model, with bits of
    `Quality` that say why. A zero is judged by the other values, as live: a heart at 0 beside a SpO2 of 0 is none.
    """
    header = pb.Header(
        event_id=bytes(16), trace_id=bytes(16), event_time_us=event_time_us, ingest_time_us=event_time_us, device_id="-"
    )
    said = [pb.RawMeasurement(metric=field, value=repr(value), unit=_units()[field]) for field, value in values.items()]
    batch = pb.TelemetryBatch(raw=[pb.RawObservation(header=header, measurements=said)]).SerializeToString()
    (_, _, made), *_ = Normalizer().process(RAW, 0, [0], [batch], event_time_us).records
    vitals = pb.TelemetryBatch.FromString(made).observations[0].vitals
    judged = zip(vitals.signs, vitals.quality, strict=True)
    return {
        pb.Sign.Name(sign).removeprefix("SIGN_").lower(): quality
        for sign, quality in judged
        if quality & ~pb.QUALITY_CONVERTED
    }


@cache
def _units() -> dict[str, str]:
    return {str(sign["field"]): str(sign["unit"]) for sign in vocabulary()}


def enriched(
    values: Mapping[str, float],
    event_time_us: int,
    *,
    patient_id: str = "",
    age_years: int | None = None,
    sex: str = "unknown",
) -> pb.Observation:
    """An enriched observation of `values` (canonical field → canonical unit), all of valid quality."""
    name = patient_id.encode() or b"-"
    event_id = derive_id("observation", [name, event_time_us.to_bytes(8, "big", signed=True)])
    signs = [f"SIGN_{field.upper()}" for field in values]
    return pb.Observation(
        header=pb.Header(
            event_id=event_id,
            source_event_id=event_id,
            trace_id=event_id,
            event_type=pb.EVENT_TYPE_TELEMETRY_ENRICHED,
            version=1,
            event_time_us=event_time_us,
            ingest_time_us=event_time_us,
            process_time_us=event_time_us,
            device_id=f"device of {patient_id}",
            patient_id=patient_id,
        ),
        vitals=pb.Vitals(signs=signs, values=list(values.values()), quality=[0] * len(values)),
        context=pb.Context(patient_id=patient_id, age_years=age_years, sex=sex),
    )


def feature_rows(engine: Engine, observations: Sequence[pb.Observation]) -> bytes:
    """A feature row per observation, in their order, each of a patient without history. Raises `CoreError`.

    The observations must be of different patients and share one event time. Partition 0 of `engine` is for this alone:
    what it knew is forgotten. (An engine is kept because it takes ten times as long to make one as to ask it.)
    """
    engine.drop(0)
    engine.assign(0)
    batch = pb.TelemetryBatch(observations=observations).SerializeToString()
    return engine.begin(TOPIC, 0, [0], [batch], observations[0].header.event_time_us).features
