"""Checks of a score's arguments: a wrong one is refused with its field, a missing one stays missing."""

import math
from decimal import Decimal
from numbers import Real

from vigil.core import vocabulary
from vigil.errors import VigilError

RANGES: dict[str, tuple[float, float]] = {
    "age_months": (0, 130 * 12),
    "age_years": (0, 130),
    "capillary_refill": (0, 60),
    "white_cell_count": (0, 1000),
}
"""What a living patient can show, by field: the vocabulary's ranges and those of what is no vital sign."""
for _entry in vocabulary():
    RANGES[str(_entry["field"])] = (float(str(_entry["plausible_low"])), float(str(_entry["plausible_high"])))


def number(field: str, value: object) -> float | None:
    """A finite, plausible number. `None` and NaN (an empty cell of a data frame) are missing.

    Raises `VigilError`: wrong_type, not_finite, implausible.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise VigilError("wrong_type", field, f"a number is needed, not {type(value).__name__}")
    try:
        read = float(value)
    except (OverflowError, ValueError) as error:  # 10**400, a signalling NaN
        raise VigilError("not_finite", field, str(error)) from error
    if math.isnan(read):
        return None
    if math.isinf(read):
        raise VigilError("not_finite", field, "infinity is no reading")
    low, high = RANGES[field]
    if not low <= read <= high:
        raise VigilError("implausible", field, f"{read:g} is outside {low:g} … {high:g}")
    return read


def truth(field: str, value: object) -> bool | None:
    """True, False, or missing. Raises `VigilError` wrong_type for anything else: 1 might be a flow."""
    if value is None or isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise VigilError("wrong_type", field, f"True, False or None is needed, not {type(value).__name__}")


def text(field: str, value: object) -> str | None:
    """A text, or missing. Raises `VigilError` wrong_type."""
    if value is None or isinstance(value, str):
        return value
    raise VigilError("wrong_type", field, f"a text is needed, not {type(value).__name__}")


def scale(value: object) -> int:
    """The SpO2 scale. Raises `VigilError`: there is no scale but 1 and 2, and none is guessed."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise VigilError("wrong_type", "spo2_scale", f"1 or 2 is needed, not {type(value).__name__}")
    if value not in (1, 2):
        raise VigilError("invalid_text", "spo2_scale", "SpO2 scale is 1 or 2")
    return value
