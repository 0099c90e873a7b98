"""Explanations as lines of text."""

from typing import Any

from vigil.explain.phrases import clock

Json = dict[str, Any]


def episode_lines(explanation: Json) -> list[str]:
    """The explanation of an alarm, for a terminal or a note."""
    rule = explanation["rule"]
    place = ", ".join(f"{name} {explanation[name]}" for name in ("bed", "ward") if explanation[name])
    lines = [explanation["summary"]]
    if place:
        lines.append(f"Where: {place}; device {explanation['deviceId'] or 'not known'}")
    lines += ["", f"Rule {rule['id']} of rule set {(rule['version'] or 'not known')[:12]}"]
    if rule["text"]:
        lines.append(f"  {rule['text']}")
    for title, name in (("Why", "why"), ("Held back", "heldBack"), ("Why then", "whyNow")):
        if explanation[name]:
            lines += ["", title, *(f"  {sentence}" for sentence in explanation[name])]
    lines += ["", "Timeline"]
    lines += [f"  {clock(entry['at'])}  {entry['text']}" for entry in explanation["timeline"]]
    return lines
