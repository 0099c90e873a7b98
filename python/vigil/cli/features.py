"""`vigil features RECORDING --out FILE.parquet`: the feature rows of a recording, as the model sees them."""

from pathlib import Path
from typing import Annotated

import typer

from vigil.cli.console import CliError, bar, say
from vigil.cli.replay import located


def features(
    path: Annotated[str, typer.Argument(metavar="RECORDING", help="File or folder, or a name like sepsis_hourly.")],
    out: Annotated[Path, typer.Option("--out", help="The Parquet file to write.")],
    limit: Annotated[int | None, typer.Option(help="Only the first patients, in sorted order.", min=1)] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the recordings (VIGIL_DATA).")] = None,
) -> None:
    """Write the feature rows of a recording.

    The rows come from the same core as live: decoded, normalised, enriched, with the patient's history. Late and
    repeated observations have none, as they are not evaluated. What each column holds: docs/features.md.

    Besides the features, [bold]patient_id[/bold], [bold]device_id[/bold] and [bold]event_time[/bold], a column
    [bold]label_…[/bold] for each label of the recording, and [bold]outcome[/bold]: what became of the patient, as JSON.
    Missing is null. The file appears whole or not at all.

    [bold]Examples[/bold]

      vigil features bedside_minutes --out rows.parquet
      vigil features sepsis_hourly --limit 500 --out /tmp/rows.parquet
    """
    from vigil import recordings
    from vigil.offline.feature_file import FeatureFile
    from vigil.offline.features import LostRows, feature_rows

    if out.is_dir() or not out.parent.is_dir():
        raise CliError(f"--out {out}: not a file in a folder that exists")
    recording = recordings.open(located(path, data), limit=limit)
    patients = rows = 0
    try:
        with bar("patients", "rows") as progress, FeatureFile(out) as file:
            whole = recording.size() if isinstance(recording, recordings.TextRecording) else None
            task = progress.add_task("features", total=whole, patients="", rows="")
            for part in feature_rows(recording.stays()):
                file.add(part)
                patients, rows = patients + 1, rows + len(part.features)
                progress.update(task, advance=1, patients=f"{patients:,} patients", rows=f"{rows:,} rows")
            progress.update(task, total=patients)  # the others had no observation
    except LostRows as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(f"--out {out}: {error.strerror or error}") from error
    if not rows:
        raise CliError(f"{path}: no observation was evaluated, so there are no rows")
    say(f"{rows:,} rows of {patients:,} patients: {out}")
