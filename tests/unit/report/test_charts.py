"""The charts' geometry and their words."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from vigil.report import Series, charts, number
from vigil.report.scale import spanning, ticks


def drawn(figure: str) -> ElementTree.Element:
    """The chart parsed: it is well-formed."""
    return ElementTree.fromstring(figure)


def lengths(root: ElementTree.Element) -> list[float]:
    return [float(r.get("width", "0")) for r in root.iter("rect") if r.find("title") is not None]


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 7), (-3.2, 4.9), (0.001, 0.0013), (5, 5), (0, 1e9), (math.nan, 1)]
)
def test_ticks_cover_the_range_with_even_steps(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert len(marks) >= 2
    steps = [b - a for a, b in pairwise(marks)]
    assert max(steps) == pytest.approx(min(steps))
    if math.isfinite(low):
        assert marks[0] <= low
        assert marks[-1] >= high


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "–"), (0, "0"), (1234.5, "1,234"), (3.14159, "3.14"), (0.01234, "0.0123"),
     (-2.5, "-2.5"), ("x", "x"), (True, "True")],
)  # fmt: skip
def test_numbers_are_written_for_readers(value: object, text: str) -> None:
    assert number(value) == text


def test_a_bar_is_as_long_as_its_value() -> None:
    root = drawn(charts.bars(["a", "b"], [Series("new", [1.0, 2.0]), Series("old", [4.0, 0.0])], title="T"))
    one, four, two, none = lengths(root)
    assert two == pytest.approx(2 * one, abs=0.2)
    assert four == pytest.approx(4 * one, abs=0.2)
    assert none == 0


def test_a_histogram_counts_every_finite_value_once() -> None:
    values = [0.0, 0.5, 1.0, 1.999, 2.0, 3.0, 99.0, -5.0, math.nan]
    figure = charts.histogram([Series("s", values)], title="T", x="v", edges=[0, 1, 2, 3])
    assert re.findall(r"s: (\d+)</title>", figure) == ["3", "2", "3"]


def test_points_and_the_diagonal_lie_where_their_values_are() -> None:
    root = drawn(charts.scatter([Series("s", points=[(0.0, 0.0), (1.0, 1.0)])], title="T", x="p", y="o", diagonal=True))
    dots = [(c.get("cx"), c.get("cy")) for c in root.iter("circle")]
    line = next(e for e in root.iter("line") if e.get("class") == "reference")
    assert dots == [(line.get("x1"), line.get("y1")), (line.get("x2"), line.get("y2"))]


def test_a_line_skips_what_is_not_a_number() -> None:
    root = drawn(charts.line([Series("s", points=[(0, 1), (1, math.nan), (2, 3)])], title="T", x="x", y="y", dots=True))
    assert len(list(root.iter("circle"))) == 2
    assert "nan" not in ElementTree.tostring(root, encoding="unicode")


def test_empty_data_still_draws() -> None:
    for figure in (
        charts.bars([], [Series("s", [])], title="T"),
        charts.histogram([Series("s", [])], title="T", x="v"),
        charts.line([Series("s")], title="T", x="x", y="y"),
    ):
        drawn(figure)


def test_a_scale_maps_its_ends() -> None:
    scale, marks = spanning([2.0, 8.0], 10.0, 110.0, zero=True)
    assert marks[0] == 0.0
    assert (scale(scale.low), scale(scale.high)) == (10.0, 110.0)
