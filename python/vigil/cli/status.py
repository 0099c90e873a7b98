"""`vigil status`: the services as the state file and their own /readyz have it."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from vigil import topology
from vigil.cli import environment
from vigil.cli.console import out


def status(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False) -> None:
    """Show every service: process, readiness, restarts, observations.

    Exit code 0 when all are ready, 1 otherwise.

    [bold]Examples[/bold]

      vigil status
      vigil status --json | jq '.services[] | select(.ready | not)'
    """
    from vigil.supervisor.probe import Prober
    from vigil.supervisor.state import StateFile

    settings, state = environment.settings(), StateFile(environment.directory()).read()
    asked = [service for service in topology.SERVICES if service.http_port]
    prober = Prober(settings)
    looks = prober.look(asked, with_rates=True)
    prober.close()
    rows: list[dict[str, Any]] = []
    for service in topology.SERVICES:
        known = (state or {}).get("services", {}).get(service.name, {})
        look = looks.get(service.name)
        rows.append(
            {
                "service": service.name,
                "ready": look.ready if look else known.get("state") in ("ready", "done"),
                "pid": known.get("pid"),
                "http": settings.http_ports.get(service.name),
                "grpc": settings.grpc_ports.get(service.name),
                "restarts": known.get("restarts"),
                "observations": round(look.rates.total) if look else None,
                "dead_lettered": round(look.rates.dead) if look else None,
                "problem": look.problem if look else known.get("state", "not started here"),
            }
        )
    if as_json:
        out.print_json(json.dumps({"supervisor": (state or {}).get("pid"), "services": rows}))
    else:
        out.print(_table(rows, state))
    if not all(row["ready"] for row in rows if row["http"]):
        raise typer.Exit(1)


def _table(rows: list[dict[str, Any]], state: dict[str, Any] | None) -> Table:
    title = f"vigil up runs as process {state['pid']} since {state['started']}" if state else "no `vigil up` here"
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column.replace("_", " "), no_wrap=column != "problem")
    for row in rows:
        cells = ["–" if value is None else str(value) for value in row.values()]
        cells[1] = "[green]ready[/]" if row["ready"] else "[red]no[/]"
        table.add_row(*cells)
    return table
