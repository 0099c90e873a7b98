"""What a notification says: one clear sentence with sign, value, unit, limit, time and place. No names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vigil.explain.phrases import duration, evidence_words
from vigil.pb import events_pb2 as pb
from vigil.scalars import kind_name, priority_name, sign_name, sign_unit, time_text

_LINES_MAX = 200
_WORDS = {"escalation": "ESCALATED to ", "re_alarm": "Sounding again: ", "returned": "Returned: "}
_BODIES = {
    "re_alarm": " Sounding again: the condition is still there.",
    "returned": " The condition had cleared and is there again.",
}
_ENDED = {
    pb.ALERT_CAUSE_ACKNOWLEDGED: " It had cleared and was acknowledged.",
    pb.ALERT_CAUSE_RULE_WITHDRAWN: " The rule set no longer has its rule.",
}


@dataclass(frozen=True)
class Text:
    """A notification's title (one line) and body."""

    title: str
    body: str


def clean(text: str, length: int = 300) -> str:
    """Text from outside on one line without control characters, so that it cannot forge lines or headers."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+", " ", text).strip()[:length]


def alarm_text(alert: pb.AlertEvent, kind: str, unanswered_s: float | None = None) -> Text:
    """The text of an alarm, what came of it, or its resolution (`kind`).

    `unanswered_s` is how long nobody has acknowledged it, where that is known."""
    what = _what(alert)
    place = _place(alert)
    times = alert.condition
    if kind == "resolved":
        since = _clock(times.raised_time_us or times.onset_time_us)
        ended = _clock(times.end_time_us or alert.header.event_time_us)
        title = f"RESOLVED: {_name(alert)}, {place}"
        because = _ENDED.get(alert.cause, "")
        return Text(title, f"{title}. Ended {ended}, raised {since}.{because}{_source(alert)}")
    waited = f"ot acknowledged for {duration(unanswered_s)}" if unanswered_s else "ot acknowledged"
    word = f"N{waited}: " if kind == "unacknowledged" else _WORDS.get(kind, "")
    critical = ", critical" if alert.severity == pb.SEVERITY_CRITICAL else ""
    title = f"{word}{priority_name(alert.priority).upper()}{critical}: {what}, {place}"
    body = f"{title}. Observed {_clock(_observed_us(alert))}{_held(alert)}."
    if kind == "unacknowledged":
        body += f" N{waited}: level {alert.escalation_level}, {clean(alert.escalate_to) or 'no one named'}."
    body += _BODIES.get(kind, "")
    if alert.cause == pb.ALERT_CAUSE_RESUMED:
        body += " It was suppressed until now."
    if times.stale:
        body += " The signal is missing now; the alarm holds."
    return Text(title, body + _source(alert))


def digest_text(who: str, titles: Sequence[str], priority: int) -> Text:
    """One message for several notifications that were held back together."""
    title = f"{priority_name(priority).upper()}: {len(titles)} grouped notifications, {clean(who)}"
    lines = [f"- {text}" for text in titles[:_LINES_MAX]]
    if len(titles) > _LINES_MAX:
        lines.append(f"- and {len(titles) - _LINES_MAX} more, each under /notifications?groupId=…")
    return Text(title, "\n".join([f"{title}:", *lines]))


def _what(alert: pb.AlertEvent) -> str:
    evidence = [_evidence(e) for e in alert.condition.evidence]
    early = alert.condition.early_warning
    if alert.condition.HasField("early_warning"):
        partial = " (partial: inputs missing)" if early.partial else ""
        evidence.insert(0, f"{early.name.upper()} {early.total}{partial}, {early.risk or 'unknown'} risk")
    if alert.kind == pb.ALERT_KIND_TECHNICAL or not evidence:
        kind = f"{kind_name(alert.kind)} alarm: " if alert.kind else ""
        evidence.insert(0, kind + (clean(alert.message) or _name(alert)))
    return "; ".join(evidence)


def _evidence(e: pb.Evidence) -> str:
    return evidence_words(
        sign_name(e.sign),
        e.value,
        sign_unit(e.sign),
        e.comparison,
        e.limit,
        e.limit_source,
        about=clean(e.about),
        window_s=e.window_us / 1e6,
        reference=e.reference if e.HasField("reference") else None,
    )


def _name(alert: pb.AlertEvent) -> str:
    return clean(alert.alert_type).replace("_", " ") or "alarm"


def _place(alert: pb.AlertEvent) -> str:
    parts = [
        f"{label} {clean(text)}" for label, text in (("bed", alert.context.bed), ("ward", alert.context.ward)) if text
    ]
    return ", ".join(parts) or "place unknown"


def _source(alert: pb.AlertEvent) -> str:
    patient = clean(alert.header.patient_id or alert.context.patient_id)
    device = clean(alert.header.device_id)
    if not patient:
        return f" Device {device}, no patient linked."
    return f" Patient {patient}, device {device}."


def _observed_us(alert: pb.AlertEvent) -> int:
    return max((e.event_time_us for e in alert.condition.evidence), default=0) or alert.header.event_time_us


def _held(alert: pb.AlertEvent) -> str:
    onset, seen = alert.condition.onset_time_us, _observed_us(alert)
    seconds = (seen - onset) / 1e6
    return f", for {seconds:.0f} s" if onset and seconds >= 1 else ""


def _clock(microseconds: int) -> str:
    text = time_text(microseconds)
    return f"{text[:19].replace('T', ' ')} UTC" if text else "at an unknown time"
