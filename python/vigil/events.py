"""Every event in its JSON form: what `vigil tail`, the REST edges and docs/events.md show.

Topics carry protobuf; this is the one place that turns it into plain dicts. Ids become UUID text, trace ids
hex, times ISO 8601 UTC with microseconds, enums their lower-case names without the prefix, vital signs
`{sign: {value, unit, quality}}`. What is absent is `null`, never 0; numbers JSON cannot hold are their names
as text ("NaN", "Infinity"), as in protobuf's own JSON form. Off the hot path by design.
"""

import base64
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.message import DecodeError, Message

from vigil import topology
from vigil.pb import events_pb2 as pb
from vigil.scalars import (
    activation_name,
    cause_name,
    enum_name,
    flag_names,
    float32,
    id_text,
    kind_name,
    number,
    optional,
    phase_name,
    presence_name,
    priority_name,
    quality_names,
    severity_name,
    sign_name,
    sign_unit,
    time_text,
)

Json = dict[str, Any]


class EventError(ValueError):
    """The topic carries no events, or the bytes are not the message it carries."""


def to_json(topic: str, value: bytes) -> list[Json]:
    """The events of one record's value, in order. Raises `EventError`."""
    if topic not in _TOPICS:
        raise EventError(f"'{topic}' is no topic of the pipeline")
    message_type, convert = _TOPICS[topic]
    message = message_type()
    try:
        message.ParseFromString(value)
    except DecodeError as error:
        raise EventError(f"a record of {topic} is not a {message_type.DESCRIPTOR.name}: {error}") from error
    return list(convert(message))


def header(message: pb.Header) -> Json:
    """The fields common to every event."""
    return {
        "event_id": id_text(message.event_id),
        "source_event_id": id_text(message.source_event_id),
        "trace_id": message.trace_id.hex() or None,
        "event_type": enum_name(pb.EventType, message.event_type, "EVENT_TYPE_"),
        "version": message.version,
        "event_time": time_text(message.event_time_us),
        "ingest_time": time_text(message.ingest_time_us),
        "process_time": time_text(message.process_time_us),
        "device_id": message.device_id or None,
        "patient_id": message.patient_id or None,
    }


def raw_observation(message: pb.RawObservation) -> Json:
    """What the device said, verbatim: values are text."""
    return header(message.header) | {
        "timestamp": message.timestamp or None,
        "sequence": optional(message, "sequence"),
        "device_type": message.device_type or None,
        "battery_percent": optional(message, "battery_percent"),
        "firmware": message.firmware or None,
        "metadata": dict(sorted(message.metadata.items())),
        "measurements": [
            {
                "metric": m.metric,
                "value": m.value or None,
                "unit": m.unit or None,
                "measurement_time": time_text(m.measurement_time_us),
            }
            for m in message.measurements
        ],
    }


def vitals(message: pb.Vitals) -> Json:
    """`{sign: {value, unit, quality}}`; a sign that occurs again is kept as `sign#2`."""
    out: Json = {}
    for i, (sign, value) in enumerate(zip(message.signs, message.values, strict=False)):
        name = sign_name(sign)
        key, again = name, 2
        while key in out:
            key, again = f"{name}#{again}", again + 1
        bits = message.quality[i] if i < len(message.quality) else 0
        out[key] = {"value": number(value), "unit": sign_unit(sign), "quality": quality_names(bits)}
    return out


def context(message: pb.Context) -> Json:
    """The patient's profile and limits."""
    return {
        "patient_id": message.patient_id or None,
        "age_years": optional(message, "age_years"),
        "sex": message.sex or None,
        "conditions": list(message.conditions),
        "pregnant": message.pregnant,
        "spo2_scale": message.spo2_scale or 1,
        "ward": message.ward or None,
        "bed": message.bed or None,
        "baseline": {sign_name(b.sign): number(b.value) for b in message.baseline},
        "threshold_profile": {
            "id": message.threshold_profile_id or None,
            "version": message.threshold_profile_version,
            "limits": {sign_name(limit.sign): _limit(limit) for limit in message.limits},
        },
    }


def _limit(message: pb.Limit) -> Json:
    return {name: optional(message, name) for name in ("low", "high", "critical_low", "critical_high")}


def early_warning(message: pb.EarlyWarning) -> Json:
    """An early-warning score with its parts and what it could not use."""
    return {
        "name": message.name,
        "total": message.total,
        "partial": message.partial,
        "single_three": message.single_three,
        "risk": message.risk or None,
        "subscores": {
            sign_name(s.sign): {"points": s.points, "age_s": round(s.age_us / 1e6, 6)} for s in message.subscores
        },
        "missing": [sign_name(sign) for sign in message.missing],
    }


def scores(message: pb.Scores) -> Json:
    """Model and early-warning scores. A score that is not available is null, never 0."""
    return {
        "risk": float32(message.risk) if message.HasField("risk") else None,
        "anomaly": float32(message.anomaly) if message.HasField("anomaly") else None,
        "anomaly_by_sign": {
            sign_name(sign): float32(value)
            for sign, value in zip(message.anomaly_signs, message.anomaly_values, strict=False)
        },
        "severity": severity_name(message.severity),
        "early_warnings": [early_warning(w) for w in message.early_warnings],
        "model_version": message.model_version or None,
        "rule_set_version": message.rule_set_version or None,
        "source_offset": message.source_offset,
    }


def observation(message: pb.Observation) -> Json:
    """An observation after normalisation, with context and scores as far as it has come."""
    body = message.vitals
    out = header(message.header) | {
        "vitals": vitals(body),
        "unmapped": [{"metric": u.metric, "value": u.value, "unit": u.unit or None} for u in body.unmapped],
        "issues": [{"field": i.field, "code": i.code, "original": i.original} for i in body.issues],
        "flags": flag_names(body.flags | message.flags | message.scores.flags),
        "sequence": optional(body, "sequence"),
        "device_type": body.device_type or None,
        "battery_percent": optional(body, "battery_percent"),
        "firmware": body.firmware or None,
    }
    if message.HasField("context"):
        out["context"] = context(message.context)
    if message.HasField("scores"):
        out["scores"] = scores(message.scores)
    return out


def condition(message: pb.Condition) -> Json:
    """Why and since when: onset, configured delay, and the evidence that fired the alarm."""
    return {
        "onset_time": time_text(message.onset_time_us),
        "raised_time": time_text(message.raised_time_us),
        "end_time": time_text(message.end_time_us),
        "condition_delay_s": round(message.condition_delay_us / 1e6, 6),
        "signal_delay_s": round(message.signal_delay_us / 1e6, 6),
        "stale": message.stale,
        "evidence": [
            {
                "sign": sign_name(e.sign),
                "about": e.about or None,
                "value": number(e.value),
                "unit": sign_unit(e.sign),
                "comparison": e.comparison or None,
                "limit": number(e.limit),
                "limit_source": e.limit_source or None,
                "reference": number(e.reference) if e.HasField("reference") else None,
                "window_s": round(e.window_us / 1e6, 6) if e.window_us else None,
                "event_time": time_text(e.event_time_us),
                "event_id": id_text(e.event_id),
            }
            for e in message.evidence
        ],
        "early_warning": early_warning(message.early_warning) if message.HasField("early_warning") else None,
    }


def alert(message: pb.AlertEvent) -> Json:
    """One step of an alarm episode."""
    return header(message.header) | {
        "alert_type": message.alert_type,
        "kind": kind_name(message.kind),
        "priority": priority_name(message.priority),
        "severity": severity_name(message.severity),
        "phase": phase_name(message.phase),
        "cause": cause_name(message.cause),
        "presence": presence_name(message.presence),
        "activation": activation_name(message.activation),
        "step": message.step,
        "episode_id": id_text(message.episode_id),
        "rule_id": message.rule_id,
        "rule_set_version": message.rule_set_version or None,
        "rule_text": message.rule_text or None,
        "message": message.message,
        "actor": message.actor or None,
        "reason": message.reason or None,
        "until": time_text(message.until_us),
        "suppressed_by": message.suppressed_by or None,
        "escalation_level": message.escalation_level,
        "escalate_to": message.escalate_to or None,
        "flags": flag_names(message.flags),
        "condition": condition(message.condition),
        "context": context(message.context) if message.HasField("context") else None,
    }


def control(message: pb.Control) -> Json:
    """What people and the clock do to alarms."""
    return {
        "event_id": id_text(message.event_id),
        "event_type": "control",
        "action": enum_name(pb.ControlAction, message.action, "CONTROL_ACTION_"),
        "time": time_text(message.time_us),
        "patient_id": message.patient_id or None,
        "device_id": message.device_id or None,
        "episode_id": id_text(message.episode_id),
        "rule_id": message.rule_id or None,
        "until": time_text(message.until_us),
        "actor": message.actor or None,
        "reason": message.reason or None,
        "component": message.component or None,
        "reporter": message.reporter or None,
    }


def dead_letter(message: pb.DeadLetter) -> Json:
    """Input that could not be processed; its original bytes as base64."""
    return {
        "event_id": id_text(message.event_id),
        "stage": message.stage,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "error_code": message.error_code,
        "error_message": message.error_message,
        "field": message.field or None,
        "time": time_text(message.time_us),
        "observations": message.observations,
        "original_base64": base64.b64encode(message.original).decode(),
    }


def registry_change(message: pb.RegistryChange) -> Json:
    """What must be looked up again."""
    return header(message.header) | {
        "entity": enum_name(pb.RegistryEntity, message.entity, "REGISTRY_ENTITY_"),
        "patient_id": message.patient_id or None,
        "device_ids": list(message.device_ids),
    }


def _batch(message: pb.TelemetryBatch) -> Iterable[Json]:
    yield from map(raw_observation, message.raw)
    yield from map(observation, message.observations)
    yield from map(control, message.controls)


_TOPICS: dict[str, tuple[type[Message], Callable[[Any], Iterable[Json]]]] = {
    topology.RAW: (pb.TelemetryBatch, _batch),
    topology.NORMALIZED: (pb.TelemetryBatch, _batch),
    topology.ENRICHED: (pb.TelemetryBatch, _batch),
    topology.SCORED: (pb.TelemetryBatch, _batch),
    topology.ALERTS: (pb.AlertEvent, lambda message: [alert(message)]),
    topology.DEAD_LETTER: (pb.DeadLetter, lambda message: [dead_letter(message)]),
    topology.REGISTRY_CHANGES: (pb.RegistryChange, lambda message: [registry_change(message)]),
}
