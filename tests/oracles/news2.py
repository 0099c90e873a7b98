"""NEWS2 by the book (Royal College of Physicians, 2017), written without looking at the core.

Deliberately naive: decimals, if-chains in the chart's own words, one function an input. Values are
charted first (integers; 0.1 degC), and a value halfway between two charted values is scored as both,
of which the more abnormal counts.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

Number = Decimal | None


def respiratory_rate(rate: Decimal) -> int:
    if rate <= 8:
        return 3
    if 9 <= rate <= 11:
        return 1
    if 12 <= rate <= 20:
        return 0
    if 21 <= rate <= 24:
        return 2
    assert rate >= 25
    return 3


def spo2_scale_1(spo2: Decimal) -> int:
    if spo2 <= 91:
        return 3
    if spo2 in (92, 93):
        return 2
    if spo2 in (94, 95):
        return 1
    assert spo2 >= 96
    return 0


def spo2_scale_2(spo2: Decimal, on_oxygen: bool) -> int:
    if spo2 <= 83:
        return 3
    if spo2 in (84, 85):
        return 2
    if spo2 in (86, 87):
        return 1
    if 88 <= spo2 <= 92 or not on_oxygen:
        return 0
    if spo2 in (93, 94):
        return 1
    if spo2 in (95, 96):
        return 2
    assert spo2 >= 97
    return 3


def systolic(pressure: Decimal) -> int:
    if pressure <= 90:
        return 3
    if pressure <= 100:
        return 2
    if pressure <= 110:
        return 1
    if pressure <= 219:
        return 0
    return 3


def heart_rate(rate: Decimal) -> int:
    if rate <= 40:
        return 3
    if rate <= 50:
        return 1
    if rate <= 90:
        return 0
    if rate <= 110:
        return 1
    if rate <= 130:
        return 2
    return 3


def temperature(celsius: Decimal) -> int:
    if celsius <= Decimal("35.0"):
        return 3
    if celsius <= Decimal("36.0"):
        return 1
    if celsius <= Decimal("38.0"):
        return 0
    if celsius <= Decimal("39.0"):
        return 1
    return 2


def charted(value: Decimal, resolution: str, points: Callable[[Decimal], int]) -> int:
    """Points of the nearest charted value; of the worse one when two are equally near."""
    step = Decimal(resolution)
    below = (value / step).to_integral_value(ROUND_FLOOR) * step
    above = (value / step).to_integral_value(ROUND_CEILING) * step
    if value - below < above - value:
        return points(below)
    if value - below > above - value:
        return points(above)
    return max(points(below), points(above))


def score(
    rr: Number, spo2: Number, scale: int, on_oxygen: bool | None, sbp: Number, hr: Number, acvpu: str | None, t: Number
) -> tuple[int, bool, bool, dict[str, int], set[str], str]:
    """(total, partial, single_three, sub-scores, missing, risk)."""
    subs: dict[str, int] = {}
    if rr is not None:
        subs["respiratory_rate"] = charted(rr, "1", respiratory_rate)
    if spo2 is not None:
        if scale != 2:
            subs["spo2"] = charted(spo2, "1", spo2_scale_1)
        elif on_oxygen is not None:
            subs["spo2"] = charted(spo2, "1", lambda v: spo2_scale_2(v, on_oxygen))
        else:
            both = {charted(spo2, "1", lambda v, o=o: spo2_scale_2(v, o)) for o in (True, False)}
            if len(both) == 1:  # air or oxygen makes no difference
                subs["spo2"] = both.pop()
    if on_oxygen is not None:
        subs["on_oxygen"] = 2 if on_oxygen else 0
    if sbp is not None:
        subs["systolic"] = charted(sbp, "1", systolic)
    if hr is not None:
        subs["heart_rate"] = charted(hr, "1", heart_rate)
    if acvpu is not None:
        subs["consciousness"] = 0 if acvpu == "A" else 3
    if t is not None:
        subs["temperature"] = charted(t, "0.1", temperature)
    names = {"respiratory_rate", "spo2", "on_oxygen", "systolic", "heart_rate", "consciousness", "temperature"}
    total = sum(subs.values())
    single_three = 3 in subs.values()
    if not subs:
        risk = "unknown"
    elif total >= 7:
        risk = "high"
    elif total >= 5:
        risk = "medium"
    elif single_three:
        risk = "low-medium"
    else:
        risk = "low"
    return total, subs.keys() != names, single_three, subs, names - subs.keys(), risk
