"""MEWS, qSOFA, SIRS, shock index and Bedside PEWS by their papers, written without looking at the core.

As naive as the NEWS2 oracle beside it: decimals and if-chains in the papers' own words.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from tests.oracles.news2 import charted

Number = Decimal | None
Result = tuple[int, bool, dict[str, int], set[str], str]


def _sum(subs: dict[str, int | None], high_from: int) -> Result:
    known = {name: points for name, points in subs.items() if points is not None}
    total = sum(known.values())
    risk = "unknown" if not known else "high" if total >= high_from else "low"
    return total, len(known) < len(subs), known, subs.keys() - known.keys(), risk


def _of(value: Number, points: Callable[[Decimal], int], resolution: str = "1") -> int | None:
    return None if value is None else charted(value, resolution, points)


# MEWS (Subbe 2001) ---------------------------------------------------------------------------------------


def _mews_rr(v: Decimal) -> int:
    if v < 9:
        return 2
    if v <= 14:
        return 0
    if v <= 20:
        return 1
    return 2 if v < 30 else 3


def _mews_hr(v: Decimal) -> int:
    if v <= 40:
        return 2
    if v <= 50:
        return 1
    if v <= 100:
        return 0
    if v <= 110:
        return 1
    return 2 if v < 130 else 3


def _mews_sbp(v: Decimal) -> int:
    if v <= 70:
        return 3
    if v <= 80:
        return 2
    if v <= 100:
        return 1
    return 0 if v < 200 else 2


def mews(rr: Number, hr: Number, sbp: Number, t: Number, acvpu: str | None) -> Result:
    subs = {
        "respiratory_rate": _of(rr, _mews_rr),
        "heart_rate": _of(hr, _mews_hr),
        "systolic": _of(sbp, _mews_sbp),
        "temperature": _of(t, lambda v: 2 if v < 35 or v >= Decimal("38.5") else 0, "0.1"),
        "consciousness": None if acvpu is None else {"A": 0, "C": 1, "V": 1, "P": 2, "U": 3}[acvpu],
    }
    return _sum(subs, 5)


# qSOFA and SIRS --------------------------------------------------------------------------------------------


def qsofa(rr: Number, sbp: Number, acvpu: str | None) -> Result:
    subs = {
        "respiratory_rate": _of(rr, lambda v: int(v >= 22)),
        "systolic": _of(sbp, lambda v: int(v <= 100)),
        "consciousness": None if acvpu is None else int(acvpu != "A"),
    }
    return _sum(subs, 2)


def sirs(t: Number, hr: Number, rr: Number, wcc: Number) -> Result:
    subs = {
        "temperature": _of(t, lambda v: int(v > 38 or v < 36), "0.1"),
        "heart_rate": _of(hr, lambda v: int(v > 90)),
        "respiratory_rate": _of(rr, lambda v: int(v > 20)),
        "white_cell_count": _of(wcc, lambda v: int(v > 12 or v < 4), "0.1"),
    }
    return _sum(subs, 2)


# Shock index -----------------------------------------------------------------------------------------------


def shock_index(hr: Number, sbp: Number) -> tuple[Fraction | None, set[str], str]:
    missing = {name for name, value in (("heart_rate", hr), ("systolic", sbp)) if value is None}
    if hr is None or sbp is None:
        return None, missing, "unknown"
    half = Decimal("0.5")
    ratio = Fraction(floor(hr + half), ceil(sbp - half))  # a half goes towards the higher index
    risk = "high" if ratio > Fraction(9, 10) else "medium" if ratio > Fraction(7, 10) else "low"
    return ratio, missing, risk


# Bedside PEWS (Parshuram 2009, Table 1) ------------------------------------------------------------------------

# Age from (months): for each sign the limits of 1, 2 and 4 points, high (>=) and low (<=).
AGES: list[tuple[int, dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]]]] = [
    (
        0,
        {
            "heart_rate": ((150, 180, 190), (110, 90, 80)),
            "systolic": ((80, 100, 130), (60, 50, 45)),
            "respiratory_rate": ((61, 81, 91), (29, 19, 15)),
        },
    ),
    (
        3,
        {
            "heart_rate": ((150, 170, 180), (100, 80, 70)),
            "systolic": ((100, 120, 150), (80, 70, 60)),
            "respiratory_rate": ((51, 71, 81), (24, 19, 15)),
        },
    ),
    (
        12,
        {
            "heart_rate": ((120, 150, 170), (90, 70, 60)),
            "systolic": ((110, 125, 160), (90, 75, 65)),
            "respiratory_rate": ((41, 61, 71), (19, 15, 12)),
        },
    ),
    (
        48,
        {
            "heart_rate": ((110, 130, 150), (70, 60, 50)),
            "systolic": ((120, 140, 170), (90, 80, 70)),
            "respiratory_rate": ((31, 41, 51), (19, 14, 10)),
        },
    ),
    (
        144,
        {
            "heart_rate": ((100, 120, 140), (60, 50, 40)),
            "systolic": ((130, 150, 190), (100, 85, 75)),
            "respiratory_rate": ((17, 23, 30), (11, 10, 9)),
        },
    ),
]


def _by_age(months: Number, sign: str, value: Number) -> int | None:
    if months is None or value is None:
        return None
    high, low = [limits for start, limits in AGES if months >= start][-1][sign]

    def points(v: Decimal) -> int:
        for i, score in ((2, 4), (1, 2), (0, 1)):
            if v >= high[i] or v <= low[i]:
                return score
        return 0

    return charted(value, "1", points)


def _oxygen(on_oxygen: bool | None, flow: Number, fio2: Number) -> int | None:
    known = [
        _of(flow, lambda v: 0 if v <= 0 else 2 if v < 4 else 4, "0.1"),
        _of(fio2, lambda v: 0 if v <= 21 else 2 if v < 50 else 4),
    ]
    worst = max((points for points in known if points is not None), default=None)
    if on_oxygen and not worst:
        return None  # oxygen is given, and nobody says how much
    if on_oxygen is False and worst is None:
        return 0
    return worst


def pews(
    months: Number,
    hr: Number,
    sbp: Number,
    crt: Number,
    rr: Number,
    effort: str | None,
    spo2: Number,
    on_oxygen: bool | None,
    flow: Number,
    fio2: Number,
) -> Result:
    subs = {
        "heart_rate": _by_age(months, "heart_rate", hr),
        "systolic": _by_age(months, "systolic", sbp),
        "capillary_refill": _of(crt, lambda v: 0 if v < 3 else 4, "0.1"),
        "respiratory_rate": _by_age(months, "respiratory_rate", rr),
        "respiratory_effort": None if effort is None else {"normal": 0, "mild": 1, "moderate": 2, "severe": 4}[effort],
        "spo2": _of(spo2, lambda v: 2 if v <= 90 else 1 if v <= 94 else 0),
        "oxygen_therapy": _oxygen(on_oxygen, flow, fio2),
    }
    total, partial, known, missing, risk = _sum(subs, 8)
    return total, partial, known, missing | ({"age_years"} if months is None else set()), risk
