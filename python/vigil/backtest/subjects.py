"""Whose observations and alarms: the patient, or the device of an orphan; and how long each was watched."""

from typing import NamedTuple

import numpy as np

GAP_MAX_US = 6 * 3_600_000_000
"""A longer silence is time in which nobody was watched: it does not count as bed time."""


class Watched(NamedTuple):
    """A subject's observations: first and last event time, time under observation (µs), how many."""

    first_us: int
    last_us: int
    watched_us: int
    observations: int


def subject(patient_id: str, device_id: str) -> str:
    """The key of a patient; of the device where no patient is known."""
    return patient_id or f"device:{device_id}"


def watched(subjects: np.ndarray, times_us: np.ndarray, names: list[str]) -> dict[str, Watched]:
    """Per subject, from parallel columns: index into `names`, and event time.

    Time under observation is the sum of the gaps between observations, and one median gap for the last one.
    """
    if not subjects.size:
        return {}
    order = np.lexsort((times_us, subjects))
    subjects, times_us = subjects[order], times_us[order]
    starts = np.flatnonzero(np.r_[True, subjects[1:] != subjects[:-1]])
    found = {}
    for start, end in zip(starts, [*starts[1:], subjects.size], strict=True):
        times = times_us[start:end]
        gaps = np.diff(times)
        gaps = gaps[(gaps > 0) & (gaps <= GAP_MAX_US)]
        last = int(np.median(gaps)) if gaps.size else 0
        whole = int(gaps.sum()) + last
        found[names[int(subjects[start])]] = Watched(int(times[0]), int(times[-1]), whole, int(end - start))
    return found
