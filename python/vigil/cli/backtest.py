"""`vigil backtest RECORDING…`: rules tried on recordings before they go live."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID

from vigil.cli import environment
from vigil.cli.console import HOURS_MAX, CliError, bar, folder, out, say
from vigil.cli.replay import located, moment

if TYPE_CHECKING:
    from vigil.backtest.evaluate import ModelChoice, RuleText
    from vigil.backtest.prepared import Progress, Source
    from vigil.backtest.run import Result

_LISTED_MAX = 5


def backtest(
    recordings: Annotated[list[str] | None, typer.Argument(help="Recordings: files, folders, or names.")] = None,
    rules: Annotated[Path | None, typer.Option(help="The rules to try; without it the ones in use.")] = None,
    against: Annotated[Path | None, typer.Option(help="The rules to hold them against.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Labelled events (.jsonl or .csv) in place of the own.")] = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Where to write; without it .vigil/backtest.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Also what the running system's log holds.")] = False,
    limit: Annotated[int | None, typer.Option(help="Only the first patients of each, in sorted order.", min=1)] = None,
    start: Annotated[str, typer.Option(help="Where relative times begin, ISO 8601.")] = "2026-01-01T00:00:00Z",
    data: Annotated[Path | None, typer.Option(help="Folder of the recordings (VIGIL_DATA).")] = None,
    priority: Annotated[str, typer.Option(help="Least priority of an alarm that catches an event.")] = "medium",
    lookback: Annotated[
        float, typer.Option(help="Hours before an outcome in which an alarm counts.", min=0.0, max=HOURS_MAX)
    ] = 24.0,
    processes: Annotated[int, typer.Option(help="Processes; 0 = one a core.", min=0, max=256)] = 0,
    cache: Annotated[Path | None, typer.Option(help="Folder of prepared recordings; else .vigil/cache.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Prepare anew and keep nothing.")] = False,
    no_model: Annotated[bool, typer.Option("--no-model", help="Without the model: scores are unavailable.")] = False,
) -> None:
    """Try rules on recordings.

    The live engine runs over every recording at full speed and in parallel. What is counted: alarms per bed-day by
    rule, sign and priority, time in alarm, alarms under 15 s, the share of the most alarmed patients; with labelled
    events, which were caught and how early; with --against, what changes. Prints tables and writes backtest.json
    and backtest.html.

    Exit code 1 when --rules lose an event that --against caught.

    [bold]Examples[/bold]

      vigil backtest sepsis_hourly
      vigil backtest sepsis_hourly --rules rules/new.toml --against rules/default.toml
      vigil backtest ward.jsonl --labels ward.truth.jsonl --rules rules/new.toml --out /tmp/report
    """
    import msgspec

    from vigil.backtest import document, page
    from vigil.backtest.labels import PRIORITIES
    from vigil.backtest.tables import tables

    if priority not in PRIORITIES:
        raise CliError(f"--priority {priority}: {', '.join(PRIORITIES)}")
    if not recordings and not log:
        raise CliError("name a recording, or --log")
    into = folder("--out", out_dir or environment.directory() / "backtest")
    sets = _rule_sets(rules, against)
    sources = [_source(name, data, moment(start), limit) for name in recordings or ()]
    if log:
        from vigil.backtest.live_log import LogSource

        sources.append(LogSource(environment.settings()))
    kept = None if no_cache else cache or environment.directory() / "cache" / "backtest"
    result = _run(sources, sets, kept, labels, _model(no_model), processes, priority, lookback)
    made = document.document(result)
    for table in tables(made):
        out.print(table)
    _notes(made)
    _labelled(result, labels)
    (into / "backtest.json").write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    page.write(made, into / "backtest.html")
    say(f"{into / 'backtest.html'} and backtest.json")
    if lost := document.lost(made):
        names = ", ".join(f"{e['kind']} of {e['patient']}" for e in lost[:_LISTED_MAX])
        more = f" and {len(lost) - _LISTED_MAX} more" if len(lost) > _LISTED_MAX else ""
        say(f"lost: {names}{more}")
        raise typer.Exit(1)


def _source(name: str, data: Path | None, start: datetime, limit: int | None) -> "Source":
    from vigil import recordings
    from vigil.backtest.prepared import RecordingSource

    recording = recordings.open(located(name, data), start=start, limit=limit)
    return RecordingSource(recording=recording, start=start, limit=limit)


def _rule_sets(rules: Path | None, against: Path | None) -> list["RuleText"]:
    """The rule files, each compiled once here so that a wrong one is refused before anything is read."""
    from vigil import paths
    from vigil.backtest.evaluate import RuleText
    from vigil.core import CoreError, Engine

    used = environment.settings().rules_file
    sets = []
    for path in (rules or (Path(used) if used else paths.RULES), against):
        if path is None:
            continue
        try:
            text = path.read_text(encoding="utf-8")
            Engine(text)
        except (OSError, UnicodeDecodeError) as error:
            raise CliError(f"{path}: {error}") from error
        except CoreError as error:
            _, field, message = error.args
            raise CliError(f"{path}: {field + ': ' if field else ''}{message}") from error
        sets.append(RuleText(str(path), text))
    return sets


def _model(no_model: bool) -> "ModelChoice | None":
    from vigil.backtest.evaluate import ModelChoice

    settings = environment.settings()
    return ModelChoice(settings.model_file) if settings.anomaly_enabled and not no_model else None


def _run(
    sources: list["Source"], sets: list["RuleText"], kept: Path | None, labels: Path | None,
    model: "ModelChoice | None", processes: int, priority: str, lookback: float,
) -> "Result":  # fmt: skip
    import tempfile

    from vigil.backtest import labels as labelled
    from vigil.backtest.cache import Cache
    from vigil.backtest.catch import Criterion
    from vigil.backtest.run import run
    from vigil.backtest.workers import usable

    events = labelled.read(labels) if labels else None
    with ExitStack() as stack:
        if kept is None:
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vigil-backtest-")))
        return run(
            sources,
            sets,
            kept=Cache(kept),
            processes=processes or usable(),
            model=model,
            labels=events,
            criterion=Criterion(priority=priority, lookback_h=lookback),
            progress=_progress(stack),
        )


def _progress(stack: ExitStack) -> "Progress":
    shown = stack.enter_context(bar("patients", "observations"))
    tasks: dict[str, TaskID] = {}
    done: dict[str, tuple[int, int]] = {}

    def show(doing: str, patients: int, observations: int) -> None:
        if doing not in tasks:
            tasks[doing] = shown.add_task(doing, total=None, patients="", observations="")
        before = done.get(doing, (0, 0))
        done[doing] = before[0] + patients, before[1] + observations
        told = f"{done[doing][0]:,} patients" if done[doing][0] else ""
        shown.update(tasks[doing], patients=told, observations=f"{done[doing][1]:,} observations")

    return show


def _labelled(result: "Result", labels: Path | None) -> None:
    """What of the labels no table shows."""
    if labels and not result.events:
        say(f"--labels {labels}: there is no event in it")
    elif result.unknown:
        of = len({event.subject for event in result.events})
        say(
            f"{len(result.unknown)} of {of} labelled patients have no observation and are not counted, such as "
            f"{result.unknown[0]}"
        )


def _notes(made: dict[str, Any]) -> None:
    prepared = sum(recording["prepared_s"] for recording in made["recordings"])
    rate = made["engine_observations_per_s_per_core"]
    say(
        f"{made['observations']:,} observations in {made['processes']} processes: prepared in {prepared:.1f} s, "
        f"evaluated in {made['evaluate_s']:.1f} s; {rate:,.0f}/s a core in the engine"
    )
    refused = sum(recording["rejected"] + recording["dead_lettered"] for recording in made["recordings"])
    if refused:
        say(f"{refused:,} observations were refused; backtest.json says why")
