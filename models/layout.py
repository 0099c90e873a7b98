"""Where things stand in a feature row, and which quantities the networks see.

The rows come from the Rust core; this file only names their columns. The networks' input, per row, is:
per sign its value, the patient's own baseline (value - delta) and the value's age; then the extras;
then flags that say which values and baselines are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

AGE_MAX_S = 7 * 86_400.0
# Extras with the bounds outside which they count as missing. `on_oxygen` is not used: the training
# recording knows it for 2 % of the rows, and whether it is known says more about the care than the patient.
EXTRAS = {"age_years": (0.0, 130.0), "male": (0.0, 1.0), "shock_index": (0.0, 10.0), "pulse_pressure": (-300.0, 300.0)}
# Which extras hold a sign's own value: they must not be seen when that value is predicted.
DERIVED = {
    "heart_rate": ("shock_index",),
    "systolic": ("shock_index", "pulse_pressure"),
    "diastolic": ("pulse_pressure",),
}

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Column indices, from the core's feature and score names; plausible limits per sign."""

    features: Sequence[str]
    signs: Sequence[str]
    plausible: Sequence[tuple[float, float]]

    @cached_property
    def value(self) -> list[int]:
        """Columns of the signs' values."""
        return [self.features.index(sign) for sign in self.signs]

    @cached_property
    def age(self) -> list[int]:
        """Columns of the values' ages."""
        return [self.features.index(f"{sign}_age_s") for sign in self.signs]

    @cached_property
    def delta(self) -> list[int]:
        """Columns of the values' distances from the patient's own baseline."""
        return [self.features.index(f"{sign}_delta") for sign in self.signs]

    @cached_property
    def extra(self) -> list[int]:
        """Columns of the extras."""
        return [self.features.index(name) for name in EXTRAS]

    @property
    def quantities(self) -> int:
        """Value, baseline and age per sign, and the extras."""
        return 3 * len(self.signs) + len(EXTRAS)

    @property
    def inputs(self) -> int:
        """The quantities and the flags of values and baselines."""
        return self.quantities + 2 * len(self.signs)

    def bounds(self) -> tuple[Matrix, Matrix]:
        """Per quantity the lowest and highest value that counts as known."""
        low = [b[0] for b in self.plausible] * 2 + [0.0] * len(self.signs) + [b[0] for b in EXTRAS.values()]
        high = [b[1] for b in self.plausible] * 2 + [AGE_MAX_S] * len(self.signs) + [b[1] for b in EXTRAS.values()]
        return np.array(low, np.float32), np.array(high, np.float32)

    def quantities_of(self, rows: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        """The quantities of feature rows, and which of them are known."""
        value, delta = rows[:, self.value], rows[:, self.delta]
        with np.errstate(invalid="ignore"):
            made = np.hstack([value, value - delta, rows[:, self.age], rows[:, self.extra]])
            low, high = self.bounds()
            known = (made >= low) & (made <= high)
        return made, known

    def hidden_from(self, sign: int) -> list[int]:
        """Inputs that give the sign's own current value away: unseen when it is predicted."""
        count = len(self.signs)
        derived = [3 * count + list(EXTRAS).index(name) for name in DERIVED.get(self.signs[sign], ())]
        return [sign, 2 * count + sign, self.quantities + sign, *derived]


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
        return np.hstack([scaled, known[:, : 2 * len(layout.signs)]]).astype(np.float32)
