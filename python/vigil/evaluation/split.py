"""Which patients are held out of training: by a digest of their name, so that a split never moves.

The training code splits by the same rule; a test holds the two together.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vigil.recordings import Recording, Stay, TextRecording

TEST_PERCENT = 20


@dataclass(frozen=True)
class Trained:
    """How the shipped model learned from a recording."""

    prefix: str  # how a stay's device is named after its file there
    test_percent: int  # of the patients are held out


TRAINED_ON = {"sepsis_hourly": Trained("sepsis-", TEST_PERCENT), "icu_mortality": Trained("mortality-", 50)}


def held_out(name: str, test_percent: int = TEST_PERCENT) -> bool:
    """Whether the patient of this device id is of the test part."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100 < test_percent


@dataclass
class HeldOut:
    """A recording's held-out patients alone, under a name of its own: what is prepared of it is kept apart."""

    whole: TextRecording
    trained: Trained
    name: str
    path: Path

    def stays(self) -> Iterator[Stay]:
        """As `Recording.stays`."""
        return (self.stay(name, text) for name, text in self.files())

    def files(self) -> Iterator[tuple[str, str]]:
        """As `TextRecording.files`."""
        percent, prefix = self.trained.test_percent, self.trained.prefix
        return ((name, text) for name, text in self.whole.files() if held_out(prefix + name, percent))

    def size(self) -> int:
        """As `TextRecording.size`."""
        return sum(1 for _ in self.files())

    def stay(self, name: str, text: str) -> Stay:
        """As `TextRecording.stay`."""
        return self.whole.stay(name, text)


def unseen(recording: Recording) -> Recording:
    """The patients of a recording that the shipped model did not learn from: all of a recording it never saw."""
    trained = TRAINED_ON.get(recording.name)
    if trained is None or not isinstance(recording, TextRecording):
        return recording
    return HeldOut(recording, trained, f"{recording.name} (held-out patients)", recording.path)
