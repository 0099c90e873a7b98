"""Which patients train, calibrate and test: by a digest of their name, so that a split never moves."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TEST_PERCENT = 20
CALIBRATION_PERCENT = 10

Flags = NDArray[np.bool_]


def split(names: Sequence[str]) -> tuple[Flags, Flags, Flags]:
    """A flag per patient for train, calibration and test."""
    percent = np.array([int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100 for name in names])
    test = percent < TEST_PERCENT
    calibration = ~test & (percent < TEST_PERCENT + CALIBRATION_PERCENT)
    return ~test & ~calibration, calibration, test
