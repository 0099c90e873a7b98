"""Early-warning scores of one patient. The tables are the Rust core's; docs/scores.md prints them with their sources.

Values are in canonical units (/min, %, mm[Hg], °C) and are rounded to the chart's resolution before they are banded.
A missing input is named and never scored 0: the score is then `partial`, and `total` and `risk` are lower bounds.
Every function raises `VigilError` with the field for an argument of the wrong type, an infinite number, or a value
that no living patient can show. Scores support a clinician's judgement and do not replace it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from vigil import core
from vigil.core import PewsTable
from vigil.errors import VigilError, mapped
from vigil.score_inputs import number, scale, text, truth

__all__ = ["PewsTable", "Score", "mews", "news2", "pews", "pews_table", "qsofa", "shock_index", "sirs"]


@dataclass(frozen=True, slots=True)
class Score:
    """A score and what it asks for."""

    name: str
    total: float | None
    """Points (the ratio for the shock index); None when nothing is known. A lower bound when `partial`."""
    subscores: Mapping[str, int]
    """Points of each known input."""
    missing: tuple[str, ...]
    """Inputs that could not be scored."""
    partial: bool
    risk: str
    """unknown, low, low-medium (NEWS2: a single 3), medium or high."""
    monitoring: str
    """How often to observe."""
    response: str
    """Who does what."""


def news2(
    *,
    respiratory_rate: float | None = None,
    spo2: float | None = None,
    spo2_scale: int = 1,
    on_oxygen: bool | None = None,
    systolic: float | None = None,
    heart_rate: float | None = None,
    consciousness: str | None = None,
    temperature: float | None = None,
    age_years: float | None = None,
    pregnant: bool = False,
) -> Score:
    """NEWS2 (Royal College of Physicians, 2017), 0 … 20. `consciousness` is one of A, C, V, P, U.

    Scale 2 only by a recorded clinician decision, never because the patient is on oxygen. Raises `VigilError`
    not_applicable under 16 years and in pregnancy, where they are told.
    """
    age, expecting = number("age_years", age_years), bool(truth("pregnant", pregnant))
    if not core.news2_applicable(age, expecting):
        why = "pregnant" if expecting else "age_years"
        raise VigilError("not_applicable", why, "NEWS2 is not for patients under 16 years, nor in pregnancy")
    with mapped():
        total, partial, _, subscores, missing, risk = core.score_news2(
            number("respiratory_rate", respiratory_rate),
            number("spo2", spo2),
            scale(spo2_scale),
            truth("on_oxygen", on_oxygen),
            number("systolic", systolic),
            number("heart_rate", heart_rate),
            text("consciousness", consciousness),
            number("temperature", temperature),
        )
    return _score("news2", (total, partial, subscores, missing, risk))


def mews(
    *,
    respiratory_rate: float | None = None,
    heart_rate: float | None = None,
    systolic: float | None = None,
    temperature: float | None = None,
    consciousness: str | None = None,
) -> Score:
    """MEWS (Subbe 2001), 0 … 14; high from 5."""
    with mapped():
        scored = core.score_mews(
            number("respiratory_rate", respiratory_rate),
            number("heart_rate", heart_rate),
            number("systolic", systolic),
            number("temperature", temperature),
            text("consciousness", consciousness),
        )
    return _score("mews", scored)


def qsofa(
    *, respiratory_rate: float | None = None, systolic: float | None = None, consciousness: str | None = None
) -> Score:
    """qSOFA (Sepsis-3, 2016), 0 … 3; high (positive) from 2."""
    with mapped():
        scored = core.score_qsofa(
            number("respiratory_rate", respiratory_rate),
            number("systolic", systolic),
            text("consciousness", consciousness),
        )
    return _score("qsofa", scored)


def sirs(
    *,
    temperature: float | None = None,
    heart_rate: float | None = None,
    respiratory_rate: float | None = None,
    white_cell_count: float | None = None,
) -> Score:
    """Criteria of SIRS (1992), 0 … 4; high (SIRS) from 2. White cells in 10⁹/L: without them it is partial."""
    scored = core.score_sirs(
        number("temperature", temperature),
        number("heart_rate", heart_rate),
        number("respiratory_rate", respiratory_rate),
        number("white_cell_count", white_cell_count),
    )
    return _score("sirs", scored)


def shock_index(*, heart_rate: float | None = None, systolic: float | None = None) -> Score:
    """Heart rate over systolic pressure as `total`; above 0.7 medium (raised), above 0.9 high."""
    ratio, missing, risk = core.score_shock_index(number("heart_rate", heart_rate), number("systolic", systolic))
    monitoring, response = _guidance("shock_index", 0, risk)
    return Score("shock_index", ratio, MappingProxyType({}), tuple(missing), bool(missing), risk, monitoring, response)


def pews(
    *,
    age_years: float | None = None,
    age_months: float | None = None,
    heart_rate: float | None = None,
    systolic: float | None = None,
    capillary_refill: float | None = None,
    respiratory_rate: float | None = None,
    respiratory_effort: str | None = None,
    spo2: float | None = None,
    on_oxygen: bool | None = None,
    o2_flow: float | None = None,
    fio2: float | None = None,
    table: PewsTable | None = None,
) -> Score:
    """A paediatric score by age band: Bedside PEWS (Parshuram 2009), 0 … 26, or a hospital's own `table`.

    `capillary_refill` in seconds, `respiratory_effort` one of normal, mild, moderate, severe, `o2_flow` in L/min,
    `fio2` in %. That oxygen is given does not say how much: without flow or concentration it is missing. Raises
    `VigilError` not_applicable for an age the table does not hold.
    """
    table = table or pews_table()
    months = number("age_months", age_months)
    years = number("age_years", age_years)
    if months is not None and years is not None:
        raise VigilError("duplicate_key", "age_months", "give age_years or age_months, not both")
    if months is None and years is not None:
        months = years * 12
    if months is not None and months >= table.below_months:
        raise VigilError("not_applicable", "age_years", f"{table.name} ends at {table.below_months / 12:g} years")
    with mapped():
        total, partial, subscores, missing, risk = core.score_pews(
            table,
            months,
            number("heart_rate", heart_rate),
            number("systolic", systolic),
            number("capillary_refill", capillary_refill),
            number("respiratory_rate", respiratory_rate),
            text("respiratory_effort", respiratory_effort),
            number("spo2", spo2),
            truth("on_oxygen", on_oxygen),
            number("o2_flow", o2_flow),
            number("fio2", fio2),
        )
    absent = ["age_years", *missing] if months is None else missing
    return _score("pews", (total, partial, subscores, absent, risk))


@cache
def pews_table(toml: str | None = None) -> PewsTable:
    """A paediatric table of a TOML text, checked; Bedside PEWS without one. Raises `VigilError` naming the field."""
    with mapped():
        return PewsTable(toml)


@cache
def _guidance(name: str, total: int, risk: str) -> tuple[str, str]:
    return core.score_guidance(name, total, risk)


def _score(name: str, scored: tuple[int, bool, Iterable[tuple[str, int]], Iterable[str], str]) -> Score:
    total, partial, subscores, missing, risk = scored
    points = dict(subscores)
    monitoring, response = _guidance(name, total, risk)
    return Score(
        name,
        total if points else None,
        MappingProxyType(points),
        tuple(missing),
        partial,
        risk,
        monitoring,
        response,
    )
