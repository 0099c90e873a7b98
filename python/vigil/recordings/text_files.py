"""The files of a recording with a text a stay: those of a folder, or of the archive of it."""

import tarfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from vigil.recordings.model import RecordingError


class TextFiles:
    """Files by `pattern`, in sorted order; `limit` takes the first.

    In an archive the pattern's last part counts, in any folder. A directory is no file, whatever its name; what else
    cannot be read is refused, not left out.
    """

    def __init__(self, path: Path, pattern: str, limit: int | None) -> None:
        self._path, self._pattern, self._limit = path, pattern, limit

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each file's name without its ending, and its text. Raises `RecordingError`."""
        if self._path.is_dir():
            for file in self._files():
                yield file.stem, file.read_text()
            return
        members = self._members()
        with tarfile.open(self._path) as archive:
            for member in members:
                content = archive.extractfile(member)
                if content is None:
                    raise RecordingError(f"{self._path}: {member.name} cannot be read")
                yield PurePath(member.name).stem, content.read().decode()

    def __len__(self) -> int:
        """An archive is unpacked for it."""
        return len(self._files() if self._path.is_dir() else self._members())

    def _files(self) -> list[Path]:
        return sorted(file for file in self._path.glob(self._pattern) if file.is_file())[: self._limit]

    def _members(self) -> list[tarfile.TarInfo]:
        """Of the archive, which is unpacked once for it."""
        name = PurePath(self._pattern).name
        with tarfile.open(self._path) as archive:
            found = [m for m in archive if fnmatchcase(PurePath(m.name).name, name) and not m.isdir()]
        return sorted(found, key=lambda member: member.name)[: self._limit]
