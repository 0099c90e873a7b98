"""Which recording a path is, by what lies there."""

import tarfile
from datetime import datetime
from pathlib import Path

from vigil import paths
from vigil.recordings.bedside_minutes import BedsideMinutes
from vigil.recordings.icu_charted import IcuCharted
from vigil.recordings.icu_mortality import IcuMortality
from vigil.recordings.jsonl import JsonLines
from vigil.recordings.model import DEFAULT_START, Recording, RecordingError
from vigil.recordings.sepsis_hourly import SepsisHourly
from vigil.settings import Settings

Format = type[SepsisHourly] | type[IcuMortality] | type[IcuCharted] | type[BedsideMinutes] | type[JsonLines]


def data_folder(given: Path | None = None) -> Path | None:
    """Where the recordings are: `given`, `VIGIL_DATA`, or `../shared/data` beside the project; None if nowhere."""
    named = given or Settings.load().vigil_data
    folder = Path(named) if named else paths.ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def open_recording(path: Path | str, *, start: datetime = DEFAULT_START, limit: int | None = None) -> Recording:
    """Opens a recording file or folder; raises `RecordingError` when it is none that is known.

    `path` may also be the bare name of a folder of recordings (`sepsis_hourly`), found in `data_folder()`.
    """
    found = Path(path)
    if not found.exists():
        folder = data_folder()
        if folder is None or not (folder / path).exists():
            raise RecordingError(f"{path}: no such file or folder")
        found = folder / path
    for archive in ("patients.tar.xz", "set-a.tar.xz"):
        if found.is_dir() and (found / archive).exists():
            found = found / archive
    return _format(found)(found, start, limit)


def _format(path: Path) -> Format:
    if path.is_dir():
        return _folder(path)
    if ".tar" in path.name:
        return _archive(path)
    if path.name == "vitals.csv.gz":
        return IcuCharted
    if path.suffix == ".csv":
        return BedsideMinutes
    if path.suffix in {".jsonl", ".ndjson", ".json"} or path.name.endswith(".jsonl.gz"):
        return JsonLines
    raise RecordingError(
        f"{path}: not a known recording (.jsonl, .jsonl.gz, .csv, .psv folder, .tar.xz, vitals.csv.gz)"
    )


def _folder(path: Path) -> Format:
    if (path / "vitals.csv.gz").exists():
        return IcuCharted
    if next(path.glob("*.psv"), None):
        return SepsisHourly
    if next(path.rglob("[0-9]*.txt"), None):
        return IcuMortality
    if next(path.glob("*.csv"), None):
        return BedsideMinutes
    raise RecordingError(f"{path}: no recording is in this folder")


def _archive(path: Path) -> Format:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.endswith(".psv"):
                    return SepsisHourly
                if member.name.endswith(".txt"):
                    return IcuMortality
    except (tarfile.TarError, OSError) as error:
        raise RecordingError(f"{path}: {error}") from error
    raise RecordingError(f"{path}: the archive holds no recording that is known")
