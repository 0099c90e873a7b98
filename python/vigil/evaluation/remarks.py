"""What the figures do not show, or speak against: said in words, so that nobody has to find it in a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from vigil.evaluation.rows import TITLES

EVENTS_FEW = 30
MEASURES = {"auroc": "AUROC", "auprc": "AUPRC"}


def remarks(found: Mapping[str, Any]) -> list[str]:
    """Of the numbers of `evaluate`: sentences, none when there is nothing to hold against the model."""
    return [*_few(found), *_beaten(found), *_unreached(found)]


def _few(found: Mapping[str, Any]) -> Iterator[str]:
    events = found["patientsWithEvent"]
    if events < EVENTS_FEW:
        yield f"Only {events} patients have the event: the figures say little, whatever their intervals."


def _beaten(found: Mapping[str, Any]) -> Iterator[str]:
    """Where the model is below a baseline, or not surely above it, by the interval of the paired difference."""
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
        missing = [title for name, title in TITLES.items() if name not in fixed["scores"]]
        if missing:
            yield (
                f"No threshold catches {100 * fixed['sensitivity']:g} % of the events with {', '.join(missing)}: "
                "too many have no scored row in the hours in which an alarm would catch them."
            )
