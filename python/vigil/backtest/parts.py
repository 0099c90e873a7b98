"""A part: the prepared enriched batches of some patients in one file, and what is known of them beside it.

The file holds the batches one after the other, as they would stand on telemetry.enriched; the description has their
lengths. A part is one unit of work and the same whatever the number of processes.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vigil.backtest.labels import Event
from vigil.backtest.subjects import Watched

FORMAT = 1
"""Counted up when the files or their meaning change: older ones are made anew."""


class Damaged(Exception):
    """A part's file is not what its description says."""


@dataclass(kw_only=True)
class Counts:
    """What became of a recording's observations on the way to enriched batches."""

    accepted: int = 0
    rejected: int = 0
    dead_lettered: int = 0
    enriched: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Counts") -> None:
        """Sums up."""
        self.accepted += other.accepted
        self.rejected += other.rejected
        self.dead_lettered += other.dead_lettered
        self.enriched += other.enriched
        for code, count in other.problems.items():
            self.problems[code] = self.problems.get(code, 0) + count


@dataclass(kw_only=True)
class Part:
    """One part: `file` is a name in the folder of the prepared recording."""

    file: str
    crc32: int
    lengths: list[int]
    observations: list[int]
    """Per batch."""
    watched: dict[str, Watched]
    events: list[Event]
    counts: Counts


def write(folder: Path, name: str, batches: list[tuple[int, bytes]]) -> tuple[int, list[int], list[int]]:
    """Writes (observations, batch)es; returns checksum, lengths and observations of the description."""
    crc32 = 0
    with (folder / name).open("wb") as file:
        for _, value in batches:
            crc32 = zlib.crc32(value, crc32)
            file.write(value)
    return crc32, [len(value) for _, value in batches], [observations for observations, _ in batches]


def read(folder: Path, part: Part) -> Iterator[tuple[int, bytes]]:
    """The part's (observations, batch)es; raises `Damaged`."""
    content = (folder / part.file).read_bytes()
    if len(content) != sum(part.lengths) or zlib.crc32(content) != part.crc32:
        raise Damaged(f"{folder / part.file} is damaged")
    view, at = memoryview(content), 0
    for length, observations in zip(part.lengths, part.observations, strict=True):
        yield observations, bytes(view[at : at + length])
        at += length


def describe(parts: list[Part]) -> bytes:
    """The descriptions as JSON."""
    return msgspec.json.encode(parts)


def described(content: bytes) -> list[Part]:
    """Reads `describe`'s text; raises `msgspec.DecodeError`."""
    return msgspec.json.decode(content, type=list[Part])
