"""Line, bar, histogram and scatter charts as figures (title, inline SVG, note) for `Page.chart`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from vigil.report.scale import Scale, number, spanning, ticks
from vigil.report.svg import Drawing

Point = tuple[float, float]
BAR_PX, GAP_PX = 13, 9
LABEL_PX = 6.6


@dataclass(frozen=True)
class Series:
    """A named run of values: numbers for `bars` and `histogram`, points (x, y) for `line` and `scatter`."""

    name: str
    values: Sequence[float] = field(default_factory=list)
    points: Sequence[Point] = field(default_factory=list)


def figure(title: str, svg: str, note: str = "") -> str:
    """The chart with its heading, and under it how to read it."""
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    return f"<figure><h3>{escape(title)}</h3>{svg}{caption}</figure>"


def bars(labels: Sequence[str], series: Sequence[Series], *, title: str, x: str = "", note: str = "") -> str:
    """Horizontal bars, a group a label; `x` names the quantity and its unit. Values must not be negative."""
    each = BAR_PX * len(series) + GAP_PX
    left = int(min(260, 24 + LABEL_PX * max((len(label) for label in labels), default=0)))
    drawing = Drawing(each * len(labels) + 78, left=left, legend=[s.name for s in series])
    values = [value for s in series for value in s.values]
    scale, marks = spanning(values, drawing.left, drawing.right - 52, zero=True)
    drawing.x_axis(scale, marks, x, grid=True)
    for row, label in enumerate(labels):
        y = drawing.top + row * each + GAP_PX / 2
        drawing.text(drawing.left - 8, y + (each - GAP_PX) / 2 + 4, label, anchor="end")
        for index, s in enumerate(series):
            value, at = s.values[row], y + index * BAR_PX
            if not math.isfinite(value):
                continue
            tip = f"{label} · {s.name}: {number(value)}"
            drawing.bar(drawing.left, at, scale(value) - drawing.left, BAR_PX - 2, index, tip)
            drawing.text(scale(value) + 5, at + BAR_PX - 3, number(value), kind="value")
    return figure(title, drawing.svg(title), note)


def histogram(
    series: Sequence[Series], *, title: str, x: str, y: str = "count", edges: Sequence[float] | None = None,
    mark: tuple[float, str] | None = None, note: str = "",
) -> str:  # fmt: skip
    """How often values fall between edges; what lies outside given edges is counted in the first or last bin."""
    values = [value for s in series for value in s.values if math.isfinite(value)]
    edges = list(edges) if edges else ticks(min(values, default=0.0), max(values, default=1.0), 20)
    drawing = Drawing(280, top=24 if mark else 8, legend=[s.name for s in series])
    counts = [_binned(s.values, edges) for s in series]
    across = Scale(edges[0], edges[-1], drawing.left, drawing.right)
    up, up_marks = spanning([float(n) for row in counts for n in row], drawing.bottom, drawing.top, zero=True)
    drawing.y_axis(up, up_marks, y)
    drawing.x_axis(across, [e for e in ticks(edges[0], edges[-1], 8) if edges[0] <= e <= edges[-1]], x)
    for index, row in enumerate(counts):
        for low, high, count in zip(edges, edges[1:], row, strict=False):
            wide = (across(high) - across(low) - 2) / len(series)
            tip = f"{number(low)} … {number(high)} · {series[index].name}: {number(count)}"
            drawing.bar(across(low) + 1 + index * wide, up(count), wide, drawing.bottom - up(count), index, tip)
    if mark and edges[0] <= mark[0] <= edges[-1]:
        drawing.line(across(mark[0]), drawing.top, across(mark[0]), drawing.bottom, "reference")
        drawing.text(across(mark[0]), drawing.top - 6, mark[1], anchor="middle")
    return figure(title, drawing.svg(title), note)


def _binned(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        if math.isfinite(value):
            index = sum(1 for edge in edges[1:-1] if value >= edge)
            counts[index] += 1
    return counts


def line(
    series: Sequence[Series], *, title: str, x: str, y: str, zero: bool = True, dots: bool = False,
    diagonal: bool = False, note: str = "",
) -> str:  # fmt: skip
    """Lines through points; `diagonal` draws y = x for comparison (calibration, chance in a ROC curve)."""
    return _plane(series, title=title, x=x, y=y, zero=zero, lines=True, dots=dots, diagonal=diagonal, note=note)


def scatter(
    series: Sequence[Series], *, title: str, x: str, y: str, zero: bool = True, diagonal: bool = False, note: str = ""
) -> str:
    """Points; `diagonal` draws y = x for comparison."""
    return _plane(series, title=title, x=x, y=y, zero=zero, lines=False, dots=True, diagonal=diagonal, note=note)


def _plane(
    series: Sequence[Series], *, title: str, x: str, y: str, zero: bool, lines: bool, dots: bool, diagonal: bool,
    note: str,
) -> str:  # fmt: skip
    drawing = Drawing(320, legend=[s.name for s in series])
    points = [p for s in series for p in s.points if math.isfinite(p[0]) and math.isfinite(p[1])]
    across, x_marks = spanning([p[0] for p in points], drawing.left, drawing.right, zero=zero)
    up, y_marks = spanning([p[1] for p in points], drawing.bottom, drawing.top, zero=zero)
    drawing.y_axis(up, y_marks, y)
    drawing.x_axis(across, x_marks, x)
    if diagonal:
        low, high = max(across.low, up.low), min(across.high, up.high)
        drawing.line(across(low), up(low), across(high), up(high), "reference")
    for index, s in enumerate(series):
        there = [p for p in s.points if math.isfinite(p[0]) and math.isfinite(p[1])]
        if lines and there:
            drawing.path(there, index, lambda a, b: (across(a), up(b)))
        for a, b in there if dots else ():
            drawing.dot(across(a), up(b), 3.5, index, f"{s.name}: {number(a)}, {number(b)}")
    return figure(title, drawing.svg(title), note)
