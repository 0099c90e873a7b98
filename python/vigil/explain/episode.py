"""An alarm episode in words: which rule, which values and limits, what was held back, and why it fired when it did.

It reads the alerts' JSON form (`vigil.events.alert`), so a stored episode, one in the log and one in a replay's
`alerts.jsonl` are explained alike. What an older alert does not say is left out, never guessed.
"""

from collections.abc import Sequence
from typing import Any

from vigil.explain.phrases import clock, duration, evidence_text, seconds_between, sign_label
from vigil.explain.steps import held_back_by, step_text

Json = dict[str, Any]
_LATE_S = 0.5


def explain_episode(alerts: Sequence[Json]) -> Json:
    """The explanation of one episode from its alerts, in any order; camelCase, made of sentences.

    Raises `ValueError` without alerts, or with those of several episodes."""
    steps = sorted({a["event_id"]: a for a in alerts}.values(), key=lambda a: a["step"])
    if len({a["episode_id"] for a in steps}) != 1:
        raise ValueError("the alerts of one episode are wanted")
    first = next((a for a in steps if a["phase"] == "start"), steps[0])
    last = steps[-1]
    context = last.get("context") or first.get("context") or {}
    return {
        "episodeId": first["episode_id"],
        "alertType": first["alert_type"],
        "kind": first["kind"],
        "patientId": first["patient_id"],
        "deviceId": first["device_id"],
        "ward": context.get("ward"),
        "bed": context.get("bed"),
        "rule": {
            "id": first["rule_id"],
            "version": first["rule_set_version"],
            "text": next((a["rule_text"] for a in steps if a.get("rule_text")), None),
        },
        "summary": _summary(steps, first, last),
        "why": _why(first),
        "heldBack": _held_back(steps, first),
        "whyNow": _why_now(steps, first),
        "timeline": [_entry(a) for a in steps],
    }


def _summary(steps: Sequence[Json], first: Json, last: Json) -> str:
    who = f"patient {first['patient_id']}" if first["patient_id"] else f"device {first['device_id']}, no patient linked"
    what = f"{first['priority'].upper()} {first['kind']} alarm {first['alert_type']} of {who}"
    if all(a["phase"] == "suppressed" for a in steps):
        return f"{what}: nobody was told."
    raised = f"raised {clock(first['condition']['raised_time'] or first['event_time'])}"
    if last["phase"] == "end":
        return f"{what}: {raised}, over since {clock(last['event_time'])}."
    standing = {
        "latched": "the condition is gone, the signal stays until someone acts",
        "acknowledged": "still there, acknowledged",
    }
    return f"{what}: {raised}, {standing.get(last.get('presence') or '', 'still there')}."


def _why(first: Json) -> list[str]:
    condition = first["condition"]
    said = [f"{evidence_text(e)}, observed {clock(e['event_time'])}" for e in condition["evidence"]]
    warning = condition.get("early_warning")
    if warning:
        said.insert(0, _score(warning))
    return said or [first["message"]]


def _score(warning: Json) -> str:
    parts = [
        f"{sign_label(sign)} {sub['points']}" + (f" (value {duration(sub['age_s'])} old)" if sub["age_s"] >= 1 else "")
        for sign, sub in warning["subscores"].items()
        if sub["points"]
    ]
    text = f"{warning['name'].upper()} {warning['total']}, {warning['risk'] or 'unknown'} risk"
    if parts:
        text += f": {', '.join(parts)}"
    if warning["missing"]:
        missing = ", ".join(sign_label(sign) for sign in warning["missing"])
        text += f"; missing: {missing}, so the total is a lower bound"
    return text


def _held_back(steps: Sequence[Json], first: Json) -> list[str]:
    said = []
    condition = first["condition"]
    if condition["condition_delay_s"]:
        began = f", which it first was at {clock(condition['onset_time'])}" if condition["onset_time"] else ""
        said.append(
            f"The rule waits until the condition has held for {duration(condition['condition_delay_s'])}{began}."
        )
    said += [held_back_by(a) for a in steps if a["phase"] == "suppressed" or a.get("cause") == "paused"]
    return said


def _why_now(steps: Sequence[Json], first: Json) -> list[str]:
    condition = first["condition"]
    if first["phase"] == "suppressed":
        return ["It was never raised: the condition cleared, or is still suppressed."]
    said = []
    held = seconds_between(condition["onset_time"], condition["raised_time"])
    delay = condition["condition_delay_s"]
    if first.get("cause") == "resumed":
        said.append(
            f"The suppression ended at {clock(first['event_time'])} and the condition was still there"
            + (f", {duration(held)} after it began." if held else ".")
        )
    elif held is not None and delay:
        late = held - delay
        more = f" It was {duration(late)} more until the next observation that showed it." if late > _LATE_S else ""
        said.append(f"At {clock(condition['raised_time'])} it had held for {duration(held)}.{more}")
    elif held is not None:
        said.append("The rule has no delay: the first observation that met the condition raised it.")
    if condition.get("signal_delay_s"):
        said.append(
            f"The alert was written {duration(condition['signal_delay_s'])} after its cause had reached the gateway."
        )
    if first["phase"] != "start":
        said.append(f"Its beginning is not known here: the earliest step is number {steps[0]['step']}.")
    return said


def _entry(alert: Json) -> Json:
    return {
        "at": alert["event_time"],
        "step": alert["step"],
        "eventId": alert["event_id"],
        "phase": alert["phase"],
        "cause": alert.get("cause"),
        "priority": alert["priority"],
        "text": step_text(alert),
    }
