"""Short desaturations: movement, a sensor that slips, a held breath. Nothing that anybody must be told of.

They come at a rate per device and hour, last a log-normal time and are over by themselves; the ground truth does not
name them. The length follows what was seen in an intensive care unit: half of the alarms that nobody needed were over
within 14 s, two thirds within 19 s (Görges, Markewitz, Westenskow, Anesth Analg 2009;108:1546-52).
"""

import math
from typing import Any

import numpy as np
from numba import njit

from services.device_simulator.episodes import SPO2
from services.device_simulator.physiology import ABSENT_VALUE, hashed, normal, uniform

LENGTH_MEDIAN_S = 14.0
LENGTH_SIGMA = 0.694
"""Of the logarithm: ln(19/14) is its 67th percentile."""
NADIR_LOW, NADIR_HIGH = 80.0, 89.4
"""SpO2 at the bottom, evenly between (%)."""
EDGE_S = 3.0
"""Seconds a dip takes down, and up again."""
BELOW_LIMIT_S = 2.0
"""How much of both edges lies below 90 %, about: a dip's length counts it."""

_GAP, _LENGTH, _NADIR = 1 << 41, (1 << 41) + 1, (1 << 41) + 2


@njit(cache=True)
def _draw(seed: Any, device: Any, number: Any, rate_per_s: float) -> Any:
    """Seconds to the dip `number` of a device, its hold (s) and its nadir (%)."""
    gap = -math.log(1.0 - uniform(hashed(seed, device, _GAP, number))) / rate_per_s
    length = LENGTH_MEDIAN_S * math.exp(LENGTH_SIGMA * normal(hashed(seed, device, _LENGTH, number)))
    nadir = NADIR_LOW + uniform(hashed(seed, device, _NADIR, number)) * (NADIR_HIGH - NADIR_LOW)
    return gap, max(1.0, length - BELOW_LIMIT_S), nadir


@njit(cache=True, nogil=True)
def _apply(
    seed: int,
    rate_per_s: float,
    first: int,
    elapsed_s: float,
    number: np.ndarray,
    start_s: np.ndarray,
    hold_s: np.ndarray,
    nadir: np.ndarray,
    signs: np.ndarray,
) -> int:
    """Lowers the SpO2 of devices in a dip; draws the next one when one is over. Returns how many are over."""
    over = 0
    for row in range(signs.shape[0]):
        device = first + row
        while elapsed_s > start_s[device] + hold_s[device] + 2.0 * EDGE_S:
            over_s = start_s[device] + hold_s[device] + 2.0 * EDGE_S if number[device] else 0.0
            gap, hold_s[device], nadir[device] = _draw(seed, device, number[device], rate_per_s)
            start_s[device] = over_s + gap
            number[device] += 1
            over += 1 if number[device] > 1 else 0
        since_s = elapsed_s - start_s[device]
        value = signs[row, SPO2]
        if since_s <= 0.0 or value == ABSENT_VALUE:
            continue
        depth = 1.0
        if since_s < EDGE_S:
            depth = since_s / EDGE_S
        elif since_s > EDGE_S + hold_s[device]:
            depth = max(0.0, 1.0 - (since_s - EDGE_S - hold_s[device]) / EDGE_S)
        signs[row, SPO2] = min(value, value + depth * (nadir[device] - value))
    return over


class Dips:
    """The dips of all devices; `apply` changes the signs of a slice of them. No rate, no dips."""

    def __init__(self, devices: int, seed: int, rate_per_hour: float) -> None:
        self._seed, self._rate_per_s = seed, rate_per_hour / 3600.0
        self._number = np.zeros(devices, np.int64)
        self._start_s = np.full(devices, -np.inf)
        self._hold_s = np.zeros(devices)
        self._nadir = np.full(devices, 100.0)
        self.count = 0
        """Dips that are over."""

    def apply(self, first: int, elapsed_s: float, signs: np.ndarray) -> None:
        """`signs` are those of the devices from `first` on, `elapsed_s` after the start."""
        if self._rate_per_s > 0:
            self.count += _apply(
                self._seed,
                self._rate_per_s,
                first,
                elapsed_s,
                self._number,
                self._start_s,
                self._hold_s,
                self._nadir,
                signs,
            )
