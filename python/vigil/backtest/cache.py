"""Prepared recordings, kept so that a second run reads bytes straight into the engine.

A folder a recording, named by a hash of what it was made from: the recording's files (name, size, modification time),
the options, the core's version and its binary, the format. It appears whole or not at all: it is written aside and
renamed. The least recently used go when all together are too large.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

from vigil import core
from vigil.backtest import parts
from vigil.backtest.parts import Part
from vigil.recordings import Recording

BYTES_MAX = 4 << 30
"""Of all prepared recordings together."""
DESCRIPTION = "parts.json"
ABANDONED_S = 24 * 3600.0
"""What was begun longer ago and not finished is swept away."""
_BEGUN = "begun-"


@cache
def core_identity() -> str:
    """The core's version and the hash of its binary."""
    file = Path(str(sys.modules[core.Engine.__module__].__file__))
    return f"{core.version()} {hashlib.sha256(file.read_bytes()).hexdigest()}"


def key(recording: Recording, start: datetime, limit: int | None) -> str:
    """What a recording's prepared form depends on, hashed."""
    path = recording.path.resolve()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    if recording.name == "icu_mortality" and path.is_dir():
        files += sorted(path.parent.glob("Outcomes*.txt"))
    facts = [parts.FORMAT, core_identity(), recording.name, str(path), start.isoformat(), limit]
    stats = [(str(file), stat.st_size, stat.st_mtime_ns) for file in files for stat in [file.stat()]]
    return hashlib.sha256(msgspec.json.encode([facts, stats])).hexdigest()[:32]


class Cache:
    """The prepared recordings below a folder."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self._folder, self._bytes_max = folder, bytes_max

    def find(self, name: str) -> tuple[Path, list[Part]] | None:
        """The folder and parts of a prepared recording; None when it is not there, or not whole."""
        folder = self._folder / name
        try:
            found = parts.described((folder / DESCRIPTION).read_bytes())
            whole = all((folder / part.file).stat().st_size == sum(part.lengths) for part in found)
        except (OSError, msgspec.MsgspecError):
            whole = False
        if not whole:
            self.drop(name)
            return None
        with contextlib.suppress(OSError):
            os.utime(folder)  # used: it goes last
        return folder, found

    @contextlib.contextmanager
    def begin(self) -> Iterator[Path]:
        """A folder to prepare in; what is left of it at the end is swept away."""
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_BEGUN, dir=self._folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, name: str, begun: Path, made: list[Part]) -> Path:
        """Takes a finished folder in; returns where it is now. Makes room for it."""
        (begun / DESCRIPTION).write_bytes(parts.describe(made))
        target = self._folder / name
        try:
            begun.rename(target)
        except OSError:  # another run was first, or left something behind
            if self.find(name) is None:
                begun.rename(target)
        self._make_room(target)
        return target

    def drop(self, name: str) -> None:
        """Forgets one."""
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def _make_room(self, keeping: Path) -> None:
        now, total = time.time(), 0
        for folder in sorted(self._folder.iterdir(), key=_used, reverse=True):
            if folder.name.startswith(_BEGUN):
                if now - _used(folder) > ABANDONED_S:
                    shutil.rmtree(folder, ignore_errors=True)
                continue
            total += _size(folder)
            if total > self._bytes_max and folder != keeping:
                shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in folder.iterdir())
    return 0
