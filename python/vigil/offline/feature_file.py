"""Feature rows as a Parquet file, which appears whole or not at all."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vigil import core
from vigil.offline.features import StayRows

ROWS_PER_GROUP = 50_000


class FeatureFile:
    """Takes the rows of stays; `file` is written under another name until all are in. Without rows there is no file.

    Entering raises `OSError` where nothing can be written: not after the work.
    """

    def __init__(self, file: Path, rows_per_group: int = ROWS_PER_GROUP) -> None:
        self._file, self._part = file, file.with_name(f".{file.name}.part")
        self._rows_per_group = rows_per_group
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._writer: parquet.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._part.touch()
        return self

    def add(self, rows: StayRows) -> None:
        """Takes the rows of one stay."""
        self._waiting.append(_batch(rows))
        self._rows += len(rows.features)
        if self._rows >= self._rows_per_group:
            self._flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush()
            if self._writer is not None:
                self._writer.close()
                if kind is None:
                    os.replace(self._part, self._file)
        finally:
            self._part.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._rows:
            return
        table = pa.Table.from_batches(self._waiting)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._part, table.schema)
        self._writer.write_table(table)
        self._waiting, self._rows = [], 0


def _batch(rows: StayRows) -> pa.RecordBatch:
    count, stay = len(rows.features), rows.stay
    patient = stay.patient.patient_id if stay.patient else None
    columns = {
        "patient_id": pa.array([patient] * count, pa.string()),
        "device_id": pa.array([stay.device.device_id] * count, pa.string()),
        "event_time": pa.array(rows.time_us, pa.timestamp("us", "UTC")),
    }
    for at, name in enumerate(core.feature_names()):
        values = np.ascontiguousarray(rows.features[:, at])
        columns[name] = pa.array(values, mask=np.isnan(values))
    for name, labels in rows.labels.items():
        columns[f"label_{name}"] = pa.array(labels)
    columns["outcome"] = pa.array([msgspec.json.encode(stay.outcome).decode()] * count, pa.string())
    batch = pa.RecordBatch.from_pydict(columns)
    return batch.replace_schema_metadata({"feature_schema": core.feature_schema()})
