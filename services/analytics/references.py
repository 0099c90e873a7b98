"""Whose bins? Of the model that scored an observation, found by the version that its event names.

The manifest of MODEL_FILE is read at the start. When events name another version, for the model service was given one
and promoted it, its manifest is looked for in MODEL_DIR.
"""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from services.analytics.drift import Reference
from vigil import paths
from vigil.model import Manifest, ModelError
from vigil.model import manifest as manifests
from vigil.model.manifest import FILE_NAME, default_file
from vigil.runtime.logs import log

LOOK_AGAIN_S = 60.0
"""A version without a manifest is looked for again after so long: the folder may be late."""
_log = logging.getLogger(__name__)


class References:
    """The references by version. `of` is for the stage's thread; `newest` may be read from any."""

    def __init__(self, model_file: str = "", model_dir: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._folder, self._clock = model_file, Path(model_dir) if model_dir else None, clock
        self._known: dict[str, Reference] = {}
        self._missing: dict[str, float] = {}
        self.newest = Reference(self._shipped())
        """Of the model that scored last, as far as it is known."""
        self._known[self.newest.version] = self.newest

    def of(self, version: str) -> Reference:
        """The reference of a version; one without columns when there is no manifest. "" (not scored): the newest."""
        if version in ("", self.newest.version):
            return self.newest
        found = self._known.get(version) or self._look(version)
        if found is None:
            return Reference(None)
        self.newest = found
        return found

    def _look(self, version: str) -> Reference | None:
        now = self._clock()
        if now < self._missing.get(version, now):
            return None
        for manifest in self._manifests():
            if manifest.version == version:
                log(_log, logging.INFO, "reference_loaded", model_version=version)
                self._known[version] = Reference(manifest)
                return self._known[version]
        log(_log, logging.WARNING, "reference_unavailable", model_version=version, reason="no manifest of this version")
        self._missing[version] = now + LOOK_AGAIN_S
        return None

    def _manifests(self) -> Iterator[Manifest]:
        """What can be read now: MODEL_FILE may have been replaced, too."""
        shipped = self._shipped()
        if shipped is not None:
            yield shipped
        for path in sorted(self._folder.glob(f"*/{FILE_NAME}")) if self._folder else []:
            try:
                yield manifests.read(default_file(path.parent))[0]
            except ModelError as error:
                log(_log, logging.WARNING, "manifest_unreadable", reason=str(error))

    def _shipped(self) -> Manifest | None:
        """Of the model that MODEL_FILE names; without it nothing is compared, and everything else goes on."""
        try:
            return manifests.read(Path(self._file) if self._file else default_file(paths.MODELS))[0]
        except ModelError as error:
            log(_log, logging.ERROR, "reference_unavailable", reason=str(error))
            return None
