"""The physiology of many patients as arrays, advanced by one kernel a tick.

Each sign is its baseline, a circadian drift, a share of a common arousal (which correlates the signs) and its own
mean-reverting noise (Ornstein-Uhlenbeck, exact discretisation). Random numbers come from a counter-based
hash of (seed, device, tick, draw), so the values depend on neither batch size nor order nor threads.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from services.device_simulator.episodes import ABSENT, SIGNS, STEP, Tables

COUNT = len(SIGNS)
ABSENT_VALUE = np.float64(-1e9)
"""What the kernels hand on for a sign whose probe is off."""

#                  heart_rate spo2 resp temp  sbp   dbp   in /min, %, /min, °C, mmHg, mmHg
BASELINE_LOW = np.array([66.0, 97.0, 14.0, 36.5, 116.0, 70.0])
BASELINE_HIGH = np.array([80.0, 98.4, 17.0, 37.0, 134.0, 80.0])
DEVIATION = np.array([2.2, 0.35, 0.6, 0.07, 3.2, 2.2])
AROUSAL_SHARE = np.array([0.6, -0.3, 0.5, 0.2, 0.6, 0.5])
TIME_CONSTANT_S = np.array([45.0, 60.0, 40.0, 900.0, 120.0, 120.0])
CIRCADIAN = np.array([2.5, 0.0, 0.4, 0.2, 3.0, 2.0])
AROUSAL_TIME_CONSTANT_S = 180.0
DAY_S = 86_400.0

_INIT, _EPISODE_KIND, _EPISODE_GAP = 1 << 40, (1 << 40) + 1, (1 << 40) + 2


@njit(cache=True, inline="always")
def hashed(seed: Any, device: Any, tick: Any, draw: Any) -> Any:
    """splitmix64 over a combination of the four counters."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
    x ^= np.uint64(device) * np.uint64(0xBF58476D1CE4E5B9)
    x ^= (np.uint64(tick) + np.uint64(1)) * np.uint64(0x94D049BB133111EB)
    x += np.uint64(draw) * np.uint64(0xD6E8FEB86659FD93)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, inline="always")
def uniform(bits: Any) -> Any:
    """0 … 1 of a hash."""
    return np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, inline="always")
def normal(bits: Any) -> Any:
    """A near-normal number of mean 0 and variance 1, |n| ≤ 3.47: the sum of four 16-bit uniforms."""
    mask = np.uint64(0xFFFF)
    total = (
        np.float64(bits & mask)
        + np.float64((bits >> np.uint64(16)) & mask)
        + np.float64((bits >> np.uint64(32)) & mask)
        + np.float64(bits >> np.uint64(48))
    )
    return (total / 65535.0 - 2.0) * 1.7320508075688772


@njit(cache=True)
def initialise(
    seed: int, low: np.ndarray, high: np.ndarray, baseline: np.ndarray, deviation: np.ndarray, arousal: np.ndarray
) -> None:
    """Draws every device's baseline and starts its noise in the stationary state."""
    for device in range(baseline.shape[0]):
        for sign in range(baseline.shape[1]):
            share = uniform(hashed(seed, device, _INIT, sign))
            baseline[device, sign] = low[sign] + share * (high[sign] - low[sign])
            deviation[device, sign] = normal(hashed(seed, device, _INIT, 16 + sign))
        arousal[device] = normal(hashed(seed, device, _INIT, 32))


@njit(cache=True)
def next_gap_s(seed: int, device: int, number: int, rate_per_s: float) -> float:
    """Seconds of peace before a device's episode `number`: exponential."""
    return -math.log(1.0 - uniform(hashed(seed, device, _EPISODE_GAP, number))) / rate_per_s


@njit(cache=True)
def episode_kind(seed: int, device: int, number: int, kinds: int) -> int:
    """Which kind a device's episode `number` is."""
    return int(hashed(seed, device, _EPISODE_KIND, number) % np.uint64(kinds))


@njit(cache=True)
def first_episodes(
    seed: int, rate_per_s: float, kinds: int, after_s: float, next_s: np.ndarray, next_kind: np.ndarray
) -> None:
    """Draws every device's episode number 0."""
    for device in range(next_s.size):
        next_s[device] = after_s + next_gap_s(seed, device, 0, rate_per_s)
        next_kind[device] = episode_kind(seed, device, 0, kinds)


@njit(cache=True)
def _height(since_s: float, ramp_s: float, hold_s: float) -> float:
    """0 … 1: how far an episode is up, `since_s` after its onset."""
    if since_s < ramp_s:
        return since_s / ramp_s
    if since_s <= ramp_s + hold_s:
        return 1.0
    down = 1.0 - (since_s - ramp_s - hold_s) / max(ramp_s, 1e-9)
    return max(down, 0.0)


@njit(cache=True, nogil=True)
def advance(
    seed: int,
    tick: int,
    first: int,
    elapsed_s: float,
    interval_s: float,
    second_of_day: float,
    baseline: np.ndarray,
    deviation: np.ndarray,
    arousal: np.ndarray,
    spread: np.ndarray,
    share: np.ndarray,
    constant_s: np.ndarray,
    circadian: np.ndarray,
    kind: np.ndarray,
    onset_s: np.ndarray,
    how: np.ndarray,
    amount: np.ndarray,
    ramp_s: np.ndarray,
    hold_s: np.ndarray,
    out: np.ndarray,
) -> None:
    """Advances the devices `first … first + len(out)` to `tick` and writes their signs into `out`."""
    phase = math.sin(2.0 * math.pi * (second_of_day / DAY_S - 0.375))
    keep_arousal = math.exp(-interval_s / AROUSAL_TIME_CONSTANT_S)
    fresh_arousal = math.sqrt(1.0 - keep_arousal * keep_arousal)
    for row in range(out.shape[0]):
        device = first + row
        arousal[device] = keep_arousal * arousal[device] + fresh_arousal * normal(hashed(seed, device, tick, 32))
        episode = kind[device]
        height = 0.0
        if episode >= 0:
            height = _height(elapsed_s - onset_s[device], ramp_s[episode], hold_s[episode])
        for sign in range(COUNT):
            keep = math.exp(-interval_s / constant_s[sign])
            fresh = math.sqrt(1.0 - keep * keep)
            deviation[device, sign] = keep * deviation[device, sign] + fresh * normal(hashed(seed, device, tick, sign))
            own = math.sqrt(1.0 - share[sign] * share[sign])
            noise = spread[sign] * (own * deviation[device, sign] + share[sign] * arousal[device])
            value = baseline[device, sign] + circadian[sign] * phase + noise
            if height > 0.0:
                if how[episode, sign] == STEP:
                    target = amount[episode, sign]
                    value += height * (target + (0.3 * noise if target > 0.0 else 0.0) - value)
                elif how[episode, sign] == ABSENT:
                    value = ABSENT_VALUE
                elif how[episode, sign] >= 0:
                    value += height * amount[episode, sign]
            out[row, sign] = value


class Ward:
    """The state of all simulated patients; `advance` gives the signs of a slice of them."""

    def __init__(self, devices: int, seed: int, interval_s: float, profiles: Tables) -> None:
        self.devices, self.seed, self.interval_s = devices, seed, interval_s
        self._profiles = profiles
        self._baseline = np.empty((devices, COUNT))
        self._deviation = np.empty((devices, COUNT))
        self._arousal = np.empty(devices)
        self.kind = np.full(devices, -1, np.int8)
        self.onset_s = np.full(devices, np.inf)
        initialise(seed, BASELINE_LOW, BASELINE_HIGH, self._baseline, self._deviation, self._arousal)

    def advance(self, tick: int, first: int, count: int, elapsed_s: float, second_of_day: float) -> np.ndarray:
        """Signs `[count, sign]` of the devices from `first` on, at `elapsed_s` since the start."""
        out = np.empty((count, COUNT))
        advance(
            self.seed,
            tick,
            first,
            elapsed_s,
            self.interval_s,
            second_of_day,
            self._baseline,
            self._deviation,
            self._arousal,
            DEVIATION,
            AROUSAL_SHARE,
            TIME_CONSTANT_S,
            CIRCADIAN,
            self.kind,
            self.onset_s,
            self._profiles.how,
            self._profiles.amount,
            self._profiles.ramp_s,
            self._profiles.hold_s,
            out,
        )
        return out
