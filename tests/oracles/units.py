"""Conversions to canonical units, written again from the definitions and independent of the core: in fractions."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

# (sign, unit) → how many canonical units: value × factor + offset.
CONVERSIONS: dict[tuple[str, str], tuple[Fraction, Fraction]] = {
    ("temperature", "degF"): (Fraction(5, 9), Fraction(-160, 9)),
    ("temperature", "K"): (Fraction(1), Fraction("-273.15")),
    ("systolic", "kPa"): (Fraction("7.500615758"), Fraction(0)),
    ("diastolic", "cmH2O"): (Fraction("0.73555914"), Fraction(0)),
    ("etco2", "kPa"): (Fraction("7.500615758"), Fraction(0)),
    ("glucose", "mmol/L"): (Fraction("18.016"), Fraction(0)),
    ("spo2", "fraction"): (Fraction(100), Fraction(0)),
    ("o2_flow", "mL/min"): (Fraction(1, 1000), Fraction(0)),
}


def convert(sign: str, unit: str, text: str) -> float:
    """`text` in the sign's canonical unit, rounded half up to a millionth."""
    factor, offset = CONVERSIONS[sign, unit]
    exact = Fraction(text) * factor + offset
    scaled = Decimal(exact.numerator * 10**6) / Decimal(exact.denominator)
    return float(scaled.quantize(Decimal(1), ROUND_HALF_UP) / 10**6)
