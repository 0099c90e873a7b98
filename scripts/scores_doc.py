"""Writes docs/scores.md from the core's tables. `--check` only compares."""

import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import fill
from typing import Any

from vigil.core import PewsTable, score_guidance_table, score_table

PATH = Path(__file__).resolve().parent.parent / "docs" / "scores.md"
HEAD = """# Early-warning scores

Generated from the core by `scripts/scores_doc.py`; the tables are `rust/vigil-core/src/scores/`. They support a
clinician's judgement and do not replace it. The pipeline computes NEWS2; the others are for Python and the command
line:

```python
from vigil import scores

scores.news2(
    respiratory_rate=22,
    spo2=93,
    spo2_scale=1,
    on_oxygen=True,
    systolic=105,
    heart_rate=112,
    consciousness="A",
    temperature=38.4,
)
# Score(name='news2', total=10, subscores=…, missing=(), partial=False, risk='high', monitoring='continuous', …)
```

    vigil score news2 --csv ward.csv --out scored.csv

For every score: a value is rounded to the chart's resolution (whole numbers, tenths where said) before it is banded; a
value halfway between two charted ones takes the worse of both. A missing input is named in `missing` and never scored
0; the score is then `partial`, and its total and risk are lower bounds. With no input known there is no total and the
risk is `unknown`. A value that no living patient can show ([vocabulary](vocabulary.md)) is refused, never banded.
"""

SCORES: dict[str, tuple[str, str, str]] = {
    "news2": (
        "NEWS2",
        "Royal College of Physicians. National Early Warning Score (NEWS) 2. London: RCP, 2017.",
        "0 … 20. Not under 16 years, not in pregnancy. Scale 2 only by a recorded clinician decision, never because "
        "the patient is on oxygen. On scale 2 a saturation of 93 % or more is missing until air or oxygen is known. A "
        "single 3 makes the risk `low-medium` below a total of 5.",
    ),
    "mews": (
        "MEWS",
        "Subbe CP, Kruger M, Rutherford P, Gemmel L. Validation of a modified Early Warning Score in medical "
        "admissions. QJM 2001;94:521–6.",
        "0 … 14. New confusion, which the paper does not know, scores as V.",
    ),
    "qsofa": (
        "qSOFA",
        "Singer M et al. The Third International Consensus Definitions for Sepsis and Septic Shock (Sepsis-3). JAMA "
        "2016;315:801–10.",
        "0 … 3, positive from 2. Altered mentation is any level but A.",
    ),
    "sirs": (
        "SIRS",
        "Bone RC et al. Definitions for sepsis and organ failure (ACCP/SCCM Consensus Conference). Chest "
        "1992;101:1644–55.",
        "0 … 4, met from 2. A monitor sees three of the four criteria: without the white cells the count is the known "
        "part, and partial. The alternative criteria (PaCO2, immature neutrophils) are not read.",
    ),
    "shock_index": (
        "Shock index",
        "Allgöwer M, Burri C. Schockindex. Dtsch Med Wochenschr 1967;92:1947–50; thresholds: Rady MY et al. Ann Emerg "
        "Med 1994;24:685–90.",
        "Heart rate over systolic pressure, of whole values. Above 0.7 raised (`medium`), above 0.9 `high`. Without "
        "both there is no index.",
    ),
}


def ranges(bands: Iterable[tuple[float | None, int]], step: float) -> str:
    """Bands as a chart prints them."""
    cells, start = [], None
    digits = 0 if step == 1 else 1
    for end, points in bands:
        first = None if start is None else f"{start:.{digits}f}"
        last = None if end is None else f"{end:.{digits}f}"
        if first is None:
            shown = f"≤ {last}"
        elif last is None:
            shown = f"≥ {first}"
        else:
            shown = first if first == last else f"{first}–{last}"
        cells.append(f"{shown} → {points}")
        start = None if end is None else end + step
    return " · ".join(cells)


def levels(pairs: Iterable[tuple[str, int]]) -> str:
    """Levels with their points."""
    return " · ".join(f"{name} → {points}" for name, points in pairs)


def _row(row: dict[str, Any]) -> str:
    points = levels(row["levels"]) if row["levels"] else ranges(row["bands"], row["step"])
    return f"| `{row['field']}` | {row['when'] or '–'} | {row['unit'] or '–'} | {points} |\n"


def _guidance(score: str) -> str:
    head = "\n| risk | total from | monitoring | response |\n|---|---|---|---|\n"
    rows = score_guidance_table(score)
    from_ = "–" if score in ("shock_index", "pews") else None
    return head + "".join(f"| {risk} | {from_ or total} | {how} | {who} |\n" for total, risk, how, who in rows)


def _fixed(score: str) -> str:
    title, source, note = SCORES[score]
    page = f"\n## {title}\n\n{fill(note, 118)}\n\n{fill(f'Source: {source}', 118)}\n"
    rows = score_table(score)
    if rows:
        page += "\n| input | when | unit | value → points |\n|---|---|---|---|\n"
        page += "".join(_row(row) for row in rows)
    return page + _guidance(score)


def _pews() -> str:
    table = PewsTable()
    page = f"""
## PEWS

Paediatric charts differ from hospital to hospital, in their inputs, age bands and limits: a score means nothing without
its table. The default is {table.name}, version {table.version}, 0 … 26, high from {table.high_from}. Another one is
given as a file, `vigil score pews --table FILE`, or `scores.pews(…, table=scores.pews_table(text))`; start from
`rust/vigil-core/src/scores/pews.toml`. A wrong table is refused with the field's name.

{fill(f"Source: {table.source}", 118)}

A band holds from its age to just before the next. Without an age the three signs that depend on it are missing. That
oxygen is given does not say how much: without flow or concentration, `oxygen_therapy` is missing; with both, the
worse counts.

| input | age | value → points |
|---|---|---|
"""
    for name, below, field, bands in table.by_age():
        page += f"| `{field}` | {name} (below {below:g} months) | {ranges(bands, 1)} |\n"
    for field, bands in table.at_any_age():
        page += f"| `{field}` | any | {ranges(bands, 0.1 if field in ('capillary_refill', 'o2_flow') else 1)} |\n"
    return page + f"| `respiratory_effort` | any | {levels(table.effort())} |\n" + _guidance("pews")


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_fixed(score) for score in SCORES) + _pews()


def main() -> int:
    """Writes the page, or with `--check` returns 1 when it differs."""
    if "--check" in sys.argv:
        return int(not PATH.exists() or PATH.read_text() != page())
    PATH.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
