"""The vocabulary's signs as the registry's bodies name them, with what a living patient can show."""

from functools import cache
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from vigil import core
from vigil.pb import events_pb2


class Plausible(NamedTuple):
    """A sign's plausible values, canonical units."""

    low: float
    high: float
    unit: str


@cache
def plausible() -> dict[str, Plausible]:
    """By canonical name."""
    return {
        str(entry["field"]): Plausible(
            float(entry["plausible_low"]),  # type: ignore[arg-type]
            float(entry["plausible_high"]),  # type: ignore[arg-type]
            str(entry["unit"]),
        )
        for entry in core.vocabulary()
    }


@cache
def _names() -> dict[str, str]:
    names = {name: name for name in plausible()}
    return {to_camel(name): name for name in names} | names


def canonical(value: Any) -> Any:
    """`heartRate` or `heart_rate` → `heart_rate`."""
    if isinstance(value, str) and value in _names():
        return _names()[value]
    raise PydanticCustomError("invalid_value", "not a vital sign; known are " + ", ".join(plausible()))


def number(sign: str) -> Any:
    """The sign's number in the events."""
    return events_pb2.Sign.Value("SIGN_" + sign.upper())


def check_plausible(sign: str, value: float, what: str = "the value") -> None:
    """Refuses what no living patient shows: a limit out there would silence the alarm."""
    low, high, unit = plausible()[sign]
    if not low <= value <= high:
        raise PydanticCustomError("out_of_range", f"{what} of {sign} lies outside {low:g} … {high:g} {unit}")
