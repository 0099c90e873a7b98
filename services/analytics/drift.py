"""Are the wards' values and scores still what the model learned from? Counted with the roll-ups, compared on demand.

Per ward and column the population stability index over the bins of the model's training reference. The columns are
the vital signs of the model, as devices sent them, and the scores risk and anomaly, as they were given.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Gauge

from services.analytics import drift_kernel as k
from services.analytics.columns import Dictionary
from services.analytics.kernels import HIGH, HOUR_US, LOW, Ints
from services.analytics.tables import Observations, Table, Values
from vigil.model import Manifest
from vigil.model.drift import VALUES_MIN, Binning, band, index
from vigil.pb import events_pb2 as pb
from vigil.runtime.logs import log

PSI = Gauge("vigil_drift_psi", "PSI of a ward's values over the last day against training", ["ward", "field"])
SCORES = ("risk", "anomaly")
WARDS_SHOWN_MAX = 100
ALL = "all"
"""What the metric calls all wards together; a ward of this name is on the route alone."""
_REFRESH_S = 60.0
_log = logging.getLogger(__name__)


class Reference:
    """The columns that can be compared, and their bins."""

    def __init__(self, manifest: Manifest | None) -> None:
        signs = {name.removeprefix("SIGN_").lower(): number for name, number in pb.Sign.items()}
        trained = manifest.drift if manifest else {}
        self.version = manifest.version if manifest else ""
        self.fields = [
            name for name in (*signs, *SCORES) if name in trained and len(trained[name].shares) <= k.BINS_MAX
        ]
        self.trained = [trained[name] for name in self.fields]
        self.edges = Binning(self.trained).edges
        self.column_of_sign = np.full(256, -1, np.int8)
        for at, name in enumerate(self.fields):
            if name in signs:
                self.column_of_sign[signs[name]] = at

    def column(self, name: str) -> int:
        """The column of a score, or -1."""
        return self.fields.index(name) if name in self.fields else -1


class DriftCounts(Table):
    """Values per ward, column and event-time hour, in the bins of one model."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(k.WORDS)
        self._reference = reference

    def add(self, o: Observations, values: Values, chosen: NDArray[np.bool_] | None = None) -> None:
        """Counts the usable values and the scores of each (chosen) fresh observation that is no duplicate, once."""
        reference = self._reference
        if not reference.fields:
            return
        counted = o.fresh & ~o.duplicate
        if chosen is not None:
            counted &= chosen
        column = np.where(values.usable, reference.column_of_sign[values.sign], np.int8(-1))
        self._count(values.observation, column, values.value, counted, o)
        each = np.arange(len(o.fresh), dtype=np.uint32)
        for name, score in (("risk", o.risk), ("anomaly", o.anomaly)):
            at = reference.column(name)
            if at >= 0:
                self._count(each, np.full(len(each), at, np.int8), score, counted, o)

    def _count(
        self,
        observation: NDArray[np.uint32],
        column: NDArray[np.int8],
        value: NDArray[np.floating],
        counted: NDArray[np.bool_],
        o: Observations,
    ) -> None:
        # float32 as in the reference: 36.7 must not fall below an edge that was 36.7 in training.
        columns = observation, column, value.astype(np.float32), counted, o.ward, o.event_time_us, self._reference.edges
        self.used, done = k.count_bins(self.slots, self.used, 0, *columns)
        while done < len(value):
            self.grow()
            self.used, done = k.count_bins(self.slots, self.used, done, *columns)


class DriftTables:
    """Counts per model: each observation in the bins of the model that scored it."""

    def __init__(self, of: Callable[[str], Reference]) -> None:
        self._of = of
        self._tables: dict[str, tuple[Reference, DriftCounts]] = {}

    def add(self, o: Observations, values: Values) -> None:
        """As `DriftCounts.add`. What no model scored counts for the one that scored last."""
        present = np.flatnonzero(np.bincount(o.model, minlength=1)).tolist()
        # Named versions first: when a poll is the first of a new model, what it left unscored is the new one's.
        for at in sorted(present, key=lambda number: (o.models[number] == "", number)):
            reference = self._of(o.models[at])
            _, table = self._tables.setdefault(reference.version, (reference, DriftCounts(reference)))
            table.add(o, values, o.model == at if len(present) > 1 else None)

    def clear(self) -> None:
        """Forgets every group, and models that have scored nothing since the last time."""
        self._tables = {version: kept for version, kept in self._tables.items() if kept[1].used}
        for _, table in self._tables.values():
            table.clear()

    def groups(self) -> list[tuple[Reference, Ints]]:
        """What was counted, a model each."""
        return [(reference, table.groups()) for reference, table in self._tables.values()]


_MERGE = """
    INSERT INTO drift_hour AS kept (ward_id, hour, field, reference, counts) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (hour, ward_id, field, reference) DO UPDATE SET counts = ARRAY(
        SELECT a + b FROM unnest(kept.counts, excluded.counts) WITH ORDINALITY AS pair (a, b, i) ORDER BY i)
"""
_COUNTS = """
    SELECT coalesce(ward.name, '') AS ward, field, counts FROM drift_hour LEFT JOIN ward ON ward.id = ward_id
    WHERE hour > $1 AND hour <= $2 AND reference = $3
"""


async def merge_drift(connection: Any, rows: Ints, names: Dictionary, reference: Reference) -> None:
    """Merges counts, inside the caller's transaction; in key order, so that instances wait in line."""
    wards = names.wards.ids(rows[:, HIGH] >> k.COLUMN_BITS).tolist()
    fields = [reference.fields[at] for at in (rows[:, HIGH] & ((1 << k.COLUMN_BITS) - 1)).tolist()]
    counts = rows[:, k.FIRST_BIN :].tolist()
    found: dict[tuple[int, int, str], list[int]] = {}
    for hour, ward, field, bins in zip(rows[:, LOW].tolist(), wards, fields, counts, strict=True):
        key = (hour, ward, field)
        found[key] = [a + b for a, b in zip(found[key], bins, strict=True)] if key in found else bins
    merged = [(ward, hour, field, reference.version, bins) for (hour, ward, field), bins in sorted(found.items())]
    if merged:
        await connection.executemany(_MERGE, merged)


async def compared(pool: Any, reference: Reference, hours: int, until_us: int, ward: str | None) -> dict[str, Any]:
    """PSI per ward and column over the `hours` up to the one of `until_us`; worst first; ward null is all of them."""
    last = until_us // HOUR_US
    rows = await pool.fetch(_COUNTS, last - hours, last, reference.version)
    sums: dict[tuple[str | None, str], NDArray[np.int64]] = {}
    for row in rows:
        for name in (row["ward"], None):
            key = (name, row["field"])
            sums[key] = sums.get(key, np.zeros(k.BINS_MAX + 1, np.int64)) + np.array(row["counts"], np.int64)
    items = [
        _item(name, field, counts, reference)
        for (name, field), counts in sums.items()
        if field in reference.fields and (ward is None or name == ward)
    ]
    items.sort(key=lambda item: (-(item["psi"] if item["psi"] is not None else -1.0), item["field"]))
    return {"modelVersion": reference.version or None, "valuesMin": VALUES_MIN, "items": items}


def _item(ward: str | None, field: str, counts: NDArray[np.int64], reference: Reference) -> dict[str, Any]:
    trained = reference.trained[reference.fields.index(field)]
    value, known = index(trained, counts)
    total = int(counts.sum())
    return {
        "ward": ward,
        "field": field,
        "values": known,
        # Of a sign only what was sent is counted: how often it was not, is not known here.
        "missing": round(1 - known / total, 4) if total and field in SCORES else None,
        "psi": None if math.isnan(value) else round(value, 4),
        "band": band(value),
    }


async def publish(pool: Any, reference: Callable[[], Reference]) -> None:
    """Keeps the metric of the last day up to date, until cancelled. A store that is away keeps the last figures."""
    while True:
        try:
            current = reference()
            if current.fields:
                report = await compared(pool, current, 24, time.time_ns() // 1000, None)
                _show(report["items"])
        except Exception as error:  # asyncpg and the socket raise many classes
            log(_log, logging.WARNING, "drift_not_compared", reason=type(error).__name__)
        await asyncio.sleep(_REFRESH_S)


def _show(items: Sequence[dict[str, Any]]) -> None:
    PSI.clear()
    wards = sorted({item["ward"] for item in items if item["ward"] and item["ward"] != ALL})[:WARDS_SHOWN_MAX]
    for item in items:
        if item["psi"] is not None and (item["ward"] is None or item["ward"] in wards):
            PSI.labels(ALL if item["ward"] is None else item["ward"], item["field"]).set(item["psi"])
