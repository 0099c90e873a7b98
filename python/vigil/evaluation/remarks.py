"""What the figures do not show, or speak against: said in words, so that nobody has to find it in a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from vigil.evaluation.rows import TITLES

EVENTS_FEW, EVENTS_TOO_FEW = 30, 5
"""Patients with the event, below which the figures say little, and below which nothing of who is better."""
MEASURES = {"auroc": "AUROC", "auprc": "AUPRC", "aurocSameHour": "AUROC within the hour"}


def remarks(found: Mapping[str, Any]) -> list[str]:
    """Of the numbers of `evaluate`: sentences, none when there is nothing to hold against the model."""
    return [*_few(found), *_absent(found), *_beaten(found), *_unreached(found), *_miscalibrated(found)]


def _few(found: Mapping[str, Any]) -> Iterator[str]:
    events = found["patientsWithEvent"]
    if events < EVENTS_FEW:
        who = "1 patient has" if events == 1 else f"{events} patients have"
        of_whom = " and nothing of which score is better" if events < EVENTS_TOO_FEW else ""
        yield f"Only {who} the event: the figures say little{of_whom}, whatever their intervals."


def _absent(found: Mapping[str, Any]) -> Iterator[str]:
    for name, title in TITLES.items():
        if name not in found["ranking"]:
            yield f"No row has what {title} needs: it is not compared."


def _beaten(found: Mapping[str, Any]) -> Iterator[str]:
    """Where the model is below a baseline, or not surely above it, by the interval of the paired difference."""
    if found["patientsWithEvent"] < EVENTS_TOO_FEW:  # resampled, so few are nearly always themselves
        return
    for entry in found["ranking"].values():
        for name, title in MEASURES.items():
            more = entry.get("modelMore", {}).get(name)
            if more is None or (more["low"] is not None and more["low"] > 0):
                continue
            if more["high"] is not None and more["high"] < 0:
                yield f"The model's {title} is below that of {entry['title']}, beyond chance: the interval is below 0."
            elif more["low"] is None:
                yield f"Whether the model's {title} is above that of {entry['title']} cannot be said."
            else:
                yield f"The model's {title} is not surely above that of {entry['title']}: the interval holds 0."


def _unreached(found: Mapping[str, Any]) -> Iterator[str]:
    for fixed in found["alarms"]["atSensitivity"]:
        missing = [title for name, title in TITLES.items() if name in found["ranking"] and name not in fixed["scores"]]
        if missing:
            yield (
                f"No threshold catches {100 * fixed['sensitivity']:g} % of the events with {', '.join(missing)}: "
                "too many have no scored row in the hours in which an alarm would catch them."
            )


def _miscalibrated(found: Mapping[str, Any]) -> Iterator[str]:
    """Where the slope of the logit line is surely not 1."""
    slope = found["calibration"]["intervals"]["slope"]
    if found["patientsWithEvent"] < EVENTS_TOO_FEW or slope["low"] is None or slope["low"] <= 1 <= slope["high"]:
        return
    wrong = "too far apart: high ones too high" if slope["high"] < 1 else "too close together: high ones too low"
    interval = f"{slope['value']:.2f} ({slope['low']:.2f} … {slope['high']:.2f})"
    yield f"The model's probabilities are {wrong}, low ones the other way: calibration slope {interval}, not 1."
