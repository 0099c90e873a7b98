"""`vigil models`: which model scores, and trying, promoting, refusing and taking back a new one."""

from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from vigil.cli.console import CliError, out, say, wrong
from vigil.cli.environment import settings

app = typer.Typer(help="Which model scores; try, promote, refuse or take back a new one.", invoke_without_command=True)
_TIMEOUT_S = 15.0


@app.callback()
def models(context: typer.Context) -> None:
    """The active model, the one on trial, the one before, and what happened to others."""
    if context.invoked_subcommand is None:
        _show(_ask("GET", "/models"))


@app.command(name="try")
def try_model(directory: Annotated[str, typer.Argument(help="A directory of MODEL_DIR.")]) -> None:
    """Let a model score live rows in shadow: vigil models try vitals-2."""
    _show(_ask("POST", "/models/candidate", {"directory": directory}))


@app.command()
def shadow() -> None:
    """The comparison of the model on trial with the active one: vigil models shadow."""
    report = _ask("GET", "/models/shadow")
    compared = report["comparison"]
    table = Table("score", "rows", "rank agreement", "mean difference", "high or critical: active", "candidate")
    for name, column in compared["scores"].items():
        severe = [
            f"{100 * (shares['high'] + shares['critical']):.2f} %"
            for shares in (column.get("severityShares") or {}).values()
        ]
        difference = column["difference"]
        table.add_row(
            name,
            f"{column['rows']:,}",
            "" if column["rankAgreement"] is None else f"{column['rankAgreement']:.3f}",
            f"{difference['mean']:+.4f}" if difference else "",
            *(severe or ["", ""]),
        )
    out.print(f"{report['candidate']} beside {report['active']}: {report['state']}", highlight=False)
    out.print(table)
    if compared["timeRatio"] is not None:
        out.print(f"a row takes {compared['timeRatio']:.2f} times as long", highlight=False)
    for problem in report["problems"]:
        out.print(f"out of bounds: {problem}", highlight=False, markup=False)


@app.command()
def promote(
    force: Annotated[bool, typer.Option("--force", help="Also when not complete or out of bounds.")] = False,
) -> None:
    """Let the model on trial answer from now on: vigil models promote."""
    _show(_ask("POST", "/models/candidate/promote", {"force": force}))


@app.command()
def refuse() -> None:
    """End the trial; the active model stays: vigil models refuse."""
    _show(_ask("DELETE", "/models/candidate"))


@app.command()
def rollback() -> None:
    """Let the model before the last promotion answer again: vigil models rollback."""
    _show(_ask("POST", "/models/rollback"))


def _show(answer: dict[str, Any]) -> None:
    table = Table("role", "model", "from", "state")
    for role in ("active", "candidate", "previous"):
        held = answer[role]
        if held:
            state = f"{held['state']}, {held['rows']:,} rows" if role == "candidate" else ""
            table.add_row(role, held["modelVersion"] or "", held["source"], state)
    out.print(table)
    for event in answer["history"][:10]:
        text = f"{event['at']}  {event['result']}  {event['source']}  {event['modelVersion']}  {event['reason']}"
        out.print(text, highlight=False, markup=False)
    if answer["waiting"]:
        say(f"waiting until the trial is over: {', '.join(answer['waiting'])}")
    if answer["directories"]:
        say(f"in MODEL_DIR: {', '.join(answer['directories'])}")


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    url = settings().http_url("anomaly-service")
    try:
        answer = httpx.request(method, url + path, json=body, timeout=_TIMEOUT_S)
        made: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise CliError(f"the anomaly service at {url} does not answer: {error or type(error).__name__}") from error
    if answer.is_error:
        raise CliError(wrong(made) or f"status {answer.status_code}")
    return made
