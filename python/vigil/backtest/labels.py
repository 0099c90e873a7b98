"""Labelled events: what alarms should have caught. From the recording itself, or from a file (docs/backtest.md)."""

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

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


class _Expected(msgspec.Struct, rename="camel"):
    """An alarm that counts."""

    alert_type: str
    priority: str = ""


class _Row(msgspec.Struct, rename="camel"):
    """One event as a file has it. What else a line holds is not read: the simulator's truth says more."""

    kind: str = ""
    patient_id: str = ""
    device_id: str = ""
    onset: str | None = None
    height: str | None = None
    end: str | None = None
    priority: str = ""
    expected: list[_Expected] = []


COLUMNS = ("patientId", "deviceId", "kind", "onset", "height", "end", "priority", "alertTypes")
"""Of a table; another is refused, for a misspelt onset would make an outcome without a time of it."""


def read(path: Path) -> list[Event]:
    """The events of a `.csv` or `.jsonl` file; raises `RecordingError` naming the line and the field."""
    events = []
    try:
        for number, line in _table(path) if path.suffix == ".csv" else _lines(path):
            try:
                events.append(_event(_row(line)))
            except (_Wrong, msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise RecordingError(f"{path}: line {number}: {_words(error)}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{path}: {error}") from error
    return events


class _Wrong(Exception):
    """What is wrong with a line, the field first."""


def _words(error: Exception) -> str:
    """The field first, as everywhere: msgspec has it last."""
    text, at, field = str(error).partition(" - at `$")
    return f"{field.rstrip('`').removeprefix('.')}: {text}" if at else text


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line


def _table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        for name in rows.fieldnames or ():
            if name not in COLUMNS:
                raise RecordingError(f"{path}: line 1: {name}: no such column; there are {', '.join(COLUMNS)}")
        for row in rows:
            yield rows.line_num, row


def _row(line: bytes | dict[str, str]) -> _Row:
    if isinstance(line, bytes):
        return msgspec.json.decode(line, type=_Row)
    if None in line:
        raise _Wrong("more cells than columns")
    filled = {name: value for name, value in line.items() if value}
    types = filled.pop("alertTypes", "").split(";")
    expected = [{"alertType": name, "priority": filled.get("priority", "")} for name in types if name]
    return msgspec.convert({**filled, "expected": expected}, _Row)


def _event(row: _Row) -> Event:
    if not row.patient_id and not row.device_id:
        raise _Wrong("patientId: it, or deviceId, is missing")
    if not row.kind:
        raise _Wrong("kind: is missing")
    asked = {entry.priority for entry in row.expected} or {row.priority}
    if unknown := sorted(asked - {"", *PRIORITIES}):
        raise _Wrong(f"priority: {unknown[0]} is none of {', '.join(PRIORITIES)}")
    onset, height, end = (_time(row, name) for name in ("onset", "height", "end"))
    for name, time in (("height", height), ("end", end)):
        if time is not None and (onset is None or time < onset):
            raise _Wrong(f"{name}: is before the onset" if onset is not None else f"{name}: without an onset")
    return Event(
        subject=subject(row.patient_id, row.device_id),
        kind=row.kind,
        onset_us=onset,
        height_us=height,
        end_us=end,
        alert_types=tuple(entry.alert_type for entry in row.expected),
        priority=min(asked, key=lambda p: PRIORITIES.index(p) if p else -1),
    )


def _time(row: _Row, name: str) -> int | None:
    text = getattr(row, name)
    try:
        return from_iso(text) if text else None
    except ValueError:
        raise _Wrong(f"{name}: {text} is not an ISO 8601 time") from None


def unknown(
    labelled: Collection[str], known: Collection[str], recording: str, who: str = "labelled patients"
) -> list[str]:
    """Those of `labelled` (`who` they are) that are not `known`, sorted: their events cannot be counted.

    Raises `RecordingError` when nobody is known: the labels are of another recording.
    """
    missing = sorted(set(labelled).difference(known))
    if missing and len(missing) == len(set(labelled)):
        raise RecordingError(
            f"{recording}: none of the {len(missing)} {who} is in it: "
            f"the labels know {missing[0]}, the recording {next(iter(known), 'nobody')}"
        )
    return missing


def distinct(events: Iterable[Event]) -> list[Event]:
    """In order of patient and time, each once."""
    return sorted({event.name: event for event in events}.values(), key=lambda event: event.name)
