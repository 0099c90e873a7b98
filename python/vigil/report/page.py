"""One HTML page that needs nothing else: sections, tiles, tables and charts, light and dark, printable."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from vigil.report.scale import number
from vigil.report.style import STYLE


class Tile(NamedTuple):
    """A figure worth a glance: what it is, its value, and what to hold it against."""

    label: str
    value: object
    note: str = ""


class Ranged(NamedTuple):
    """A table's cell: a figure, and under it the interval it may lie in."""

    value: str
    interval: str = ""


class Page:
    """Collects the parts in order; `html` makes the page. All text is escaped."""

    def __init__(self, title: str, lead: str = "") -> None:
        self._title, self._lead = title, lead
        self._parts: list[str] = []

    def section(self, title: str, text: str = "") -> None:
        """A heading, with a paragraph."""
        self._parts.append(f"<h2>{escape(title)}</h2>")
        if text:
            self.paragraph(text)

    def paragraph(self, text: str) -> None:
        """Words."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def tiles(self, tiles: Sequence[Tile]) -> None:
        """A row of figures."""
        cells = "".join(
            f"<div><dt>{escape(t.label)}</dt><dd>{escape(number(t.value))}</dd><small>{escape(t.note)}</small></div>"
            for t in tiles
        )
        self._parts.append(f'<dl class="tiles">{cells}</dl>')

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", fold: bool = False
    ) -> None:
        """A table, numbers right-aligned; `fold` shows only the caption until it is opened."""
        top = "".join(f"<th>{escape(name)}</th>" for name in head)
        body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
        words = f"<caption>{escape(caption)}</caption>" if caption and not fold else ""
        table = f'<div class="wide"><table>{words}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
        if fold:
            table = f"<details><summary>{escape(caption)}</summary>{table}</details>"
        self._parts.append(table)

    def chart(self, figure: str) -> None:
        """A figure of `vigil.report.charts`."""
        self._parts.append(figure)

    def html(self) -> str:
        """The page."""
        lead = f'<p class="lead">{escape(self._lead)}</p>' if self._lead else ""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            # Whatever a label may hold, the page loads and runs nothing.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            'img-src data:">'
            f'<link rel="icon" href="data:,"><title>{escape(self._title)}</title><style>{STYLE}</style></head>'
            f"<body><main><h1>{escape(self._title)}</h1>{lead}{''.join(self._parts)}</main></body></html>\n"
        )

    def write(self, path: Path) -> Path:
        """Writes the page; returns its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.html(), encoding="utf-8")
        return path


def _cell(value: object) -> str:
    if isinstance(value, Ranged):
        return f"<td>{escape(value.value)}<small>{escape(value.interval)}</small></td>"
    kind = (
        ' class="number"' if value is None or (isinstance(value, int | float) and not isinstance(value, bool)) else ""
    )
    return f"<td{kind}>{escape(number(value))}</td>"
