"""The injected episodes: what each does to the signs, how long it lasts, and which alerts must follow.

A profile holds long enough to outlast the default rules' delays. `alert_types` and `priority` are the ground
truth's claim; a test holds them against `rules/default.toml`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SIGNS = ("heart_rate", "spo2", "respiratory_rate", "temperature", "systolic", "diastolic")
HR, SPO2, RR, TEMP, SBP, DBP = range(len(SIGNS))

STEP, SHIFT, ABSENT = 0, 1, 2
"""How a sign is moved: to a target value, by an amount, or its probe falls off."""


class Effect(NamedTuple):
    """What an episode does to one sign at its height."""

    sign: int
    how: int
    amount: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """An episode: ramps up, holds, ramps down (seconds). `sign` is what the expected alert speaks of, `priority`
    the highest it reaches."""

    kind: str
    sign: str
    effects: tuple[Effect, ...]
    ramp_s: float
    hold_s: float
    alert_types: tuple[str, ...]
    priority: str
    technical: bool = False


PROFILES: tuple[Profile, ...] = (
    Profile(
        kind="desaturation",
        sign="spo2",
        effects=(Effect(SPO2, STEP, 81.0), Effect(HR, SHIFT, 14.0), Effect(RR, SHIFT, 3.0)),
        ramp_s=5.0,
        hold_s=75.0,
        alert_types=("spo2_low",),
        priority="high",
    ),
    Profile(
        kind="tachycardia",
        sign="heart_rate",
        effects=(Effect(HR, STEP, 158.0), Effect(SBP, SHIFT, -6.0)),
        ramp_s=4.0,
        hold_s=75.0,
        alert_types=("heart_rate_high",),
        priority="high",
    ),
    Profile(
        kind="bradycardia",
        sign="heart_rate",
        effects=(Effect(HR, STEP, 34.0), Effect(SBP, SHIFT, -6.0)),
        ramp_s=4.0,
        hold_s=75.0,
        alert_types=("heart_rate_low",),
        priority="high",
    ),
    Profile(
        kind="asystole",
        sign="heart_rate",
        effects=(Effect(HR, STEP, 0.0), Effect(SPO2, SHIFT, -4.0)),
        ramp_s=0.0,
        hold_s=45.0,
        alert_types=("asystole",),
        priority="high",
    ),
    Profile(
        kind="hypotension",
        sign="systolic",
        effects=(Effect(SBP, STEP, 72.0), Effect(DBP, STEP, 41.0), Effect(HR, SHIFT, 12.0)),
        ramp_s=5.0,
        hold_s=80.0,
        alert_types=("systolic_low",),
        priority="high",
    ),
    Profile(
        kind="fever",
        sign="temperature",
        effects=(Effect(TEMP, STEP, 39.7), Effect(HR, SHIFT, 12.0)),
        ramp_s=5.0,
        hold_s=90.0,
        alert_types=("temperature_high",),
        priority="medium",
    ),
    Profile(
        kind="tachypnoea",
        sign="respiratory_rate",
        effects=(Effect(RR, STEP, 34.0), Effect(HR, SHIFT, 8.0)),
        ramp_s=5.0,
        hold_s=75.0,
        alert_types=("respiratory_rate_high",),
        priority="high",
    ),
    Profile(
        kind="probe_off",
        sign="spo2",
        effects=(Effect(SPO2, ABSENT, 0.0),),
        ramp_s=0.0,
        hold_s=75.0,
        alert_types=("spo2_missing",),
        priority="low",
        technical=True,
    ),
)
KINDS = tuple(profile.kind for profile in PROFILES)

SURE_AFTER_S = 30.0
"""By this long after the height is reached the default rules must have raised the alert."""

OBSERVATIONS_MIN = 6
"""A hold covers at least this many observations, whatever the interval."""


class Tables(NamedTuple):
    """The profiles as arrays for the kernels: `[kind, sign]` and `[kind]`."""

    how: np.ndarray
    amount: np.ndarray
    ramp_s: np.ndarray
    hold_s: np.ndarray


def tables(interval_s: float) -> Tables:
    """The kernels' view of `PROFILES` at this interval. `how` is -1 where a sign is left alone."""
    how = np.full((len(PROFILES), len(SIGNS)), -1, np.int8)
    amount = np.zeros((len(PROFILES), len(SIGNS)))
    for row, profile in enumerate(PROFILES):
        for effect in profile.effects:
            how[row, effect.sign], amount[row, effect.sign] = effect.how, effect.amount
    hold = np.array([max(p.hold_s, OBSERVATIONS_MIN * interval_s) for p in PROFILES])
    return Tables(how, amount, np.array([p.ramp_s for p in PROFILES]), hold)
