"""Feature rows and scores of the live stream against the training reference, over all wards.

Rows are sampled, at most so many a second, and counted on a thread of low priority. Which ward a row is of is not
known here; analytics compares vital signs and scores per ward.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from prometheus_client import Gauge

from services.anomaly_service.background import Background
from services.anomaly_service.batcher import Scored
from vigil.model import Manifest
from vigil.model.drift import VALUES_MIN, Binning, Counts, band, index

PSI = Gauge("vigil_feature_drift_psi", "PSI of live feature rows and scores against training", ["column"])
HOURS_KEPT = 24
_HOUR_S = 3600
_ROWS_A_BATCH = 256
_PUBLISH_S = 30.0


class FeatureDrift:
    """Counts per hour of processing time. A new model starts them anew; a restart forgets them."""

    def __init__(self, rows_per_s: int) -> None:
        self._every_s = _ROWS_A_BATCH / rows_per_s if rows_per_s else math.inf
        self._next = 0.0 if rows_per_s else math.inf
        self._background = Background("drift")
        self._published = -math.inf
        self._manifest: Manifest | None = None
        self._binning = Binning([])
        self._columns: list[str] = []
        self._hours: OrderedDict[int, Counts] = OrderedDict()

    def observe(self, features: bytes, rows: int, scored: Scored) -> None:
        """A live batch; most are left out. On a scoring thread."""
        now = time.monotonic()
        if rows and now >= self._next and self._background.offer(lambda: self._count(features, rows, scored)):
            self._next = now + self._every_s * min(1.0, rows / _ROWS_A_BATCH)

    def report(self, hours: int) -> dict[str, Any]:
        """PSI per column over the last `hours` hours, worst first."""
        since = int(time.time()) // _HOUR_S - hours + 1
        manifest = self._manifest
        counts = [count for hour, count in list(self._hours.items()) if hour >= since]
        total = np.sum(counts, axis=0) if counts else np.zeros((len(self._columns), self._binning.bins), np.int64)
        rows = int(total[0].sum()) if len(total) else 0
        items = [self._column(name, at, total[at], rows) for at, name in enumerate(self._columns)]
        items.sort(key=lambda item: -(item["psi"] or -1.0))
        return {
            "modelVersion": manifest.version if manifest else None,
            "hours": hours,
            "rows": rows,
            "valuesMin": VALUES_MIN,
            "items": items,
        }

    def close(self) -> None:
        """Counts nothing more."""
        self._background.close()

    def _column(self, name: str, at: int, counts: Counts, rows: int) -> dict[str, Any]:
        trained = self._binning.columns[at]
        value, known = index(trained, counts)
        return {
            "column": name,
            "psi": None if math.isnan(value) else round(value, 4),
            "band": band(value),
            "missing": round(1.0 - known / rows, 4) if rows else None,
            "missingInTraining": trained.missing,
        }

    def _count(self, features: bytes, rows: int, scored: Scored) -> None:
        manifest = scored.model.manifest
        if manifest is not self._manifest:
            self._begin(manifest)
        if not self._columns:
            return
        step = max(1, -(-rows // _ROWS_A_BATCH))
        chosen = [_matrix(features, manifest.features)[::step], _matrix(scored.scores, manifest.scores)[::step]]
        names = [*manifest.features, *manifest.scores]
        at = [names.index(name) for name in self._columns]
        counts = self._binning.count(np.hstack(chosen)[:, at])
        hour = int(time.time()) // _HOUR_S
        self._hours[hour] = self._hours.get(hour, 0) + counts
        while len(self._hours) > HOURS_KEPT:
            self._hours.popitem(last=False)
        if time.monotonic() >= self._published + _PUBLISH_S:
            self._published = time.monotonic()
            self._publish()

    def _begin(self, manifest: Manifest) -> None:
        known = [name for name in (*manifest.features, *manifest.scores) if name in manifest.drift]
        self._columns, self._binning = known, Binning([manifest.drift[name] for name in known])
        self._hours.clear()
        PSI.clear()  # the figures were of another model's bins
        self._manifest = manifest

    def _publish(self) -> None:
        for item in self.report(HOURS_KEPT)["items"]:
            if item["psi"] is not None:
                PSI.labels(item["column"]).set(item["psi"])
            else:
                with suppress(KeyError):  # it had none before either
                    PSI.remove(item["column"])


def _matrix(packed: bytes, names: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.frombuffer(packed, "<f4").reshape(-1, len(names))
