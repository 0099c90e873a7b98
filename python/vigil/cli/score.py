"""`vigil score NAME --csv FILE`: an early-warning score for every row of a table."""

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from vigil.cli.console import CliError, bar, say

if TYPE_CHECKING:
    from vigil.score_csv import Columns, Scorer
    from vigil.scores import PewsTable

LARGE_BYTES = 1_000_000
"""From this size on a progress bar is shown."""
ROWS_PER_STEP = 2000


def score(
    name: Annotated[str, typer.Argument(help="news2, mews, qsofa, sirs, shock_index or pews.")],
    table: Annotated[Path, typer.Option("--csv", help="The table; its first line names the columns.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write here instead of printing.")] = None,
    ages: Annotated[Path | None, typer.Option("--table", help="The hospital's paediatric table (pews).")] = None,
) -> None:
    """Score a table of vital signs.

    Columns are found by the names and aliases of docs/vocabulary.md (rr, SpO2, sbp, temp …); also on_oxygen,
    spo2_scale, age, pregnant, capillary_refill, respiratory_effort, white_cell_count. Units are the canonical
    ones. The columns stay, and [bold]total[/bold], [bold]partial[/bold], [bold]missing[/bold] and
    [bold]risk[/bold] are added.

    An empty cell is missing, and never scored 0. A cell that cannot be read or is not plausible is missing too;
    how many there were is said at the end. Where a score does not apply (NEWS2 under 16, in pregnancy), risk is
    not-applicable.

    [bold]Examples[/bold]

      vigil score news2 --csv ward.csv
      vigil score qsofa --csv ward.csv --out scored.csv
      vigil score pews --csv children.csv --table our-chart.toml
    """
    from vigil.errors import VigilError
    from vigil.score_csv import SCORES

    name = name.lower().replace("-", "_")
    if name not in SCORES:
        raise CliError(f"'{name}' is no score; there are {', '.join(SCORES)}")
    if ages and name != "pews":
        raise CliError("--table belongs to pews")
    try:
        scorer = _run(name, table, out, _table(ages))
    except VigilError as error:
        raise CliError(f"{table}: {error.message}") from error
    except BrokenPipeError:
        sys.stderr.close()
        return
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CliError(f"{table}: {error}") from error
    _report(scorer)


def _table(path: Path | None) -> "PewsTable | None":
    from vigil.errors import VigilError
    from vigil.scores import pews_table

    if path is None:
        return None
    try:
        return pews_table(path.read_text(encoding="utf-8"))
    except VigilError as error:
        raise CliError(f"{path}: {error.field}: {error.message}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path}: {error}") from error


def _run(name: str, path: Path, out: Path | None, ages: "PewsTable | None") -> "Scorer":
    from vigil.score_csv import Scorer, columns

    with path.open(encoding="utf-8-sig", newline="") as lines:
        delimiter = _delimiter(lines)
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        header = next(rows, None)
        if header is None:
            raise CliError(f"{path}: empty; the first line must name the columns")
        scorer = Scorer(name, columns(name, header), ages)
        _say_columns(name, scorer.columns)
        with _sink(out) as sink, _progress(path) as step:
            writer = csv.writer(sink, delimiter=delimiter, lineterminator="\n")
            writer.writerow([*header, *_added(name, header)])
            for cells in rows:
                if not cells:
                    continue  # an empty line
                if len(cells) != len(header):
                    raise CliError(f"{path}, line {rows.line_num}: {len(cells)} cells under {len(header)} columns")
                writer.writerow([*cells, *scorer.row(cells, rows.line_num)])
                if scorer.rows % ROWS_PER_STEP == 0:
                    step(lines, scorer.rows)
    return scorer


def _delimiter(lines: TextIO) -> str:
    first = lines.readline()
    lines.seek(0)
    return max(",;\t", key=first.count)


def _added(name: str, header: list[str]) -> list[str]:
    """Names of the added columns; with the score's name where the table has such a column already."""
    from vigil.score_csv import OUTPUT

    return [f"{name}_{added}" for added in OUTPUT] if set(OUTPUT) & set(header) else list(OUTPUT)


@contextmanager
def _sink(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all."""
    if out is None:
        yield sys.stdout
        return
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress(path: Path) -> "Iterator[Callable[[TextIO, int], None]]":
    """A bar of the bytes read, for a large file."""
    size = path.stat().st_size
    if size < LARGE_BYTES:
        yield lambda _lines, _rows: None
        return
    with bar("rows") as progress:
        task = progress.add_task("score", total=size, rows="")
        yield lambda lines, rows: progress.update(task, completed=lines.buffer.tell(), rows=f"{rows:,} rows")


def _say_columns(name: str, found: "Columns") -> None:
    for wanted, title in found.stand_ins.items():
        say(f"no {wanted}: '{title}' is read instead")
    if found.unknown:
        say(f"columns that are no known input: {', '.join(found.unknown)}")
    if found.other:
        say(f"columns that {name} does not use: {', '.join(found.other)}")
    if found.absent:
        say(f"no column for {', '.join(found.absent)}: every score is partial")


def _report(scorer: "Scorer") -> None:
    say(f"{scorer.rows:,} rows scored")
    for key, count in scorer.refused.items():
        name, code = key
        say(f"{name}: {count:,} cells not scored ({code}), first {scorer.first[key]}")
