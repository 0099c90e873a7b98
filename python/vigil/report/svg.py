"""A drawing of one chart: frame, axes, legend and marks as inline SVG. Colours come from the page's style sheet."""

from collections.abc import Callable, Sequence
from html import escape

from vigil.report.scale import Scale, number

WIDTH = 720
COLOURS = 8
"""Series colours of the page's style sheet: `--series-1` … `--series-8`; a ninth series has the last one."""


def colour(index: int) -> str:
    """The colour of a series."""
    return f"var(--series-{min(index, COLOURS - 1) + 1})"


class Drawing:
    """Elements in order, in a plot area with room for labels around it."""

    def __init__(
        self, height: int, *, left: int = 56, top: int = 8, bottom: int = 44, legend: Sequence[str] = ()
    ) -> None:
        self._parts: list[str] = []
        self._legend = legend if len(legend) > 1 else ()
        self.left, self.right = left, WIDTH - 20
        self.top = top + (22 if self._legend else 0)
        self.bottom, self.height = height - bottom, height
        x = float(left)
        for index, name in enumerate(self._legend):
            self._parts.append(f'<rect x="{x:.1f}" y="4" width="10" height="10" rx="2" fill="{colour(index)}"/>')
            self.text(x + 15, 13, name)
            x += 32 + 6.4 * len(name)

    def add(self, element: str) -> None:
        """One SVG element as text."""
        self._parts.append(element)

    def text(self, x: float, y: float, text: object, *, anchor: str = "start", kind: str = "label") -> None:
        """Words at a place."""
        self.add(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(str(text))}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line of a style: grid, axis, reference."""
        self.add(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def x_axis(self, scale: Scale, marks: Sequence[float], title: str, *, grid: bool = False) -> None:
        """The horizontal axis with its title."""
        for mark in marks:
            x = scale(mark)
            if grid:
                self.line(x, self.top, x, self.bottom, "grid")
            self.text(x, self.bottom + 16, number(mark), anchor="middle")
        self.line(self.left, self.bottom, self.right, self.bottom, "axis")
        self.text((self.left + self.right) / 2, self.height - 8, title, anchor="middle", kind="axis-title")

    def y_axis(self, scale: Scale, marks: Sequence[float], title: str) -> None:
        """The vertical axis with grid lines and its title."""
        for mark in marks:
            y = scale(mark)
            self.line(self.left, y, self.right, y, "grid")
            self.text(self.left - 6, y + 4, number(mark), anchor="end")
        middle = (self.top + self.bottom) / 2
        self.add(
            f'<text class="axis-title" transform="translate(13 {middle:.1f}) rotate(-90)" '
            f'text-anchor="middle">{escape(title)}</text>'
        )

    def bar(self, x: float, y: float, width: float, height: float, index: int, tip: str) -> None:
        """A bar with what the pointer shows over it."""
        self.add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
            f'fill="{colour(index)}"><title>{escape(tip)}</title></rect>'
        )

    def dot(self, x: float, y: float, radius: float, index: int, tip: str) -> None:
        """A point with what the pointer shows over it."""
        self.add(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour(index)}">'
            f"<title>{escape(tip)}</title></circle>"
        )

    def path(
        self, points: Sequence[tuple[float, float]], index: int, place: Callable[[float, float], tuple[float, float]]
    ) -> None:
        """A line through points given in values."""
        steps = [f"{'L' if at else 'M'}{x:.1f} {y:.1f}" for at, (x, y) in enumerate(place(*point) for point in points)]
        self.add(f'<path class="line" d="{"".join(steps)}" stroke="{colour(index)}"/>')

    def svg(self, title: str) -> str:
        """The chart."""
        return (
            f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{escape(title, quote=True)}">'
            f"{''.join(self._parts)}</svg>"
        )
