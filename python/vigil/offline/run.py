"""Replays a recording offline into `scored.jsonl`, `alerts.jsonl` and, where there are any, `dead_letters.jsonl`."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from vigil import topology
from vigil.events import to_json
from vigil.offline import bodies
from vigil.offline.pipeline import Counts, OfflinePipeline, Output
from vigil.recordings import Recording

_encode = msgspec.json.Encoder().encode


class Files:
    """The three files of a run."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._scored = (directory / "scored.jsonl").open("wb")
        self._alerts = (directory / "alerts.jsonl").open("wb")
        self._dead_letters = (directory / "dead_letters.jsonl").open("wb")

    def write(self, output: Output) -> None:
        """Appends the JSON forms."""
        _lines(self._scored, topology.SCORED, output.scored)
        _lines(self._alerts, topology.ALERTS, output.alerts)
        _lines(self._dead_letters, topology.DEAD_LETTER, output.dead_letters)

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._scored, self._alerts, self._dead_letters):
            file.close()


def _lines(file: BinaryIO, topic: str, values: Iterable[bytes]) -> None:
    for value in values:
        for event in to_json(topic, value):
            file.write(_encode(event) + b"\n")


def replay(
    recording: Recording, pipeline: OfflinePipeline, directory: Path, progress: Callable[[int, int], None] | None = None
) -> Counts:
    """Runs the whole recording; `progress(stays, observations)` after each body."""
    with Files(directory) as files:
        for stays in bodies.groups(recording):
            pipeline.enrol(stays)
            if progress:
                progress(len(stays), 0)
            for body, observations in bodies.bodies(bodies.of_stays(stays)):
                files.write(pipeline.feed(body))
                if progress:
                    progress(0, observations)
        files.write(pipeline.settle())
    return pipeline.counts
