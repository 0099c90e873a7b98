"""How every rule stands for a patient at a moment, in words: the answer to "why did it not alarm"."""

from collections.abc import Sequence
from typing import Any

from vigil.explain.phrases import COMPARISONS, clock, duration, sign_label, with_unit
from vigil.scalars import time_text

Json = dict[str, Any]
_ORDER = ("alarming", "suppressed", "pending", "clear", "no_score", "no_data", "disconnected", "not_applicable")
TITLES = {
    "alarming": "Alarming",
    "suppressed": "Met, and nobody is told",
    "pending": "Met, and still waiting",
    "clear": "Not met",
    "no_score": "Not known: no score",
    "no_data": "Not evaluated: no data",
    "disconnected": "Not evaluated: the signal is missing",
    "not_applicable": "Does not apply to this patient",
}


def standing_lines(standing: Json, notes: Sequence[str], rule: str | None = None) -> list[str]:
    """The engine's answer as lines; `notes` say how far it can be trusted, `rule` shows only rules of this name."""
    who = f"patient {standing['patient_id']}" if standing["patient_id"] else f"device {standing['device_id']}"
    lines = [f"How every rule stood for {who} at {_at(standing['at_us'])}", *(f"  {note}" for note in notes)]
    lines += [f"  {pause_text(pause)}" for pause in standing["pauses"]]
    shown = [r for r in standing["rules"] if rule is None or r["id"] == rule or r["id"].startswith(f"{rule}/")]
    states = [*_ORDER, *sorted({r["state"] for r in shown} - set(_ORDER))]
    for state in states:
        of_state = [r for r in shown if r["state"] == state]
        if of_state:
            lines += ["", TITLES.get(state, state), *(f"  {r['id']}: {rule_text(r)}" for r in of_state)]
    return lines


def rule_text(rule: Json) -> str:
    """Why this rule stands as it does."""
    match rule["state"]:
        case "not_applicable":
            return _left_out(rule)
        case "no_score":
            return f"the model gave no score for it, which is not a low one; {_limits(rule)}"
        case "no_data":
            missing = ", ".join(sign_label(sign) for sign in rule["missing"])
            return f"nothing usable was heard of {missing}" if missing else "what it looks at was never heard"
        case "disconnected":
            return f"{', '.join(map(sign_label, rule['disconnected']))} is disconnected or silent; {_inputs(rule)}"
        case "alarming":
            return f"{(rule['priority'] or '').upper()} since {_at(rule['raised_us'])}{_signal(rule)}; {_inputs(rule)}"
        case "suppressed":
            return f"{_held_back(rule)}; {_inputs(rule)}"
        case "pending":
            return "; ".join([*(_waiting(step) for step in rule["steps"] if step["since_us"]), _inputs(rule)])
        case _:
            return "; ".join(filter(None, (_inputs(rule), _conditions(rule), _limits(rule))))


def pause_text(pause: Json) -> str:
    """Who paused what, why, and until when."""
    what = f"The rule {pause['rule_id']} was" if pause["rule_id"] else "All alarms were"
    until = f"until {_at(pause['until_us'])}" if pause["until_us"] else "until somebody resumes them"
    because = f" ({pause['reason']})" if pause["reason"] else ""
    return f"{what} {pause['activation']} by {pause['actor'] or 'somebody'} {until}{because}."


def _signal(rule: Json) -> str:
    said = {"acknowledged": ", acknowledged", "latched": ", latched: the condition has cleared"}
    text = said.get(rule["presence"], "") + (", stale: its signal is missing" if rule["stale"] else "")
    return text + (f" ({pause_text(rule['paused'])[:-1]})" if rule["paused"] else "")


def _held_back(rule: Json) -> str:
    if rule["suppressed_by"]:
        return f"suppressed by {', '.join(rule['suppressed_by'])}, which says it all"
    return pause_text(rule["paused"])[:-1] if rule["paused"] else "kept back"


def _waiting(step: Json) -> str:
    left = max(step["delay_us"] - step["held_us"], 0) / 1e6
    to_go = f"{duration(left)} to go" if left else "due at the next observation"
    held, delay = duration(step["held_us"] / 1e6), duration(step["delay_us"] / 1e6)
    return f"{step['priority'].upper()} has held for {held} of {delay}, {to_go}"


def _left_out(rule: Json) -> str:
    if rule["excluded_by"] == "device_types":
        types = " or ".join(name.replace("_", " ") for name in rule["device_types"])
        return f"it only looks at what a {types} sends, and none was heard"
    return f"its population leaves the patient out by {rule['excluded_by'].replace('_', ' ')}"


def _compared(compared: Json) -> str:
    """What is compared in place of the last value."""
    value = with_unit(compared["value"], compared["unit"])
    if compared["what"] == "score":
        return f"the model's score {value}"
    sign, within = sign_label(compared["name"]), duration(compared["window_us"] / 1e6)
    if compared["what"] == "mean":
        return f"mean of {sign} {value} over {within}"
    return f"{sign} {compared['what']} of {value} from {compared['reference']:.6g} within {within}"


def _inputs(rule: Json) -> str:
    said = [_compared(rule["compared"])] if rule["compared"] else []
    said += [
        f"{sign_label(i['name'])} {with_unit(i['value'], i['unit'])} ({duration(i['age_us'] / 1e6)} old)"
        for i in rule["inputs"]
    ]
    score = rule["score"]
    if score:
        partial = f", a lower bound: {', '.join(map(sign_label, score['missing']))} missing" if score["missing"] else ""
        said.insert(0, f"{score['name'].upper()} {score['total']:g}{partial}")
    return ", ".join(said) or "no value"


def _conditions(rule: Json) -> str:
    return ", ".join(f"{_met(c['met'])}{_asked(c | {'source': 'rule'})}" for c in rule["conditions"])


def _limits(rule: Json) -> str:
    return ", ".join(_limit(step) for step in rule["steps"]) or "no step applies"


def _limit(step: Json) -> str:
    return f"{step['priority'].upper()} {_met(step['met'])}{_asked(step)}"


def _met(met: bool | None) -> str:
    return {True: "met: ", False: "not met: ", None: ""}[met]


def _asked(step: Json) -> str:
    what = sign_label(step["what"])
    if step["limit"] is None:
        return what if step["source"] else f"{what} has no limit for this patient"
    whose = "the patient's " if step["source"] == "patient" else ""
    return f"{what} {COMPARISONS.get(step['comparison'], '')} {whose}{with_unit(step['limit'], step['unit'])}"


def _at(microseconds: int | None) -> str:
    return clock(time_text(microseconds)) if microseconds else "an unknown time"
