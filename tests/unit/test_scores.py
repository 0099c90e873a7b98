"""Every score of `vigil.scores` against an independent oracle: each edge of each band, and random inputs."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import scores_doc
from tests.oracles import news2 as news2_oracle
from tests.oracles import scores as oracle
from vigil import scores
from vigil.errors import VigilError
from vigil.score_inputs import RANGES
from vigil.scores import Score

LEVELS = [None, *"ACVPU"]
EFFORTS = [None, "normal", "mild", "moderate", "severe"]
TRUTHS = [None, True, False]
TENTHS = {"temperature", "white_cell_count", "capillary_refill", "o2_flow"}
Inputs = dict[str, Any]


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _floats(inputs: Inputs) -> Inputs:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in inputs.items()}


def _news2(i: Inputs) -> oracle.Result:
    total, partial, _, subs, missing, risk = news2_oracle.score(
        i["respiratory_rate"],
        i["spo2"],
        i["spo2_scale"],
        i["on_oxygen"],
        i["systolic"],
        i["heart_rate"],
        i["consciousness"],
        i["temperature"],
    )
    return total, partial, subs, missing, risk


def _mews(i: Inputs) -> oracle.Result:
    return oracle.mews(i["respiratory_rate"], i["heart_rate"], i["systolic"], i["temperature"], i["consciousness"])


def _qsofa(i: Inputs) -> oracle.Result:
    return oracle.qsofa(i["respiratory_rate"], i["systolic"], i["consciousness"])


def _sirs(i: Inputs) -> oracle.Result:
    return oracle.sirs(i["temperature"], i["heart_rate"], i["respiratory_rate"], i["white_cell_count"])


def _pews(i: Inputs) -> oracle.Result:
    return oracle.pews(*(i[name] for name in PEWS))


PEWS = {
    "age_months": [0, 2, 3, 11, 12, 47, 48, 143, 144, 215],
    "heart_rate": [],
    "systolic": [],
    "capillary_refill": ["2.9", "3.0"],
    "respiratory_rate": [],
    "respiratory_effort": EFFORTS,
    "spo2": [90, 91, 94, 95],
    "on_oxygen": TRUTHS,
    "o2_flow": ["0", "0.1", "3.9", "4"],
    "fio2": [21, 22, 49, 50],
}
for _, _signs in oracle.AGES:
    for _sign, (_high, _low) in _signs.items():
        PEWS[_sign] += [*_high, *_low]

# Score → (function, oracle, inputs with the edges of their bands or their levels).
CASES: dict[str, tuple[Callable[..., Score], Callable[[Inputs], oracle.Result], dict[str, list[Any]]]] = {
    "news2": (
        scores.news2,
        _news2,
        {
            "respiratory_rate": [8, 9, 11, 12, 20, 21, 24, 25],
            "spo2": [83, 84, 85, 86, 87, 88, 91, 92, 93, 94, 95, 96, 97],
            "spo2_scale": [1, 2],
            "on_oxygen": TRUTHS,
            "systolic": [90, 91, 100, 101, 110, 111, 219, 220],
            "heart_rate": [40, 41, 50, 51, 90, 91, 110, 111, 130, 131],
            "consciousness": LEVELS,
            "temperature": ["35.0", "35.1", "36.0", "36.1", "38.0", "38.1", "39.0", "39.1"],
        },
    ),
    "mews": (
        scores.mews,
        _mews,
        {
            "respiratory_rate": [8, 9, 14, 15, 20, 21, 29, 30],
            "heart_rate": [40, 41, 50, 51, 100, 101, 110, 111, 129, 130],
            "systolic": [70, 71, 80, 81, 100, 101, 199, 200],
            "temperature": ["34.9", "35.0", "38.4", "38.5"],
            "consciousness": LEVELS,
        },
    ),
    "qsofa": (
        scores.qsofa,
        _qsofa,
        {"respiratory_rate": [21, 22], "systolic": [100, 101], "consciousness": LEVELS},
    ),
    "sirs": (
        scores.sirs,
        _sirs,
        {
            "temperature": ["35.9", "36.0", "38.0", "38.1"],
            "heart_rate": [90, 91],
            "respiratory_rate": [20, 21],
            "white_cell_count": ["3.9", "4.0", "12.0", "12.1"],
        },
    ),
    "pews": (scores.pews, _pews, PEWS),
}
WELL: Inputs = {
    "respiratory_rate": Decimal(16),
    "spo2": Decimal(98),
    "spo2_scale": 1,
    "on_oxygen": False,
    "systolic": Decimal(120),
    "heart_rate": Decimal(70),
    "consciousness": "A",
    "temperature": Decimal("37.0"),
    "white_cell_count": Decimal(8),
    "age_months": Decimal(60),
    "capillary_refill": Decimal(1),
    "respiratory_effort": "normal",
    "o2_flow": None,
    "fio2": None,
}


def _is_level(values: list[Any]) -> bool:
    return any(isinstance(v, bool) or v is None for v in values) or values == [1, 2]


def _check(name: str, inputs: Inputs) -> None:
    function, expected, _ = CASES[name]
    total, partial, subs, missing, risk = expected(inputs)
    got = function(**_floats(inputs))
    assert got.total == (total if subs else None), inputs
    assert (got.partial, dict(got.subscores), set(got.missing), got.risk) == (partial, subs, missing, risk), inputs


def _around(name: str, edge: Any) -> Iterator[Decimal]:
    """The edge, one step and half a step to both sides, and just off the half-steps."""
    step = Decimal("0.1") if name in TENTHS else Decimal(1)
    low, high = RANGES[name]
    for factor in ("-1", "-0.51", "-0.5", "-0.49", "0", "0.49", "0.5", "0.51", "1"):
        value = Decimal(edge) + step * Decimal(factor)
        if low <= value <= high:
            yield value


@pytest.mark.parametrize("name", CASES)
def test_every_edge_of_every_band(name: str) -> None:
    inputs = CASES[name][2]
    well = {n: WELL[n] for n in inputs}
    levels = {n: values for n, values in inputs.items() if _is_level(values) or n == "age_months"}
    backgrounds = [
        {**well, **{n: Decimal(v) if n == "age_months" else v for n, v in zip(levels, combination, strict=True)}}
        for combination in itertools.product(*levels.values())
    ]
    for background in backgrounds:
        _check(name, background)
    few = (
        backgrounds
        if len(backgrounds) <= 40
        else backgrounds[::7] + [{**well, "age_months": Decimal(a)} for a in PEWS["age_months"]]
    )
    for background, (sign, edges) in itertools.product(few, inputs.items()):
        if sign in levels:
            continue
        for edge in edges:
            for value in _around(sign, edge):
                _check(name, {**background, sign: value})
    for age in inputs.get("age_months", []):
        for value in _around("age_months", age):
            if value < 216:
                _check(name, {**well, "age_months": value})


@pytest.mark.parametrize("name", CASES)
def test_every_combination_of_missing_inputs(name: str) -> None:
    inputs = CASES[name][2]
    names = [n for n in inputs if n != "spo2_scale"]
    for here in itertools.product((True, False), repeat=len(names)):
        kept = {n: WELL[n] if n == "spo2_scale" else None for n in inputs}
        _check(name, kept | {n: WELL[n] for n, present in zip(names, here, strict=True) if present})


def _value(name: str, values: list[Any]) -> st.SearchStrategy[Any]:
    if _is_level(values):
        return st.sampled_from(values)
    low, high = RANGES[name]
    high = 215 if name == "age_months" else high
    return st.none() | st.decimals(Decimal(low), Decimal(high), places=2)


@pytest.mark.parametrize("name", CASES)
def test_random_inputs(name: str) -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.fixed_dictionaries({n: _value(n, values) for n, values in CASES[name][2].items()}))
    def run(inputs: Inputs) -> None:
        _check(name, inputs)

    run()


def test_the_shock_index_on_every_charted_value_and_half_step() -> None:
    for hr, sbp in itertools.product(range(0, 501, 3), range(40, 501, 3)):
        ratio, _, risk = oracle.shock_index(Decimal(hr) / 2, Decimal(sbp) / 2)
        got = scores.shock_index(heart_rate=hr / 2, systolic=sbp / 2)
        assert ratio is not None
        assert (got.total, got.risk, got.partial) == (pytest.approx(float(ratio), abs=1e-12), risk, False), (hr, sbp)
    for sbp in range(20, 351):  # each threshold from below, on it, and from above
        for hr in {sbp * 7 // 10 + d for d in (-1, 0, 1)} | {sbp * 9 // 10 + d for d in (-1, 0, 1)}:
            expected = oracle.shock_index(Decimal(hr), Decimal(sbp))[2]
            assert scores.shock_index(heart_rate=hr, systolic=sbp).risk == expected, (hr, sbp)
    for missing in ({"heart_rate"}, {"systolic"}, {"heart_rate", "systolic"}):
        got = scores.shock_index(**dict.fromkeys({"heart_rate", "systolic"} - missing, 80.0))
        assert (got.total, set(got.missing), got.partial, got.risk) == (None, missing, True, "unknown")


@pytest.mark.parametrize(
    ("inputs", "risk", "monitoring"),
    [
        ({}, "low", "at least 12-hourly"),
        ({"heart_rate": 95}, "low", "at least 4-6-hourly"),
        ({"heart_rate": 131}, "low-medium", "at least 1-hourly"),
        ({"heart_rate": 131, "on_oxygen": True}, "medium", "at least 1-hourly"),
        ({"heart_rate": 131, "on_oxygen": True, "spo2": 93}, "high", "continuous"),
    ],
)
def test_news2_says_how_often_and_who(inputs: Inputs, risk: str, monitoring: str) -> None:
    well = _floats({n: WELL[n] for n in CASES["news2"][2]})
    got = scores.news2(**{**well, **inputs})
    assert (got.risk, got.monitoring) == (risk, monitoring)
    assert got.response


def test_nothing_known_is_no_total() -> None:
    got = scores.news2()
    assert (got.total, got.risk, got.partial, len(got.missing)) == (None, "unknown", True, 7)
    assert scores.news2(heart_rate=float("nan")).total is None


def test_a_score_cannot_be_changed() -> None:
    got = scores.qsofa(respiratory_rate=30)
    with pytest.raises(dataclasses.FrozenInstanceError):
        got.total = 0  # type: ignore[misc]
    with pytest.raises(TypeError):
        got.subscores["systolic"] = 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("call", "code", "field"),
    [
        (lambda: scores.news2(heart_rate="80"), "wrong_type", "heart_rate"),
        (lambda: scores.news2(heart_rate=True), "wrong_type", "heart_rate"),
        (lambda: scores.mews(heart_rate=float("inf")), "not_finite", "heart_rate"),
        (lambda: scores.mews(heart_rate=10**400), "not_finite", "heart_rate"),
        (lambda: scores.sirs(temperature=384.5), "implausible", "temperature"),
        (lambda: scores.news2(spo2=8388607), "implausible", "spo2"),
        (lambda: scores.news2(spo2_scale=3), "invalid_text", "spo2_scale"),
        (lambda: scores.news2(spo2_scale=None), "wrong_type", "spo2_scale"),
        (lambda: scores.news2(on_oxygen=2), "wrong_type", "on_oxygen"),
        (lambda: scores.news2(consciousness="alert"), "invalid_text", "consciousness"),
        (lambda: scores.qsofa(consciousness=0), "wrong_type", "consciousness"),
        (lambda: scores.news2(age_years=15.9), "not_applicable", "age_years"),
        (lambda: scores.news2(pregnant=True), "not_applicable", "pregnant"),
        (lambda: scores.pews(age_years=18), "not_applicable", "age_years"),
        (lambda: scores.pews(age_years=1, age_months=12), "duplicate_key", "age_months"),
        (lambda: scores.pews(respiratory_effort="hard"), "invalid_text", "respiratory_effort"),
        (lambda: scores.pews_table("name = 1"), "invalid_rule", "table"),
    ],
)
def test_wrong_arguments_are_refused_with_their_field(call: Callable[[], Score], code: str, field: str) -> None:
    with pytest.raises(VigilError) as error:
        call()
    assert (error.value.code, error.value.field) == (code, field)


def test_a_hospital_has_its_own_paediatric_table() -> None:
    toml = (scores_doc.PATH.parents[1] / "rust/vigil-core/src/scores/pews.toml").read_text()
    own = scores.pews_table(toml.replace("[[150, 1], [180, 2], [190, 4]]", "[[145, 3]]").replace("2009-1", "ours-7"))
    assert own.version == "ours-7"
    assert scores.pews(age_months=1, heart_rate=146, table=own).total == 3
    assert scores.pews(age_months=1, heart_rate=146).total == 0


def test_the_page_is_generated_from_the_tables() -> None:
    assert scores_doc.PATH.read_text() == scores_doc.page(), "run scripts/scores_doc.py"


@pytest.mark.recordings
def test_published_news2_vectors(recordings: Path) -> None:
    import csv

    with (recordings / "news2_vectors.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 100
    names = {"hr": "heart_rate", "temp": "temperature", "sbp": "systolic", "rr": "respiratory_rate"}
    for row in rows:
        got = scores.news2(
            respiratory_rate=float(row["rr"]),
            spo2=float(row["spo2"]),
            spo2_scale=int(row["spo2_scale"]),
            on_oxygen=row["on_oxygen"] == "1",
            systolic=float(row["sbp"]),
            heart_rate=float(row["hr"]),
            consciousness=row["acvpu"],
            temperature=float(row["temp_c"]),
        )
        kind = row["expected_kind"]
        points = got.total if kind == "total" else got.subscores[names.get(kind, kind)]
        assert (points, got.total, got.partial) == (int(row["official"]), int(row["official_total"]), False), row
