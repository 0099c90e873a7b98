"""The services on the screen: one line each, redrawn on a terminal, printed on change elsewhere."""

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vigil.supervisor.process import State
from vigil.supervisor.supervisor import Supervisor

_STYLES = {
    State.READY: "green",
    State.DONE: "green",
    State.STARTING: "yellow",
    State.WAITING: "dim",
    State.NOT_READY: "bold yellow",
    State.BACKOFF: "bold red",
    State.STOPPING: "yellow",
    State.STOPPED: "dim",
}


class Display:
    """A context manager; `update` after each step of the supervisor."""

    def __init__(self, console: Console, supervisor: Supervisor) -> None:
        self._console, self._supervisor = console, supervisor
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        self._said: dict[str, str] = {}

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def update(self) -> None:
        """Shows what is."""
        if self._live:
            self._live.update(self.table(), refresh=True)
            return
        for name, process in self._supervisor.processes.items():
            line = f"{name:<22}{process.state!s:<11}"
            if process.pid:
                line += f"pid {process.pid:<8}"
            if process.restarts:
                line += f"restarts {process.restarts}  "
            if process.state is State.BACKOFF:
                line += process.problem
            if self._said.get(name) != line:
                self._said[name] = line
                self._console.print(line.rstrip(), highlight=False, markup=False, soft_wrap=True)

    def table(self) -> Table:
        """The table of the services."""
        uptime = time.monotonic() - self._supervisor.started_at
        title = f"vigil · {self._supervisor.directory} · {uptime:,.0f} s"
        table = Table(title=title, title_justify="left", expand=False)
        for column in ("service", "state", "pid", "http", "restarts", "obs/s", "observations", "note"):
            table.add_column(column, justify="right" if column in ("pid", "http", "obs/s", "observations") else "left")
        for name, process in self._supervisor.processes.items():
            rates = self._supervisor.rates(name)
            table.add_row(
                name,
                Text(str(process.state), style=_STYLES[process.state]),
                str(process.pid or "–"),
                str(self._supervisor.settings.http_ports.get(name, "–")),
                str(process.restarts or ""),
                f"{rates.per_s:,.0f}" if rates and rates.per_s is not None else "",
                f"{rates.total:,.0f}" if rates and rates.total else "",
                Text(process.problem[:60], style="yellow"),
            )
        return table
