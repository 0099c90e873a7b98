"""Writes the groups of a flush: COPY into a temporary table, then one merge per table, in one transaction.

Rows are merged in key order, so that two instances that meet at the same ward or device wait in line and
never in a circle.
"""

from typing import Any

import numpy as np

from services.analytics import kernels as k
from services.analytics.columns import Dictionary
from services.analytics.copy import copy_into
from services.analytics.kernels import Ints

_HOUR_COUNTS = ("observations", "duplicates", "late", "orphans", "unscored")
_HOUR_WORDS = (k.OBSERVATIONS, k.DUPLICATES, k.LATE, k.ORPHANS, k.UNSCORED)

_ROLLUP = (
    "subject_id", "minute", "sign", "count", "unusable", "sum", "sum_squares", "min", "max", "last", "last_time_us",
)  # fmt: skip
_MERGE_ROLLUPS = f"""
    INSERT INTO rollup_minute AS kept ({", ".join(_ROLLUP)})
    SELECT {", ".join(_ROLLUP)} FROM staged_rollup ORDER BY subject_id, minute, sign
    ON CONFLICT (subject_id, minute, sign) DO UPDATE SET
        count = kept.count + excluded.count,
        unusable = kept.unusable + excluded.unusable,
        sum = kept.sum + excluded.sum,
        sum_squares = kept.sum_squares + excluded.sum_squares,
        min = least(kept.min, excluded.min),
        max = greatest(kept.max, excluded.max),
        last = CASE WHEN excluded.count > 0 AND excluded.last_time_us >= kept.last_time_us THEN excluded.last
                    ELSE kept.last END,
        last_time_us = greatest(kept.last_time_us, excluded.last_time_us)
"""  # noqa: S608 (names of ours)


def _merge_hours(table: str, keys: str) -> str:
    counts = ", ".join(_HOUR_COUNTS)
    sums = ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in _HOUR_COUNTS)
    totals = ", ".join(f"sum({name})" for name in _HOUR_COUNTS)
    # Grouped, because a device that changed its patient may stand in two partitions of one flush.
    return f"""
        INSERT INTO {table} AS kept ({keys}, {counts}, last_seen_us)
        SELECT {keys}, {totals}, max(last_seen_us) FROM staged_{table} GROUP BY {keys} ORDER BY {keys}
        ON CONFLICT ({keys}) DO UPDATE SET {sums}, last_seen_us = greatest(kept.last_seen_us, excluded.last_seen_us)
    """  # noqa: S608 (names of ours)


_MERGE_SUBJECT_HOURS = _merge_hours("subject_hour", "subject_id, hour, ward_id")
_MERGE_DEVICE_HOURS = _merge_hours("device_hour", "device_id, hour")


async def _stage(connection: Any, staged: str, like: str) -> None:
    """A temporary table with the columns of `like`, emptied at the end of the transaction."""
    await connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {staged} (LIKE {like}) ON COMMIT DELETE ROWS")


async def merge_rollups(connection: Any, rows: Ints, names: Dictionary) -> None:
    """Merges roll-ups of one partition per subject, sign and minute."""
    if not len(rows):
        return
    floats = rows.view(np.float64)
    columns = [
        ("i4", names.subjects.ids(rows[:, k.HIGH] >> k.SIGN_BITS)),
        ("i8", rows[:, k.LOW]),
        ("i2", rows[:, k.HIGH] & ((1 << k.SIGN_BITS) - 1)),
        ("i8", rows[:, k.COUNT]),
        ("i8", rows[:, k.UNUSABLE]),
        *(("f8", floats[:, word]) for word in (k.SUM, k.SUM_SQUARES, k.MIN, k.MAX, k.LAST)),
        ("i8", rows[:, k.LAST_TIME_US]),
    ]
    await _stage(connection, "staged_rollup", "rollup_minute")
    await copy_into(connection, "staged_rollup", _ROLLUP, columns)
    await connection.execute(_MERGE_ROLLUPS)
    await connection.execute("TRUNCATE staged_rollup")  # the next partition's follow in the same transaction


async def merge_subject_hours(connection: Any, rows: Ints, names: Dictionary) -> None:
    """Merges observation counts per subject, ward and hour."""
    if not len(rows):
        return
    columns = [
        ("i4", names.subjects.ids(rows[:, k.HIGH] >> k.WARD_BITS)),
        ("i8", rows[:, k.LOW]),
        ("i4", names.wards.ids(rows[:, k.HIGH] & ((1 << k.WARD_BITS) - 1))),
    ]
    await _merge_counts(connection, "subject_hour", ["subject_id", "hour", "ward_id"], columns, rows)
    await connection.execute(_MERGE_SUBJECT_HOURS)


async def merge_device_hours(connection: Any, rows: Ints, names: Dictionary) -> None:
    """Merges observation counts per device and hour."""
    if not len(rows):
        return
    columns = [("i4", names.devices.ids(rows[:, k.HIGH])), ("i8", rows[:, k.LOW])]
    await _merge_counts(connection, "device_hour", ["device_id", "hour"], columns, rows)
    await connection.execute(_MERGE_DEVICE_HOURS)


async def _merge_counts(connection: Any, table: str, keys: list[str], columns: list[Any], rows: Ints) -> None:
    columns += [("i8", rows[:, word]) for word in (*_HOUR_WORDS, k.LAST_SEEN_US)]
    await _stage(connection, f"staged_{table}", table)
    await copy_into(connection, f"staged_{table}", [*keys, *_HOUR_COUNTS, "last_seen_us"], columns)
