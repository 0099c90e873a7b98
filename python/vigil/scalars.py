"""Scalars of events as people and JSON see them: ids, times, numbers, and the names behind enum numbers."""

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from vigil import core
from vigil.pb import events_pb2 as pb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_text(raw: bytes) -> str | None:
    """A UUID's text; None when empty; plain hex when it is not 16 bytes."""
    if not raw:
        return None
    return str(UUID(bytes=raw)) if len(raw) == 16 else raw.hex()


def time_text(microseconds: int) -> str | None:
    """ISO 8601 UTC with microseconds; None for 0 (absent). Beyond year 9999 the number itself, marked."""
    if microseconds == 0:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"out of range: {microseconds} us"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment.year >= 1000 else moment.isoformat()


def number(value: float) -> float | str:
    """A double as JSON can hold it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def float32(value: float) -> float | str:
    """A float's shortest decimal form: 0.1, not 0.10000000149."""
    return float(f"{value:.7g}") if math.isfinite(value) else number(value)


def enum_name(enum: EnumTypeWrapper, value: int, prefix: str) -> str:
    """The lower-case name without its prefix; `unknown_<n>` for a number this version does not know."""
    found = enum.DESCRIPTOR.values_by_number.get(value)
    return found.name.removeprefix(prefix).lower() if found else f"unknown_{value}"


def sign_name(sign: int) -> str:
    """The canonical field name of a sign."""
    return enum_name(pb.Sign, sign, "SIGN_")


def priority_name(priority: int) -> str:
    """low, medium, high."""
    return enum_name(pb.Priority, priority, "PRIORITY_")


def severity_name(severity: int) -> str:
    """low, medium, high, critical."""
    return enum_name(pb.Severity, severity, "SEVERITY_")


def phase_name(phase: int) -> str:
    """start, update, end, suppressed."""
    return enum_name(pb.AlertPhase, phase, "ALERT_PHASE_")


def _said(enum: EnumTypeWrapper, value: int, prefix: str) -> str | None:
    return enum_name(enum, value, prefix) if value else None


def cause_name(cause: int) -> str | None:
    """Why an alert was written: condition, worse, acknowledged …; None where it does not say."""
    return _said(pb.AlertCause, cause, "ALERT_CAUSE_")


def presence_name(presence: int) -> str | None:
    """Of the alarm's signal: on, latched, acknowledged, off; None where it does not say."""
    return _said(pb.AlarmPresence, presence, "ALARM_PRESENCE_")


def activation_name(activation: int) -> str | None:
    """Of the alarm: on, paused, off; None where it does not say."""
    return _said(pb.AlarmActivation, activation, "ALARM_ACTIVATION_")


def kind_name(kind: int) -> str:
    """physiological, technical."""
    return enum_name(pb.AlertKind, kind, "ALERT_KIND_")


@cache
def _units() -> dict[str, str]:
    return {str(entry["field"]): str(entry["unit"]) for entry in core.vocabulary()}


def sign_unit(sign: int) -> str | None:
    """The canonical unit of a sign, UCUM."""
    return _units().get(sign_name(sign))


def _bits(enum: EnumTypeWrapper, bits: int, prefix: str) -> list[str]:
    """The names of the bits that are set, lowest first; an unknown bit keeps its number."""
    return [enum_name(enum, 1 << i, prefix) for i in range(bits.bit_length()) if bits >> i & 1]


def quality_names(bits: int) -> list[str]:
    """`["valid"]`, or what was noticed about the value."""
    return _bits(pb.Quality, bits, "QUALITY_") or ["valid"]


def flag_names(bits: int) -> list[str]:
    """What was noticed about the observation; empty when nothing."""
    return _bits(pb.ObservationFlag, bits, "OBSERVATION_FLAG_")


def optional(message: Message, name: str) -> Any:
    """A field with presence: its value, or None when it is absent."""
    if not message.HasField(name):
        return None
    value = getattr(message, name)
    return number(value) if isinstance(value, float) else value
