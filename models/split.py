"""Which patients train, calibrate and test: by a digest of their name, so that a split never moves."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TEST_PERCENT = 20
OUTCOME_TEST_PERCENT = 50  # of the stays with an outcome: few died, and few enough are needed to learn from
CALIBRATION_PERCENT = 10

Flags = NDArray[np.bool_]


def split(names: Sequence[str], test_percent: int = TEST_PERCENT) -> tuple[Flags, Flags, Flags]:
    """A flag per patient for train, calibration and test."""
    percent = np.array([int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100 for name in names])
    test = percent < test_percent
    calibration = ~test & (percent < test_percent + CALIBRATION_PERCENT)
    return ~test & ~calibration, calibration, test


def split_outcomes(names: Sequence[str]) -> tuple[Flags, Flags]:
    """The same for stays with an outcome: train and test, for they calibrate nothing."""
    learn, calibrate, test = split(names, OUTCOME_TEST_PERCENT)
    return learn | calibrate, test
