"""When which device has which episode: at a rate, or an exact number; reproducible by seed."""

from typing import NamedTuple

import numpy as np

from services.device_simulator.episodes import KINDS, Tables
from services.device_simulator.physiology import Ward, episode_kind, first_episodes, next_gap_s

FIRST_ONSET_S = 3.0
"""Nobody starts ill: the rules see at least a few quiet values first."""


class Episode(NamedTuple):
    """One injected episode, in seconds since the start."""

    device: int
    kind: int
    onset_s: float
    height_s: float
    fall_s: float
    end_s: float


class Schedule:
    """Keeps the episode under way or next of every device in the ward's arrays."""

    def __init__(self, ward: Ward, profiles: Tables, *, rate_per_hour: float, exact: int, within_s: float) -> None:
        self._ward, self._profiles = ward, profiles
        self._rate_per_s = 0.0 if exact else rate_per_hour / 3600.0
        devices = ward.devices
        self._number = np.zeros(devices, np.int64)
        self._next_s = np.full(devices, np.inf)
        self._next_kind = np.full(devices, -1, np.int8)
        self._queue: dict[int, list[tuple[float, int]]] = {}
        if exact and devices:
            self._plan(exact, within_s)
        elif self._rate_per_s > 0:
            first_episodes(ward.seed, self._rate_per_s, len(KINDS), FIRST_ONSET_S, self._next_s, self._next_kind)
            self._number += 1

    def _plan(self, exact: int, within_s: float) -> None:
        """`exact` episodes: kinds in turn, over distinct devices, onsets spread over the first part of the run."""
        longest = float((2 * self._profiles.ramp_s + self._profiles.hold_s).max()) + 10.0
        rounds = -(-exact // self._ward.devices)
        window = max(1.0, within_s - rounds * longest) if within_s > 0 else 20.0
        order = np.random.default_rng(self._ward.seed).permutation(self._ward.devices)
        for index in range(exact):
            device = int(order[index % self._ward.devices])
            lap = index // self._ward.devices
            onset = FIRST_ONSET_S + min(window, 20.0) * (index % self._ward.devices) / max(1, exact) + lap * longest
            self._queue.setdefault(device, []).append((onset, index % len(KINDS)))
        for device, planned in self._queue.items():
            self._next_s[device], self._next_kind[device] = planned.pop(0)

    def _draw(self, device: int, after_s: float) -> None:
        number = int(self._number[device])
        self._next_s[device] = after_s + next_gap_s(self._ward.seed, device, number, self._rate_per_s)
        self._next_kind[device] = episode_kind(self._ward.seed, device, number, len(KINDS))
        self._number[device] += 1

    def begin(self, first: int, count: int, elapsed_s: float) -> list[Episode]:
        """Starts the episodes due in this slice of devices by `elapsed_s`, ends the past ones; returns the new."""
        started: list[Episode] = []
        window = slice(first, first + count)
        for row in np.flatnonzero(self._next_s[window] <= elapsed_s):
            device = first + int(row)
            kind = int(self._next_kind[device])
            ramp, hold = float(self._profiles.ramp_s[kind]), float(self._profiles.hold_s[kind])
            onset = float(elapsed_s)
            episode = Episode(device, kind, onset, onset + ramp, onset + ramp + hold, onset + 2 * ramp + hold)
            self._ward.kind[device], self._ward.onset_s[device] = kind, onset
            started.append(episode)
            planned = self._queue.get(device)
            if planned:
                self._next_s[device], self._next_kind[device] = planned.pop(0)
            elif self._rate_per_s > 0:
                self._draw(device, episode.end_s + 60.0)
            else:
                self._next_s[device] = np.inf
        return started
