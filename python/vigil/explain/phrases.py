"""Values, limits and durations as people say them. Shared by explanations and notifications."""

from datetime import UTC, datetime
from typing import Any

_LABELS = {
    "risk": "model's risk of deterioration",
    "anomaly": "model's anomaly score",
    "news2": "NEWS2",
    "mews": "MEWS",
    "qsofa": "qSOFA",
    "sirs": "SIRS",
    "pews": "PEWS",
    "spo2": "SpO2",
    "etco2": "EtCO2",
    "fio2": "FiO2",
    "o2_flow": "O2 flow",
    "gcs": "GCS",
    "systolic": "systolic pressure",
    "diastolic": "diastolic pressure",
    "art_systolic": "arterial systolic pressure",
    "art_diastolic": "arterial diastolic pressure",
    "art_mean": "arterial mean pressure",
}
_UNITS = {"mm[Hg]": "mmHg", "Cel": "°C", "{score}": "", "{ACVPU}": ""}
COMPARISONS = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
_ACVPU = "ACVPU"


def sign_label(name: str) -> str:
    """A sign, or a column of the model, as a person says it."""
    if name.startswith("anomaly_"):
        return f"model's anomaly score of {sign_label(name.removeprefix('anomaly_'))}"
    return _LABELS.get(name, name.replace("_", " "))


def with_unit(value: float | str, unit: str | None) -> str:
    """A value with its unit; `unit` is UCUM."""
    shown = _UNITS.get(unit or "", unit or "")
    text = f"{value:.6g}" if isinstance(value, int | float) else str(value)
    return f"{text}{'' if shown == '%' else ' '}{shown}".rstrip()


def reading(
    sign: str, value: float | str, unit: str | None, comparison: str | None, limit: float | str, source: str | None
) -> str:
    """`heart rate 182 /min above the patient's limit 150 /min`."""
    label = sign_label(sign)
    if sign == "consciousness" and isinstance(value, int | float) and 0 <= value < len(_ACVPU) and value == int(value):
        return f"{label} {_ACVPU[int(value)]}"
    text = f"{label} {with_unit(value, unit)}"
    if comparison:
        whose = "the patient's " if source == "patient" else ""
        text += f" {COMPARISONS.get(comparison, comparison)} {whose}limit {with_unit(limit, unit)}"
    return text


def evidence_text(evidence: dict[str, Any]) -> str:
    """One piece of evidence in its JSON form."""
    return evidence_words(
        evidence["sign"],
        evidence["value"],
        evidence["unit"],
        evidence["comparison"],
        evidence["limit"],
        evidence["limit_source"],
        about=evidence.get("about") or "",
        window_s=evidence.get("window_s"),
        reference=evidence.get("reference"),
    )


def evidence_words(
    sign: str, value: float, unit: str | None, comparison: str | None, limit: float, source: str | None, *,
    about: str = "", window_s: float | None = None, reference: float | None = None,
) -> str:  # fmt: skip
    """A condition that holds: a value; a mean, with what it is over; a trend, with what it came from and how fast.

    `mean of SpO2 over 30 s 84% below limit 85%`,
    `SpO2 84% below limit 90% (13% down from 97% within 3 min)`.
    """
    if about and not comparison:
        return f"rule {about} alarming"
    if window_s and reference is None:
        sign = f"mean of {sign_label(sign)} over {duration(window_s)}"
    text = reading(about or sign, value, unit, comparison, limit, source)
    if window_s and reference is not None:
        way = "down" if value < reference else "up"
        change = with_unit(round(abs(value - reference), 6), unit)
        text += f" ({change} {way} from {with_unit(reference, unit)} within {duration(window_s)})"
    return text


def duration(seconds: float) -> str:
    """`6 ms`, `10 s`, `2 min`, `1 h 5 min`, `3 d 2 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def clock(text: str | None) -> str:
    """A time of an event's JSON form, to the second: `2026-01-01 09:00:00 UTC`."""
    if not text:
        return "at an unknown time"
    return f"{text[:19].replace('T', ' ')} UTC" if text[-1:] == "Z" else text


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """From one time of an event's JSON form to another; None where one is missing or beyond the calendar."""
    try:
        moments = [datetime.fromisoformat(text).astimezone(UTC) for text in (earlier, later) if text]
    except ValueError:
        return None
    return (moments[1] - moments[0]).total_seconds() if len(moments) == 2 else None
