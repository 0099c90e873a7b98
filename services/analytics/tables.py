"""Growing hash tables around the kernels, and the groups they give up at a flush."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analytics import kernels
from services.analytics.kernels import Floats, Ints

SLOTS_MIN = 1 << 12


@dataclass(frozen=True)
class Observations:
    """Observations of one poll and partition as columns; `fresh` is false for what was counted before.

    A score that is NaN was unavailable. `model` is an index into `models`, the versions that scored; "" is none.
    """

    subject: Ints
    device: Ints
    ward: Ints
    event_time_us: Ints
    fresh: NDArray[np.bool_]
    duplicate: NDArray[np.bool_]
    late: NDArray[np.bool_]
    orphan: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    risk: NDArray[np.float32]
    anomaly: NDArray[np.float32]
    model: NDArray[np.uint32]
    models: Sequence[str]


@dataclass(frozen=True)
class Values:
    """Vital values of the same observations; `observation` is the index of the value's own."""

    observation: NDArray[np.uint32]
    sign: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    value: Floats


class Table:
    """An open-addressing table, at most half full: a row of 64-bit words per key of two integers."""

    def __init__(self, words: int) -> None:
        self._words, self.used = words, 0
        self._allocate(SLOTS_MIN)

    def clear(self) -> None:
        """Forgets every group; keeps the room for as many again."""
        count = len(self.slots)
        while count > SLOTS_MIN and count > 16 * self.used:
            count //= 4
        self.used = 0
        self._allocate(count)

    def _allocate(self, count: int) -> None:
        self.slots = np.empty((count, self._words), np.int64)
        self.slots[:, kernels.HIGH] = kernels.EMPTY
        self.floats = self.slots.view(np.float64)

    def grow(self) -> None:
        """Four times the room."""
        old = self.slots
        self._allocate(4 * len(old))
        kernels.rehash(old, self.slots)

    def groups(self) -> Ints:
        """The rows in use; float words are bits (`.view(numpy.float64)`)."""
        rows: Ints = self.slots[self.slots[:, kernels.HIGH] != kernels.EMPTY]
        return rows


class RollUps(Table):
    """Values per subject, sign and event-time minute."""

    def __init__(self) -> None:
        super().__init__(kernels.ROLL_UP_WORDS)

    def add(self, observations: Observations, values: Values) -> None:
        """Counts each usable value of each fresh observation that is no duplicate, once."""
        counted = observations.fresh & ~observations.duplicate
        columns = values.observation, values.sign, values.usable, values.value, counted
        keys = observations.subject, observations.event_time_us
        self.used, done = kernels.roll_up(self.slots, self.floats, self.used, 0, *columns, *keys)
        while done < len(values.value):
            self.grow()
            self.used, done = kernels.roll_up(self.slots, self.floats, self.used, done, *columns, *keys)


class Hours(Table):
    """Observations per somebody and event-time hour."""

    def __init__(self) -> None:
        super().__init__(kernels.HOUR_WORDS)

    def add(self, who: Ints, o: Observations) -> None:
        """Counts each fresh observation under `who`."""
        columns = who, o.event_time_us, o.fresh, o.duplicate, o.late, o.orphan, o.unscored
        self.used, done = kernels.count_hours(self.slots, self.used, 0, *columns)
        while done < len(who):
            self.grow()
            self.used, done = kernels.count_hours(self.slots, self.used, done, *columns)
