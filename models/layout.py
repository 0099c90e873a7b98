"""Where things stand in a feature row, and which quantities the networks see.

The rows come from the Rust core; this file only names their columns. The networks' input, per row, is in this order:
per sign its value and the patient's own baseline (value - delta), the signs of support; slope and deviation per sign,
the person and what signs say together; then the durations, as fourth roots of hours; then flags that say which of the
values, baselines and signs of support are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LIMIT_S = 400 * 86_400.0
HOUR_S = 3600.0
SUPPORT = ("etco2", "fio2", "glucose")
# With the bounds outside which they count as missing. `on_oxygen` is not used: what it says is in `fio2`, and the
# training recording knows no flow.
TOGETHER = {
    "age_years": (0.0, 130.0),
    "male": (0.0, 1.0),
    "shock_index": (0.0, 10.0),
    "pulse_pressure": (-300.0, 300.0),
}
# What holds a sign's own value: it must not be seen when that value is predicted.
DERIVED = {
    "heart_rate": ("shock_index",),
    "systolic": ("shock_index", "pulse_pressure"),
    "diastolic": ("pulse_pressure",),
}
SLOPE_MAX = 400.0

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
    def support(self) -> list[int]:
        """Columns of the signs of support."""
        return [self.features.index(name) for name in SUPPORT]

    @cached_property
    def plain(self) -> list[int]:
        """Columns that are seen as they are, after values, baselines and support."""
        together = [self.features.index(name) for name in TOGETHER]
        return [*self.columns("_slope"), *self.columns("_deviation"), *together]

    @cached_property
    def durations(self) -> list[int]:
        """Columns that are seen as the fourth root of hours: nearly a logarithm, and an eighth of its cost."""
        support = [self.features.index(f"{name}_age_s") for name in SUPPORT]
        return [*self.columns("_age_s"), *self.columns("_unchanged_s"), *support, self.features.index("seen_s")]

    @property
    def flags(self) -> int:
        """The first so many quantities have a flag."""
        return 2 * len(self.signs) + len(SUPPORT)

    @property
    def quantities(self) -> int:
        """Everything but the flags."""
        return self.flags + len(self.plain) + len(self.durations)

    @property
    def inputs(self) -> int:
        """The quantities and the flags."""
        return self.quantities + self.flags

    def bounds(self) -> tuple[Matrix, Matrix]:
        """Per quantity, before roots, the lowest and highest value that counts as known."""
        count = len(self.signs)
        signs, support = list(self.plausible[:count]), list(self.plausible[count:])
        spread = [(-SLOPE_MAX, SLOPE_MAX)] * count + [(0.0, SLOPE_MAX)] * count
        durations = [(0.0, LIMIT_S)] * len(self.durations)
        both = np.array([*signs, *signs, *support, *spread, *TOGETHER.values(), *durations], np.float32)
        return both[:, 0], both[:, 1]

    def quantities_of(self, rows: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        """The quantities of feature rows, and which of them are known."""
        value, delta = rows[:, self.value], rows[:, self.delta]
        with np.errstate(invalid="ignore"):
            columns = [value, value - delta, rows[:, self.support], rows[:, self.plain], rows[:, self.durations]]
            made = np.hstack(columns)
            low, high = self.bounds()
            known = (made >= low) & (made <= high)
            last = slice(self.quantities - len(self.durations), None)
            made[:, last] = np.sqrt(np.sqrt(np.maximum(made[:, last], 0) / np.float32(HOUR_S)))
        return made, known

    def still(self, made: Matrix) -> Matrix:
        """Of the quantities, for how long each sign's value has been the same."""
        first = self.quantities - len(self.durations) + len(self.signs)
        return made[:, first : first + len(self.signs)]

    def hidden_from(self, sign: int) -> list[int]:
        """Inputs that give the sign's own current value away: unseen when it is predicted."""
        count, plain = len(self.signs), self.flags + 2 * len(self.signs)
        derived = [plain + list(TOGETHER).index(name) for name in DERIVED.get(self.signs[sign], ())]
        durations = self.quantities - len(self.durations)
        return [sign, *derived, durations + sign, durations + count + sign, self.quantities + sign]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation per quantity, over the known training values."""

    mean: Matrix
    deviation: Matrix

    @staticmethod
    def fit(made: Matrix, known: NDArray[np.bool_]) -> "Scale":
        """From training quantities; a quantity that never varies gets deviation 1."""
        masked = np.where(known, made, np.nan).astype(np.float64)
        some = known.any(axis=0)
        mean, deviation = np.zeros(made.shape[1]), np.ones(made.shape[1])
        mean[some] = np.nanmean(masked[:, some], axis=0)
        spread = np.nanstd(masked[:, some], axis=0)
        deviation[some] = np.where(spread > 1e-6, spread, 1.0)
        return Scale(mean.astype(np.float32), deviation.astype(np.float32))

    def inputs(self, layout: Layout, rows: Matrix) -> Matrix:
        """The networks' input: standardised quantities (0 where unknown), then the flags."""
        made, known = layout.quantities_of(rows)
        scaled = np.where(known, (made - self.mean) / self.deviation, np.float32(0))
        return np.hstack([scaled, known[:, : layout.flags]]).astype(np.float32)
