"""Counts values in the bins of the training reference, per ward, column and hour of event time."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from services.analytics.kernels import EMPTY, HIGH, HOUR_US, LOW, Ints, _slot

BINS_MAX = 10
FIRST_BIN = 2
MISSING = FIRST_BIN + BINS_MAX
"""The word that counts what has no value."""
WORDS = MISSING + 1
COLUMN_BITS = 8  # key_high of a group: ward << COLUMN_BITS | column


@njit(cache=True)
def count_bins(
    slots: Ints,
    used: int,
    start: int,
    observation: NDArray[np.uint32],
    column: NDArray[np.int8],
    value: NDArray[np.float32],
    counted: NDArray[np.bool_],
    ward: Ints,
    event_time_us: Ints,
    edges: NDArray[np.float32],
) -> tuple[int, int]:
    """Adds values from `start` on, until the table is half full; returns the slots used and the next value.

    A negative column is skipped. A value on an edge belongs to the bin above it; NaN is missing.
    """
    mask = slots.shape[0] - 1
    full = slots.shape[0] // 2
    for i in range(start, value.shape[0]):
        c = np.int64(column[i])
        o = observation[i]
        if c < 0 or not counted[o]:
            continue
        high = (ward[o] << COLUMN_BITS) | c
        low = event_time_us[o] // HOUR_US
        at = _slot(slots, mask, high, low)
        if slots[at, HIGH] == EMPTY:
            if used >= full:
                return used, i
            used += 1
            slots[at, :] = 0
            slots[at, HIGH] = high
            slots[at, LOW] = low
        x = value[i]
        if np.isnan(x):
            slots[at, MISSING] += 1
            continue
        b = 0
        for edge in range(edges.shape[1]):  # all of them: a branch here would be mispredicted every other time
            b += int(x >= edges[c, edge])
        slots[at, FIRST_BIN + b] += 1
    return used, value.shape[0]
