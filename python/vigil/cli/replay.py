"""`vigil replay PATH`: a recording to the gateway, or through the same core with no servers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from vigil.cli import environment
from vigil.cli.console import CliError, bar, out


def replay(
    path: Annotated[str, typer.Argument(help="Recording file or folder, or a name like bedside_minutes.")],
    speed: Annotated[str, typer.Option(help="Times faster than recorded, or max.")] = "max",
    limit: Annotated[int | None, typer.Option(help="Only the first patients, in sorted order.", min=1)] = None,
    start: Annotated[str, typer.Option(help="Where relative times begin, ISO 8601.")] = "2026-01-01T00:00:00Z",
    data: Annotated[Path | None, typer.Option(help="Folder of the recordings (VIGIL_DATA).")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="No servers: same core, same model, same ids.")] = False,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Where --offline writes its files.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Try these rules (with --offline).")] = None,
    no_model: Annotated[bool, typer.Option("--no-model", help="Without the model (with --offline).")] = False,
) -> None:
    """Replay recorded vital signs, with the recording's own mess.

    Live, the patients, devices and links are registered first, and every observation goes through the gateway.
    Times begin at --start, so a replay of the same recording always gives the same ids. Offline writes
    scored.jsonl and alerts.jsonl: a rule change can be tried on last month before it goes live.

    Formats: JSON lines of gateway objects; hourly .psv files; long-format ICU stays; charted ICU stays;
    bedside minutes.

    [bold]Examples[/bold]

      vigil replay bedside_minutes --speed 600
      vigil replay ../shared/data/sepsis_hourly --limit 200
      vigil replay sepsis_hourly --limit 200 --offline --out /tmp/last-month --rules rules/new.toml
    """
    from vigil import recordings

    recording = recordings.open(located(path, data), start=moment(start), limit=limit)
    if offline:
        if out_dir is None:
            raise CliError("--offline needs --out DIR")
        _offline(recording, out_dir, rules, no_model)
        return
    if out_dir or rules or no_model:
        raise CliError("--out, --rules and --no-model belong to --offline")
    from vigil.cli.replay_live import replay_live

    summary = replay_live(recording, environment.settings(), _speed(speed))
    _show("Replay", summary)
    if summary["unsent"]:
        raise typer.Exit(1)


def located(path: str, data: Path | None) -> Path | str:
    """The recording below `--data`, unless the path itself is there."""
    return data / path if data and not Path(path).exists() else path


def moment(text: str) -> datetime:
    """The time of a `--start`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CliError(f"--start {text}: not an ISO 8601 time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise CliError(f"--speed {text}: a number above 0, or max")
    return speed


def _offline(recording: object, directory: Path, rules: Path | None, no_model: bool) -> None:
    from typing import cast

    from vigil.offline.pipeline import OfflinePipeline
    from vigil.offline.run import replay as run
    from vigil.recordings import Recording
    from vigil.settings import Settings

    settings = Settings.load()
    model = None
    if settings.anomaly_enabled and not no_model:
        from vigil.model import load

        model = load(settings.model_file, settings.model_threads)
    pipeline = OfflinePipeline(settings, model, rules)
    with bar("patients", "observations") as progress:
        task = progress.add_task("offline", total=None, patients="", observations="")
        done = [0, 0]

        def show(stays: int, observations: int) -> None:
            done[0] += stays
            done[1] += observations
            progress.update(task, patients=f"{done[0]:,} patients", observations=f"{done[1]:,} observations")

        counts = run(cast(Recording, recording), pipeline, directory, show)
    summary: dict[str, object] = {
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "scored": counts.scored,
        "dead-lettered": counts.dead_lettered,
        "alert events": counts.alerts,
        "difference": counts.difference,
        "rule set": pipeline.rule_set_version,
        "model": model.version if model else "none: scores are unavailable",
        "files": str(directory),
        **({"refused because": counts.problems} if counts.problems else {}),
    }
    _show("Offline replay", summary)
    if counts.difference:
        raise typer.Exit(1)


def _show(title: str, summary: dict[str, object]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in summary.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    out.print(table)
