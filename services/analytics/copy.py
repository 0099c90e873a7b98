"""Rows of fixed width as PostgreSQL's binary COPY format, made by NumPy in one go instead of row by row."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_CHUNK = 1 << 20


def encode(columns: Sequence[tuple[str, NDArray[Any]]]) -> bytes:
    """Columns as (`i2` | `i4` | `i8` | `f8`, values): a field count, then length and big-endian value of each."""
    layout = [("count", ">i2")]
    for i, (kind, _) in enumerate(columns):
        layout += [(f"length{i}", ">i4"), (f"value{i}", f">{kind}")]
    rows = np.empty(len(columns[0][1]), np.dtype(layout))
    rows["count"] = len(columns)
    for i, (kind, values) in enumerate(columns):
        rows[f"length{i}"] = np.dtype(kind).itemsize
        rows[f"value{i}"] = values
    return _HEADER + rows.tobytes() + _TRAILER


async def copy_into(connection: Any, table: str, names: Sequence[str], columns: Sequence[tuple[str, Any]]) -> None:
    """COPYs the columns into `table`."""
    data = encode(columns)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), _CHUNK):
            yield data[start : start + _CHUNK]

    await connection.copy_to_table(table, source=chunks(), columns=list(names), format="binary")
