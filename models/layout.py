"""Where things stand in a feature row, and which quantities the networks see.

The rows come from the Rust core; this file only names their columns. The networks' input, per row, is in this order:
the patient's own baseline of each sign (value - delta), the signs' values, the signs of support; slopes and deviations
per sign, the person and what signs say together; then the durations, as fourth roots of hours; then flags that say
which of the values and signs of support are known. A quantity that is unknown stands where it usually is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

HOUR_S = 3600.0
LIMIT_S = 400 * 86_400.0  # a longer time counts as this
SLOPE_MAX = 400.0
MARGIN = 1e-5  # beyond the last plausible value, of its distance: rounding must not make that unknown
SUPPORT = ("etco2", "fio2", "glucose")
USUAL = {
    "heart_rate": 85.0,
    "spo2": 97.0,
    "respiratory_rate": 18.0,
    "temperature": 37.0,
    "systolic": 122.0,
    "diastolic": 62.0,
    "mean_pressure": 80.0,
    "etco2": 35.0,
    "fio2": 45.0,
    "glucose": 130.0,
}
# With the bounds outside which they count as missing, and where they usually are. Not used: how old a sign's value is,
# for it says more of how a ward charts than of a patient; and `on_oxygen`, for what it says is in `fio2`.
TOGETHER = {
    "age_years": (0.0, 130.0, 62.0),
    "male": (0.0, 1.0, 0.5),
    "shock_index": (0.0, 10.0, 0.7),
    "pulse_pressure": (-300.0, 300.0, 60.0),
    "heart_rate_at_37": (-100.0, 500.0, 85.0),
}
# What holds a sign's own value: it must not be seen when that value is predicted.
DERIVED = {
    "heart_rate": ("shock_index", "heart_rate_at_37"),
    "temperature": ("heart_rate_at_37",),
    "systolic": ("shock_index", "pulse_pressure"),
    "diastolic": ("pulse_pressure",),
}

# What follows a sign's name where its columns hold how it moves, and how it varies.
SLOPES = ("slope_6h", "slope_24h")
DEVIATIONS = ("deviation_6h", "deviation_24h")

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Column indices, from the core's feature and score names; plausible limits of signs and signs of support."""

    features: Sequence[str]
    signs: Sequence[str]
    plausible: Sequence[tuple[float, float]]

    def columns(self, suffix: str) -> list[int]:
        """The columns `<sign><suffix>`, a sign each."""
        return [self.features.index(f"{sign}{suffix}") for sign in self.signs]

    @cached_property
    def value(self) -> list[int]:
        """Columns of the signs' values."""
        return self.columns("")

    @cached_property
    def delta(self) -> list[int]:
        """Columns of the values' distances from the patient's own baseline."""
        return self.columns("_delta")

    @cached_property
    def rolling(self) -> list[int]:
        """Columns of slopes and deviations, one after the other of all signs."""
        return [column for part in (*SLOPES, *DEVIATIONS) for column in self.columns(f"_{part}")]

    @cached_property
    def plain(self) -> list[int]:
        """Columns that are seen as they are, after the baselines: the first have a flag."""
        support = [self.features.index(name) for name in SUPPORT]
        together = [self.features.index(name) for name in TOGETHER]
        return [*self.value, *support, *self.rolling, *together]

    @cached_property
    def durations(self) -> list[int]:
        """Columns that are seen as the fourth root of hours: nearly a logarithm, and an eighth of its cost."""
        support = [self.features.index(f"{name}_age_s") for name in SUPPORT]
        return [*self.columns("_unchanged_s"), *support, self.features.index("seen_s")]

    @property
    def state(self) -> list[int]:
        """Columns that say how the patient is: values, history, the person."""
        return sorted([*self.delta, *self.plain])

    @property
    def seen(self) -> list[int]:
        """All columns that are used: the patient's state, and durations."""
        return sorted([*self.state, *self.durations])

    @property
    def flagged(self) -> slice:
        """The quantities that have a flag: values, then signs of support."""
        return slice(len(self.signs), 2 * len(self.signs) + len(SUPPORT))

    @property
    def timed(self) -> int:
        """Where the durations begin among the quantities."""
        return len(self.signs) + len(self.plain)

    @property
    def quantities(self) -> int:
        """Everything but the flags, which follow."""
        return self.timed + len(self.durations)

    @property
    def inputs(self) -> int:
        """The quantities and the flags."""
        return self.quantities + len(self.signs) + len(SUPPORT)

    def bounds(self) -> NDArray[np.float64]:
        """Per quantity but the durations: lowest and highest value that counts as known, and the usual one."""
        count = len(self.signs)
        usual = [USUAL[name] for name in (*self.signs, *SUPPORT)]
        plain = [(low, high, at) for (low, high), at in zip(self.plausible, usual, strict=True)]
        trends = [(-SLOPE_MAX, SLOPE_MAX, 0.0)] * len(self.rolling)
        return np.array([*plain[:count], *plain, *trends, *TOGETHER.values()])

    def quantities_of(self, rows: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        """The quantities of feature rows, and which of them are known."""
        low, high, usual = self.bounds().T
        baseline = rows[:, self.value] - rows[:, self.delta]
        made = np.hstack([baseline, rows[:, self.plain], rows[:, self.durations]])
        known = np.isfinite(made)
        with np.errstate(invalid="ignore"):
            moved = made[:, : self.timed] - usual
            known[:, : self.timed] = (moved >= (low - usual) * (1 + MARGIN)) & (moved <= (high - usual) * (1 + MARGIN))
            hours = np.clip(made[:, self.timed :], 0, np.float32(LIMIT_S)) / np.float32(HOUR_S)
        made[:, self.timed :] = np.sqrt(np.sqrt(hours))
        return made, known

    def still(self, made: Matrix) -> Matrix:
        """Of the quantities, for how long each sign's value has been the same."""
        return made[:, self.timed : self.timed + len(self.signs)]

    def hidden_from(self, sign: int) -> list[int]:
        """Inputs that give the sign's own current value away: unseen when it is predicted."""
        together = self.timed - len(TOGETHER)
        derived = [together + list(TOGETHER).index(name) for name in DERIVED.get(self.signs[sign], ())]
        return [len(self.signs) + sign, *derived, self.timed + sign, self.quantities + sign]


@dataclass(frozen=True)
class Scale:
    """What a quantity usually is, and the standard deviation that its distance from it is divided by."""

    usual: Matrix
    deviation: Matrix

    @staticmethod
    def fit(layout: Layout, made: Matrix, known: NDArray[np.bool_]) -> "Scale":
        """From training quantities; a quantity that never varies gets deviation 1."""
        masked = np.where(known, made, np.nan).astype(np.float64)
        some = known.any(axis=0)
        usual, deviation = np.zeros(made.shape[1]), np.ones(made.shape[1])
        usual[: layout.timed] = layout.bounds()[:, 2]
        spread = np.nanstd(masked[:, some], axis=0)
        deviation[some] = np.where(spread > 1e-6, spread, 1.0)
        return Scale(usual.astype(np.float32), deviation.astype(np.float32))

    def inputs(self, layout: Layout, rows: Matrix) -> Matrix:
        """The networks' input: standardised quantities (0 where unknown), then the flags."""
        made, known = layout.quantities_of(rows)
        scaled = np.where(known, (made - self.usual) / self.deviation, np.float32(0))
        return np.hstack([scaled, known[:, layout.flagged]]).astype(np.float32)
