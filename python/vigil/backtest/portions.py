"""A recording cut into portions of whole patients, each to be prepared in some process.

How it is cut depends on the recording alone: the parts, and all that follows, are the same with any number of
processes. JSON lines are taken byte for byte, in the order of the file, as a device would have sent them.
"""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from vigil.offline.bodies import PER_BODY, bodies, of_stays
from vigil.recordings import Recording, RecordingError, Stay, TextRecording
from vigil.recordings.jsonl import JsonLines, opened, people
from vigil.recordings.model import Device

STAYS = 400
"""Stays of one portion."""
LINES_BYTES = 8 << 20
"""Bytes of one portion of JSON lines, about; at most `LINE_PORTIONS` of them."""
LINE_PORTIONS = 64


class Portion(Protocol):
    """Some patients of a recording; can be sent to another process."""

    def stays(self) -> list[Stay]:
        """Whose observations these are. Without observations where `bodies` has them from elsewhere."""

    def bodies(self, stays: list[Stay]) -> Iterator[tuple[bytes, int]]:
        """The observations as request bodies, with their number."""


@dataclass
class Stays:
    """Stays that were read in the first process."""

    given: list[Stay]

    def stays(self) -> list[Stay]:
        """The stays."""
        return self.given

    def bodies(self, stays: list[Stay]) -> Iterator[tuple[bytes, int]]:
        """One stay after the other."""
        return bodies(of_stays(stays))


@dataclass
class Texts:
    """Texts of stays, to be read where they are prepared."""

    recording: TextRecording
    texts: list[tuple[str, str]]

    def stays(self) -> list[Stay]:
        """Reads them."""
        return [self.recording.stay(name, text) for name, text in self.texts]

    def bodies(self, stays: list[Stay]) -> Iterator[tuple[bytes, int]]:
        """One stay after the other."""
        return bodies(of_stays(stays))


@dataclass
class Lines:
    """JSON lines in a file of their own, and whose they are."""

    path: Path
    devices: list[Stay] = field(default_factory=list)

    def stays(self) -> list[Stay]:
        """The devices, linked for all time."""
        return self.devices

    def bodies(self, stays: list[Stay]) -> Iterator[tuple[bytes, int]]:
        """The lines in their order."""
        with self.path.open("rb") as lines:
            while some := list(islice(lines, PER_BODY)):
                yield b"[" + b",".join(some) + b"]", len(some)


def portions(recording: Recording, scratch: Path) -> Iterator[Portion]:
    """The recording in portions; JSON lines are copied into `scratch`."""
    if isinstance(recording, JsonLines):
        yield from _lines(recording, scratch)
    elif isinstance(recording, TextRecording):
        texts = recording.files()
        while some := list(islice(texts, STAYS)):
            yield Texts(recording, some)
    else:
        stays = recording.stays()
        while given := list(islice(stays, STAYS)):
            yield Stays(given)


class _Line(msgspec.Struct):
    deviceId: str = ""
    timestamp: msgspec.Raw = msgspec.Raw()
    patients: msgspec.Raw = msgspec.Raw()
    devices: msgspec.Raw = msgspec.Raw()
    metrics: msgspec.Raw = msgspec.Raw()


class _Split:
    """Deals lines out by patient, a file a portion."""

    def __init__(self, recording: JsonLines, scratch: Path) -> None:
        self._recording, self._scratch = recording, scratch
        size = recording.path.stat().st_size * (8 if recording.path.suffix == ".gz" else 1)
        self._count = max(1, min(LINE_PORTIONS, size // LINES_BYTES))
        self._devices: dict[str, tuple[Device, str]] = {}
        self._patients: dict[str, Any] = {}
        self._place: dict[str, int] = {}
        """By device, in the order of their first lines; -1 = beyond the limit."""

    def run(self) -> list[Lines]:
        """Reads the whole recording once."""
        portions = [Lines(self._scratch / f"lines-{n:04d}") for n in range(self._count)]
        with ExitStack() as stack:
            files = [stack.enter_context(p.path.open("wb", buffering=1 << 20)) for p in portions]
            lines = stack.enter_context(opened(self._recording.path))
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    self._line(number, line, files)
        for device_id, place in self._place.items():
            if place >= 0:
                device, patient_id = self._devices.get(device_id, (Device(device_id=device_id), ""))
                whose = self._patients.get(patient_id)
                portions[place].devices.append(Stay(patient=whose, device=device, observations=[], times_us=[]))
        return portions

    def _line(self, number: int, line: bytes, files: list[BinaryIO]) -> None:
        try:
            entry = _decode(line)
        except msgspec.DecodeError as error:
            raise RecordingError(f"{self._recording.path}: line {number}: {error}") from error
        if number == 1 and not entry.metrics and (entry.patients or entry.devices):
            self._patients, self._devices = people(msgspec.json.decode(line))
            return
        if not entry.deviceId or not entry.timestamp:
            raise RecordingError(f"{self._recording.path}: line {number} has no deviceId or no timestamp")
        place = self._place.get(entry.deviceId)
        if place is None:
            place = self._placed(entry.deviceId)
        if place >= 0:
            files[place].write(line if line.endswith(b"\n") else line + b"\n")

    def _placed(self, device_id: str) -> int:
        limit = self._recording.limit
        whose = self._devices.get(device_id, (None, ""))[1] or device_id
        beyond = limit is not None and len(self._place) >= limit
        self._place[device_id] = -1 if beyond else zlib.crc32(whose.encode()) % self._count
        return self._place[device_id]


_decode = msgspec.json.Decoder(_Line).decode


def _lines(recording: JsonLines, scratch: Path) -> Iterator[Portion]:
    return (portion for portion in _Split(recording, scratch).run() if portion.devices)
