"""One step of an episode as one line of its timeline."""

from collections.abc import Callable
from typing import Any

from vigil.explain.phrases import clock, evidence_text

Json = dict[str, Any]


def step_text(alert: Json) -> str:
    """What happened at this step; a cause of a newer version is named as it is."""
    if alert["phase"] == "suppressed":
        return f"nobody was told: {held_back_by(alert)}"
    cause = alert.get("cause")
    if alert["phase"] == "end":
        ending = _ENDS.get(cause or "condition")
        return ending(alert) if ending else f"over ({cause})"
    if cause is None:  # of a version that did not say why
        return _raised(alert) if alert["phase"] == "start" else f"changed: {alert['priority'].upper()}, {_what(alert)}"
    told = _STEPS.get(cause)
    return told(alert) if told else f"{cause}: {_what(alert)}"


def held_back_by(alert: Json) -> str:
    """Who or what kept the alarm from being told, why, and until when."""
    if alert.get("suppressed_by"):
        return f"the rule {alert['suppressed_by']} was alarming and says it all."
    if alert.get("actor"):
        until = f"until {clock(alert['until'])}" if alert.get("until") else "until it is resumed"
        return f"{alert['actor']} paused it {until}{_because(alert)}."
    return f"suppressed{_because(alert)}."


def _because(alert: Json) -> str:
    return f" ({alert['reason']})" if alert.get("reason") else ""


def _what(alert: Json) -> str:
    evidence = [evidence_text(e) for e in alert["condition"]["evidence"]]
    warning = alert["condition"].get("early_warning")
    if warning:
        evidence.insert(0, f"{warning['name'].upper()} {warning['total']}")
    return "; ".join(evidence) or alert["message"]


def _raised(alert: Json) -> str:
    told = f"; told {alert['escalate_to']}" if alert.get("escalate_to") else ""
    return f"raised as {alert['priority'].upper()}: {_what(alert)}{told}"


def _resumed(alert: Json) -> str:
    return f"{_raised(alert)} (its suppression ended)"


def _acknowledged(alert: Json) -> str:
    return f"acknowledged by {alert.get('actor') or 'somebody'}{_because(alert)}: the signal stops, the condition stays"


def _escalated(alert: Json) -> str:
    who = alert.get("escalate_to") or "no one named"
    return f"nobody had acknowledged it: told {who} (level {alert.get('escalation_level') or '?'})"


def _ended(alert: Json) -> str:
    values = [evidence_text(e) for e in alert["condition"]["evidence"]]
    return "over: the condition has cleared" + (f" ({'; '.join(values)})" if values else "")


_STEPS: dict[str, Callable[[Json], str]] = {
    "condition": _raised,
    "resumed": _resumed,
    "worse": lambda a: f"worse, {a['priority'].upper()} now: {_what(a)}",
    "better": lambda a: f"less urgent, {a['priority'].upper()} now: {_what(a)}",
    "latched": lambda _: "the condition has cleared; the signal stays until someone acts",
    "returned": lambda a: f"the condition is there again: {_what(a)}",
    "acknowledged": _acknowledged,
    "re_alarm": lambda a: f"sounds again, the condition is still there: {_what(a)}",
    "escalated": _escalated,
    "stale": lambda _: "the signal went missing; the alarm holds",
    "fresh": lambda a: f"the signal is back: {_what(a)}",
    "paused": lambda a: f"the signal was paused: {held_back_by(a)}",
}
_ENDS: dict[str, Callable[[Json], str]] = {
    "condition": _ended,
    "acknowledged": lambda a: f"over: {a.get('actor') or 'somebody'} acknowledged it after it had cleared{_because(a)}",
    "rule_withdrawn": lambda _: "over: the rule set no longer has the rule",
}
