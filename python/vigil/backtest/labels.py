"""Labelled events: what alarms should have caught. From the recording itself, or from a file (docs/backtest.md)."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vigil.backtest.subjects import subject
from vigil.recordings import RecordingError, Stay
from vigil.recordings.values import from_iso

PRIORITIES = ("low", "medium", "high")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a patient, in event time (µs).

    With an end it is an episode, to be alarmed while it lasts; with an onset alone, an outcome to be foreseen; without
    one, an outcome of the whole stay. `alert_types` are the alarms that count, none = any of the patient's state;
    `priority` the least that counts, empty = the run's default.
    """

    subject: str
    kind: str
    onset_us: int | None = None
    height_us: int | None = None
    end_us: int | None = None
    alert_types: tuple[str, ...] = ()
    priority: str = ""

    @property
    def name(self) -> tuple[str, str, int]:
        """What tells it from others."""
        return self.subject, self.kind, self.onset_us or 0


def of_stay(stay: Stay) -> Iterator[Event]:
    """Sepsis onset and death, where the recording knows them."""
    if stay.patient is None:
        return
    who, outcome = stay.patient.patient_id, stay.outcome
    if outcome.get("sepsis") and "onset_us" in outcome:
        yield Event(subject=who, kind="sepsis", onset_us=int(outcome["onset_us"]))
    if outcome.get("died"):
        at = outcome.get("death_us")
        yield Event(subject=who, kind="death", onset_us=None if at is None else int(at))


def read(path: Path) -> list[Event]:
    """The events of a `.csv` or `.jsonl` file; raises `RecordingError` naming the line."""
    rows = _csv(path) if path.suffix == ".csv" else _json_lines(path)
    events = []
    try:
        for number, row in rows:
            try:
                events.append(_event(row))
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise RecordingError(f"{path}: line {number}: {_why(error)}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{path}: {error}") from error
    return events


def _why(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield number, decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise RecordingError(f"{path}: line {number}: {error}") from error


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        for row in rows:
            filled = {name: value for name, value in row.items() if value}
            types = str(filled.pop("alertTypes", "")).split(";")
            expected = [{"alertType": t, "priority": filled.get("priority", "")} for t in types if t]
            yield rows.line_num, {**filled, "expected": expected}


def _event(row: dict[str, Any]) -> Event:
    patient, device = row.get("patientId", ""), row.get("deviceId", "")
    if not patient and not device:
        raise KeyError("patientId")
    expected = row.get("expected", [])
    asked = {entry.get("priority", "") for entry in expected} or {row.get("priority", "")}
    if asked - {"", *PRIORITIES}:
        raise ValueError(f"priority is none of {', '.join(PRIORITIES)}")
    return Event(
        subject=subject(patient, device),
        kind=row["kind"],
        onset_us=_time(row, "onset"),
        height_us=_time(row, "height"),
        end_us=_time(row, "end"),
        alert_types=tuple(entry["alertType"] for entry in expected),
        priority=min(asked, key=lambda p: PRIORITIES.index(p) if p else -1),
    )


def _time(row: dict[str, Any], name: str) -> int | None:
    return from_iso(row[name]) if row.get(name) else None


def distinct(events: Iterable[Event]) -> list[Event]:
    """In order of patient and time, each once."""
    return sorted({event.name: event for event in events}.values(), key=lambda event: event.name)
