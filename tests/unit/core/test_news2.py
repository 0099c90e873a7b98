"""NEWS2 of the core against published vectors and an independent oracle."""

import csv
import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracles import news2 as oracle
from vigil import core

FIELD_OF_KIND = {"hr": "heart_rate", "temp": "temperature", "sbp": "systolic", "rr": "respiratory_rate", "spo2": "spo2"}
NORMAL = {
    "rr": Decimal(16),
    "spo2": Decimal(98),
    "scale": 1,
    "on_oxygen": False,
    "sbp": Decimal(120),
    "hr": Decimal(70),
    "acvpu": "A",
    "t": Decimal("37.0"),
}
# Every edge of every band, with the resolution it is charted at.
EDGES = {
    "rr": ("1", [8, 9, 11, 12, 20, 21, 24, 25]),
    "spo2": ("1", [83, 84, 85, 86, 87, 88, 91, 92, 93, 94, 95, 96, 97, 100]),
    "sbp": ("1", [90, 91, 100, 101, 110, 111, 219, 220]),
    "hr": ("1", [40, 41, 50, 51, 90, 91, 110, 111, 130, 131]),
    "t": ("0.1", ["35.0", "35.1", "36.0", "36.1", "38.0", "38.1", "39.0", "39.1"]),
}


def of_core(rr, spo2, scale, on_oxygen, sbp, hr, acvpu, t):
    number = [None if v is None else float(v) for v in (rr, spo2, sbp, hr, t)]
    total, partial, single_three, subs, missing, risk = core.score_news2(
        number[0], number[1], scale, on_oxygen, number[2], number[3], acvpu, number[4]
    )
    assert len(subs) + len(missing) == 7
    return total, partial, single_three, dict(subs), set(missing), risk


def assert_same(**inputs):
    assert of_core(**inputs) == oracle.score(**inputs), inputs


def around(edge, resolution):
    """The edge, one step and half a step to both sides, and just off the half-steps."""
    edge, step = Decimal(edge), Decimal(resolution)
    for factor in ("-1", "-0.51", "-0.5", "-0.49", "0", "0.49", "0.5", "0.51", "1"):
        yield edge + step * Decimal(factor)


def test_every_edge_of_every_band():
    checked = 0
    for name, (resolution, edges) in EDGES.items():
        for edge, scale, on_oxygen in itertools.product(edges, (1, 2), (True, False, None)):
            for value in around(edge, resolution):
                assert_same(**{**NORMAL, "scale": scale, "on_oxygen": on_oxygen, name: value})
                checked += 1
    assert checked > 2000


def test_every_charted_value():
    for scale, on_oxygen in itertools.product((0, 1, 2), (True, False, None)):
        base = {**NORMAL, "scale": scale, "on_oxygen": on_oxygen}
        for value in range(0, 301):
            for name in ("rr", "spo2", "sbp", "hr"):
                assert_same(**{**base, name: Decimal(value)})
        for tenths in range(200, 450):
            assert_same(**{**base, "t": Decimal(tenths) / 10})


def test_every_combination_of_missing_inputs_and_levels():
    sick = {"rr": Decimal(26), "spo2": Decimal(90), "on_oxygen": True, "sbp": Decimal(85), "hr": Decimal(135)}
    for present in itertools.product((True, False), repeat=7):
        names = ["rr", "spo2", "on_oxygen", "sbp", "hr", "acvpu", "t"]
        for base in (NORMAL, {**NORMAL, **sick}):
            for acvpu, scale in itertools.product("ACVPU", (1, 2)):
                inputs = {**base, "acvpu": acvpu, "scale": scale}
                inputs.update({n: None for n, here in zip(names, present, strict=True) if not here})
                assert_same(**inputs)


def test_fahrenheit_and_kilopascal_dust_does_not_move_a_band():
    for tenths in range(3450, 4000):
        celsius = Decimal(tenths) / 100
        assert_same(**{**NORMAL, "t": celsius})
        fahrenheit = float(celsius) * 9 / 5 + 32
        dusty = of_core(**{**NORMAL, "t": (fahrenheit - 32) * 5 / 9})
        assert dusty == oracle.score(**{**NORMAL, "t": celsius}), celsius
        assert of_core(**{**NORMAL, "t": (98.6 - 32) * 5 / 9})[0] == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_missing(value):
    total, partial, _, subs, missing, _ = of_core(**{**NORMAL, "hr": value})
    assert (total, partial, missing) == (0, True, {"heart_rate"})
    assert "heart_rate" not in subs


def test_wrong_arguments_are_refused():
    with pytest.raises(core.CoreError) as error:
        core.score_news2(16, 98, 1, False, 120, 70, "alert", 37)
    assert error.value.args[:2] == ("invalid_text", "consciousness")
    with pytest.raises(core.CoreError):
        core.score_news2(16, 98, 3, False, 120, 70, "A", 37)


@pytest.mark.recordings
def test_published_vectors(recordings: Path):
    with (recordings / "news2_vectors.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 100
    for row in rows:
        total, partial, _, subs, _, _ = of_core(
            rr=row["rr"],
            spo2=row["spo2"],
            scale=int(row["spo2_scale"]),
            on_oxygen=row["on_oxygen"] == "1",
            sbp=row["sbp"],
            hr=row["hr"],
            acvpu=row["acvpu"],
            t=row["temp_c"],
        )
        kind = row["expected_kind"]
        got = total if kind == "total" else subs[FIELD_OF_KIND[kind]]
        assert (got, partial) == (int(row["official"]), False), row
        assert total == int(row["official_total"]), row
