"""Which patients are held out of training: by a digest of their name, so that a split never moves.

The training code splits by the same rule; a test holds the two together.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vigil.recordings import Recording, Stay, TextRecording

TEST_PERCENT = 20
# The recordings the shipped model learned from, and how a stay's device is named after its file there.
TRAINED_ON = {"sepsis_hourly": "sepsis-"}


def held_out(name: str) -> bool:
    """Whether the patient of this device id is of the test part."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100 < TEST_PERCENT


@dataclass
class HeldOut:
    """A recording's held-out patients alone, under a name of its own: what is prepared of it is kept apart."""

    whole: TextRecording
    prefix: str
    name: str
    path: Path

    def stays(self) -> Iterator[Stay]:
        """As `Recording.stays`."""
        return (self.stay(name, text) for name, text in self.files())

    def files(self) -> Iterator[tuple[str, str]]:
        """As `TextRecording.files`."""
        return ((name, text) for name, text in self.whole.files() if held_out(self.prefix + name))

    def stay(self, name: str, text: str) -> Stay:
        """As `TextRecording.stay`."""
        return self.whole.stay(name, text)


def unseen(recording: Recording) -> Recording:
    """The patients of a recording that the shipped model did not learn from: all of a recording it never saw."""
    prefix = TRAINED_ON.get(recording.name)
    if prefix is None or not isinstance(recording, TextRecording):
        return recording
    return HeldOut(recording, prefix, f"{recording.name} (held-out patients)", recording.path)
