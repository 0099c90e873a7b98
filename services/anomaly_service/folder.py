"""MODEL_DIR: a directory a model, and the file ACTIVE that remembers which of them was promoted.

A model counts as there when its manifest is: write the manifest last. A directory that was there when the service
started is not offered by itself; one that comes, or whose manifest changes, is.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from vigil.model import ModelError
from vigil.model.manifest import FILE_NAME, default_file
from vigil.runtime.logs import log

ACTIVE = "ACTIVE"
Offer = Callable[[str, Path], Awaitable[bool]]
"""Whether it was tried, or refused for good; False = it waits, and is offered again at the next look."""
TurnAway = Callable[[str, str], None]
"""Takes the name of a directory that holds no model, and why."""
_log = logging.getLogger(__name__)


class ModelFolder:
    """The directories below `path`; none when it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._stamps()
        self.waiting: list[str] = []
        """Directories that came while another model was on trial."""

    def file(self, name: str) -> Path:
        """The model file of directory `name`. Raises `ModelError` when there is none, or it lies elsewhere."""
        folder = self.path / name
        if name in ("", ".", "..") or folder.parent != self.path or Path(name).name != name:
            raise ModelError(f"'{name}' is no directory of the model folder")
        file = default_file(folder)
        if file.parent != folder:
            raise ModelError(f"{name}: the manifest names a file elsewhere")
        return file

    def names(self) -> list[str]:
        """The directories that hold a manifest, oldest first."""
        stamps = self._stamps()
        return sorted(stamps, key=lambda name: stamps[name])

    def changed(self) -> list[str]:
        """Directories that came or changed since the last call, oldest first."""
        stamps = self._stamps()
        fresh = [name for name, stamp in stamps.items() if self._seen.get(name) != stamp]
        self._seen = stamps
        return sorted(fresh, key=lambda name: stamps[name])

    def remembered(self) -> str:
        """The directory promoted last, or ""."""
        try:
            return (self.path / ACTIVE).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def remember(self, name: str) -> None:
        """Keeps the promotion over a restart; "" forgets it. A folder that cannot be written is said in the log."""
        part = self.path / f".{ACTIVE}.part"
        try:
            part.write_text(f"{name}\n", "utf-8")
            os.replace(part, self.path / ACTIVE)
        except OSError as error:
            log(_log, logging.ERROR, "promotion_not_remembered", reason=f"{error.filename}: {error.strerror}")

    async def watch(self, interval_s: float, offer: Offer, turn_away: TurnAway) -> None:
        """Offers what comes, newest last, until cancelled. What is refused is in the swap's history."""
        while True:
            await asyncio.sleep(interval_s)
            await self.scan(offer, turn_away)

    async def scan(self, offer: Offer, turn_away: TurnAway) -> None:
        """Offers what came since the last look, and what waits; turns away what has no readable manifest."""
        waiting = []
        for name in await asyncio.to_thread(self.changed):
            try:
                if not await offer(name, await asyncio.to_thread(self.file, name)):
                    self._seen.pop(name, None)
                    waiting.append(name)
            except ModelError as error:
                turn_away(name, str(error))
            except Exception as error:  # whatever is in the folder, the service goes on with the model it has
                log(_log, logging.WARNING, "model_not_offered", source=name, reason=str(error))
        self.waiting = waiting

    def _stamps(self) -> dict[str, int]:
        found = {}
        try:
            folders = [entry for entry in os.scandir(self.path) if entry.is_dir()]
        except OSError:
            return {}
        for folder in folders:
            try:
                found[folder.name] = os.stat(Path(folder.path) / FILE_NAME).st_mtime_ns
            except OSError:
                continue
        return found
