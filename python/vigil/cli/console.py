"""What the commands print with: results to stdout, words to stderr; expected errors as one sentence."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_WIDTH = 140
"""Columns where there is no terminal to ask."""

out = Console(width=None if sys.stdout.isatty() else _WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else _WIDTH)

HOURS_MAX = 8784.0
"""A year: nothing is foreseen for longer, and times stay within what is computed with."""
EXIT_UNAVAILABLE = 69
# By name, so that nothing heavy is imported to show --help.
ERRORS = {
    "AlreadyUp": 1,
    "AlreadyRunning": 1,
    "CannotStart": 71,
    "CliError": 1,
    "SettingsError": 78,
    "RecordingError": 66,
    "RegistryRefused": EXIT_UNAVAILABLE,
    "BusError": EXIT_UNAVAILABLE,
    "BusUnavailable": EXIT_UNAVAILABLE,
    "ProgramMissing": EXIT_UNAVAILABLE,
    "StartFailed": EXIT_UNAVAILABLE,
    "ModelError": EXIT_UNAVAILABLE,
    "CoreError": 70,
    "WorkerLost": 71,
}


class CliError(Exception):
    """A command cannot do what was asked; the text says why and what helps."""


def fail(error: Exception) -> int:
    """Prints the error; returns the exit code."""
    problems = getattr(error, "problems", None) or [str(error)]
    for problem in problems:
        err.print(f"[bold red]vigil:[/] {problem}" if "[" not in problem else f"vigil: {problem}", highlight=False)
    return ERRORS[type(error).__name__]


def folder(option: str, path: Path) -> Path:
    """The folder that results go to, made now: what cannot be written is said before the work, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise CliError(f"{option} {path}: is a file, not a folder") from error
    except OSError as error:
        raise CliError(f"{option} {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise CliError(f"{option} {path}: cannot be written to")
    return path


def wrong(problem: Mapping[str, Any], options: Mapping[str, str] | None = None) -> str:
    """What a service's refusal says: field by field (as `options` name them) where it does, else its detail."""
    names = options or {}
    fields = [f"{names.get(e['field'], e['field'])}: {e['message']}" for e in problem.get("errors") or [] if e["field"]]
    return "; ".join(fields) or str(problem.get("detail", ""))


def say(text: str) -> None:
    """A line for the person who waits."""
    err.print(f"[dim]·[/] {text}", highlight=False)


def bar(*fields: str) -> Progress:
    """A progress bar with these further fields."""
    columns = [TextColumn(f"{{task.fields[{name}]}}") for name in fields]
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *columns, TimeElapsedColumn(), console=err
    )
