"""What a person sees of a run: a bar with rates while it lasts, a table at its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vigil.clients.sending import Statistics
from vigil.scalars import time_text

_CONSOLE = Console(stderr=True)


class Bar:
    """A progress bar over the simulated seconds; without an end when the duration is 0."""

    def __init__(self, duration_s: float) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            TextColumn("{task.fields[rate]:>9,.0f}/s  accepted {task.fields[accepted]:,}"),
            TextColumn("rejected {task.fields[rejected]:,}  retried {task.fields[retried]:,}"),
            TextColumn("episodes {task.fields[episodes]:,}"),
            TimeElapsedColumn(),
            console=_CONSOLE,
        )
        self._task = self._progress.add_task(
            "", total=duration_s or None, rate=0.0, accepted=0, rejected=0, retried=0, episodes=0
        )

    def update(self, elapsed_s: float, sent: Statistics, episodes: int) -> None:
        """Shows where the run is."""
        self._progress.update(
            self._task,
            completed=elapsed_s,
            rate=sent.accepted / max(elapsed_s, 0.1),
            accepted=sent.accepted,
            rejected=sent.rejected,
            retried=sent.retried,
            episodes=episodes,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


@contextmanager
def recording(duration_s: float, shown: bool) -> Iterator[Callable[[float], None]]:
    """A bar over the simulated seconds of a recording; gives what moves it."""
    columns = [SpinnerColumn(), BarColumn(), TextColumn("{task.fields[hours]:.2f} h simulated"), TimeElapsedColumn()]
    with Progress(*columns, console=_CONSOLE, disable=not shown) as progress:
        task = progress.add_task("", total=duration_s, hours=0.0)
        yield lambda done_s: progress.update(task, completed=done_s, hours=done_s / 3600)
        progress.update(task, completed=duration_s, hours=duration_s / 3600)


def show(summary: dict[str, object]) -> None:
    """The table at the end."""
    table = Table(title="Simulation", show_header=False)
    for name, value in summary.items():
        table.add_row(name.removesuffix("_us").replace("_", " "), _text(name, value))
    _CONSOLE.print(table)


def _text(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_us"):  # a moment
        return time_text(value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{n} × {problem}" for problem, n in value.items()) or "none"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
