"""Axis scales: round tick values and how numbers are written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def number(value: object) -> str:
    """A number as a reader wants it: thousands apart, about three significant digits; text as it is; None as –."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values that cover `low … high`; the first is at most `low` and the last at least `high`."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        low, high = (low, low + 1.0) if math.isfinite(low) else (0.0, 1.0)
    raw = (high - low) / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in _STEPS if step * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


@dataclass(frozen=True)
class Scale:
    """Maps values `low … high` to pixels `start … end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)


def spanning(values: Sequence[float], start: float, end: float, *, zero: bool = False) -> tuple[Scale, list[float]]:
    """A scale over the finite values (and 0), with its ticks."""
    finite = [value for value in values if math.isfinite(value)]
    if zero or not finite:
        finite = [*finite, 0.0]
    marks = ticks(min(finite), max(finite))
    return Scale(marks[0], marks[-1], start, end), marks
