"""`vigil evaluate RECORDING`: how good the model is at seeing labelled events, beside what a ward has without it."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID
from rich.table import Table

from vigil.cli import environment
from vigil.cli.console import HOURS_MAX, CliError, bar, folder, out, say
from vigil.cli.replay import located, moment

if TYPE_CHECKING:
    from vigil.recordings import Recording

HELD_OUT, ALL = "held-out", "all"


def evaluate(
    recording: Annotated[str, typer.Argument(help="A recording: file, folder, or name.")],
    labels: Annotated[Path | None, typer.Option(help="Labelled events (.jsonl or .csv) in place of the own.")] = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Where to write; without it .vigil/evaluation.")] = None,
    kind: Annotated[str, typer.Option(help="The kind of event; without it the commonest.")] = "",
    horizon: Annotated[
        float, typer.Option(help="Hours before an event from which rows are labelled.", min=0.0, max=HOURS_MAX)
    ] = 6.0,
    lookback: Annotated[
        float, typer.Option(help="Hours before an event in which an alarm catches it.", min=0.0, max=HOURS_MAX)
    ] = 12.0,
    sensitivity: Annotated[list[float] | None, typer.Option(help="Share of events to catch (0.5 and 0.8).")] = None,
    patients: Annotated[str, typer.Option(help="held-out: none the model learned from; or all.")] = HELD_OUT,
    model: Annotated[str, typer.Option(help="The ONNX file; without it the one in use.")] = "",
    rounds: Annotated[int, typer.Option(help="Bootstrap rounds.", min=10, max=10_000)] = 200,
    limit: Annotated[int | None, typer.Option(help="Only the first patients, in sorted order.", min=1)] = None,
    start: Annotated[str, typer.Option(help="Where relative times begin, ISO 8601.")] = "2026-01-01T00:00:00Z",
    data: Annotated[Path | None, typer.Option(help="Folder of the recordings (VIGIL_DATA).")] = None,
    processes: Annotated[int, typer.Option(help="Processes; 0 = one a core.", min=0, max=256)] = 0,
) -> None:
    """Measure the model on a recording.

    The live engine and model score every observation. AUROC, AUPRC, calibration, alarms per bed-day at fixed
    sensitivity, lead time, and groups by age, sex and ward, for the model's risk and beside it partial NEWS2, the
    known part of qSOFA and the shock index on the same rows; intervals by resampling patients. Prints a table and what
    speaks against the model, and writes evaluation.json and evaluation.html.

    Of a recording that the model learned from, only the held-out patients are taken, unless --patients all.

    [bold]Examples[/bold]

      vigil evaluate sepsis_hourly
      vigil evaluate icu_mortality --kind death --out /tmp/report
      vigil evaluate ward.jsonl --labels ward.events.csv --sensitivity 0.9
    """
    from vigil import recordings
    from vigil.backtest import labels as labelled
    from vigil.backtest.prepared import RecordingSource
    from vigil.evaluation import command
    from vigil.evaluation.split import unseen

    if patients not in (HELD_OUT, ALL):
        raise CliError(f"--patients {patients}: {HELD_OUT} or {ALL}")
    wanted = tuple(sensitivity or (0.5, 0.8))
    if not all(0 < share <= 1 for share in wanted):
        raise CliError("--sensitivity: a share above 0 and up to 1")
    into = folder("--out", out_dir or environment.directory() / "evaluation")
    begins = moment(start)
    whole = recordings.open(located(recording, data), start=begins, limit=limit)
    taken = whole if patients == ALL else unseen(whole)
    chosen = _chosen(whole, taken)
    say(chosen)
    question = command.Question(kind=kind, horizon_h=horizon, lookback_h=lookback, sensitivities=wanted, rounds=rounds)
    source = RecordingSource(recording=taken, start=begins, limit=limit)
    _check(whole, taken, limit, model)
    events = labelled.read(labels) if labels else None
    if labels and not events:
        raise CliError(f"--labels {labels}: there is no event in it")
    made = _run(source, question, model, processes, chosen, events)
    command.write(made, into)
    _print(made)
    say(f"{into / command.HTML} and {command.JSON}")


def _chosen(whole: "Recording", taken: "Recording") -> str:
    from vigil.evaluation.split import TRAINED_ON

    if taken is not whole:
        return f"only the {TRAINED_ON[whole.name].test_percent} % of the patients that are held out of training"
    if whole.name in TRAINED_ON:
        return "all patients, those the model learned from too: the figures are too good"
    return "all patients; the model learned from none of this recording"


def _check(whole: "Recording", taken: "Recording", limit: int | None, model: str) -> None:
    """What would otherwise be found after the recording has been prepared."""
    from vigil import recordings
    from vigil.model import ModelError, load

    if limit and taken is not whole and isinstance(taken, recordings.TextRecording) and not taken.size():
        raise CliError(f"--limit {limit}: none of these patients is held out of training")
    if model:
        try:
            load(model)
        except ModelError as error:
            raise CliError(f"--model {model}: {error}") from error


def _run(source: Any, question: Any, model: str, processes: int, chosen: str, events: Any) -> dict[str, Any]:
    from vigil import paths
    from vigil.backtest.cache import Cache
    from vigil.backtest.workers import usable
    from vigil.evaluation import command

    settings = environment.settings()
    rules = Path(settings.rules_file) if settings.rules_file else paths.RULES
    with ExitStack() as stack:
        progress = stack.enter_context(bar("done"))
        tasks: dict[str, TaskID] = {}
        sums: dict[str, list[int]] = {}

        def step(what: str, people: int, observations: int) -> None:
            if what not in tasks:
                for task in tasks.values():
                    progress.update(task, total=1, completed=1)
                tasks[what], sums[what] = progress.add_task(what, total=None, done=""), [0, 0]
            done = sums[what]
            done[0], done[1] = done[0] + people, done[1] + observations
            if done[1]:
                progress.update(tasks[what], done=f"{done[0]:,} patients, {done[1]:,} observations")

        made = command.run(
            source, rules.read_text(encoding="utf-8"), model or settings.model_file, question,
            kept=Cache(environment.directory() / "cache" / "backtest"), processes=processes or usable(), progress=step,
            patients_chosen=chosen, labels=events,
        )  # fmt: skip
        for task in tasks.values():
            progress.update(task, total=1, completed=1)
    return made


def _print(made: dict[str, Any]) -> None:
    from vigil.evaluation.page import figure
    from vigil.evaluation.rows import TITLES

    found = made["found"]
    out.print(
        f"{made['model']}, {found['kind']}: {found['patientsWithEvent']:,} of {found['patients']:,} patients, "
        f"{found['rowsCompared']:,} rows, {100 * found['prevalence']:.2f} % labelled",
        highlight=False,
    )
    highest = found["alarms"]["atSensitivity"][-1]
    caught = f"{100 * highest['sensitivity']:.0f} % caught"
    table = Table("score", "AUROC", "AUPRC", "within the hour", f"alarms a bed-day, {caught}", "time on", "lead (h)")
    for name, entry in found["ranking"].items():
        alarm = highest["scores"].get(name)
        table.add_row(
            TITLES[name],
            figure(entry["auroc"]),
            figure(entry["auprc"]),
            figure(entry["aurocSameHour"]),
            figure(alarm["alarmsPerBedDay"], 2) if alarm else "–",
            figure(alarm["timeOnShare"], 2) if alarm else "–",
            figure(alarm["medianLeadH"], 1) if alarm else "–",
        )
    out.print(table)
    for line in made["remarks"]:
        say(line)
