"""What the alarms say about a period: how many, how long, how short, for whom, and what people did about them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from services.analytics.kernels import HOUR_US
from services.analytics.period import Period
from vigil.scalars import kind_name, priority_name, severity_name, sign_name, time_text

SHORT_ALARM_S = 15  # Drew 2014 and others: alarms this short resolve by themselves

# An alarm that has not ended counts up to when its patient (or lone device) was last seen.
_ALARMS = """
    SELECT a.*, greatest(coalesce(a.ended_us, s.seen_us, a.started_us) - a.started_us, 0) AS length_us
    FROM alarm a LEFT JOIN (
        SELECT patient_id, device_id, max(last_seen_us) AS seen_us
        FROM subject_hour JOIN subject ON subject.id = subject_id GROUP BY patient_id, device_id
    ) s ON s.patient_id = a.patient_id AND s.device_id = CASE WHEN a.patient_id = '' THEN a.device_id ELSE '' END
    WHERE a.started_us >= $1 AND a.started_us < $2
"""
# $3: what is short, in microseconds. An alarm that was only suppressed was never raised.
_MEASURES = """
    count(*) FILTER (WHERE raised) AS alarms,
    count(*) FILTER (WHERE raised AND ended_us IS NULL) AS active,
    count(*) FILTER (WHERE raised AND ended_us IS NOT NULL) AS ended,
    count(*) FILTER (WHERE raised AND ended_us IS NOT NULL AND length_us < $3) AS short,
    coalesce(sum(length_us) FILTER (WHERE raised), 0)::float8 / 1e6 AS seconds,
    count(*) FILTER (WHERE suppressed) AS suppressed,
    sum(re_alarms)::bigint AS re_alarms, sum(escalations)::bigint AS escalations,
    count(acknowledged_us) AS acknowledged,
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY greatest(acknowledged_us - sounded_us, 0) / 1e6)
        FILTER (WHERE acknowledged_us IS NOT NULL AND sounded_us IS NOT NULL) AS acknowledged_after_s
"""
_BY = f"""
    SELECT {{column}} AS key, {_MEASURES} FROM ({_ALARMS}) alarms WHERE $4::text IS NULL OR patient_id = $4
    GROUP BY 1 ORDER BY alarms DESC, key
"""  # noqa: S608 (columns of ours)
_NAMES: dict[str, Callable[[int], str | None]] = {
    "priority": priority_name,
    "severity": severity_name,
    "kind": kind_name,
    "sign": lambda number: sign_name(number) if number else None,
}
Column = Literal["priority", "severity", "kind", "sign", "rule_id", "alert_type", "ward", "true"]


async def alarms_by(
    pool: Any, column: Column, period: Period, bed_days: float | None = None, patient_id: str | None = None
) -> list[dict[str, Any]]:
    """Alarms raised in the period, by one of their columns ("true": all together)."""
    short_us = SHORT_ALARM_S * 1_000_000
    query = _BY.format(column=column)
    rows = await pool.fetch(query, period.start_us, period.end_us, short_us, patient_id)
    return [{"key": _key(column, row["key"])} | _counts(row, bed_days) for row in rows]


def _key(column: str, value: Any) -> Any:
    return _NAMES[column](value) if column in _NAMES else (value or None)


def _counts(row: Any, bed_days: float | None) -> dict[str, Any]:
    return {
        "alarms": row["alarms"],
        "active": row["active"],
        "perBedDay": round(row["alarms"] / bed_days, 3) if bed_days else None,
        "shareUnder15s": round(row["short"] / row["ended"], 4) if row["ended"] else None,
        "timeInAlarmS": round(row["seconds"], 3),
        "suppressed": row["suppressed"],
        "reAlarms": row["re_alarms"],
        "escalations": row["escalations"],
        "acknowledged": row["acknowledged"],
        "timeToAcknowledgeS": _quantiles(row["acknowledged_after_s"]),
    }


def _quantiles(found: Sequence[float | None] | None) -> dict[str, float] | None:
    """Median and 90th percentile; None where nothing was acknowledged, or the start is not known."""
    median, late = found or (None, None)
    return {"median": round(median, 3), "p90": round(late, 3)} if median is not None and late is not None else None


def total_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one row of `alarms_by(…, "true", …)`, or that there were none."""
    if rows:
        return {name: value for name, value in rows[0].items() if name != "key"}
    nothing = dict.fromkeys(("alarms", "active", "suppressed", "reAlarms", "escalations", "acknowledged"), 0)
    return nothing | {"perBedDay": None, "shareUnder15s": None, "timeInAlarmS": 0.0, "timeToAcknowledgeS": None}


# The same per hour or day and one column. $4: the length of a bucket in microseconds.
_OVER_TIME = f"""
    SELECT started_us / $4 AS bucket, {{column}} AS key, {_MEASURES}, count(*) OVER () AS total
    FROM ({_ALARMS}) alarms WHERE $5::text IS NULL OR ward = $5
    GROUP BY 1, 2 ORDER BY bucket, alarms DESC, key LIMIT $6 OFFSET $7
"""  # noqa: S608 (columns of ours)
_BED_HOURS_OVER_TIME = """
    SELECT hour / $3 AS bucket, name AS ward, count(DISTINCT (subject_id, hour)) AS hours
    FROM subject_hour JOIN ward ON ward.id = ward_id WHERE hour >= $1 AND hour < $2 GROUP BY 1, 2
"""
BUCKETS = {"hour": 1, "day": 24}


async def alarms_over_time(
    pool: Any, column: Column, per: str, period: Period, ward: str | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Alarms raised per hour or day and by one of their columns; a page of rows, and how many there are.

    `perBedDay` is of the beds monitored then: those of the ward where one is named or counted by, else all."""
    hours = BUCKETS[per]
    arguments = period.start_us, period.end_us, SHORT_ALARM_S * 1_000_000, hours * HOUR_US, ward, limit, offset
    rows = await pool.fetch(_OVER_TIME.format(column=column), *arguments)
    beds: dict[tuple[int, str | None], int] = {}
    for row in await pool.fetch(_BED_HOURS_OVER_TIME, *period.over(HOUR_US), hours):
        for name in (row["ward"], None):
            beds[row["bucket"], name] = beds.get((row["bucket"], name), 0) + row["hours"]
    items = []
    for row in rows:
        of = row["key"] if column == "ward" else ward
        days = beds.get((row["bucket"], of), 0) / 24
        start = time_text(row["bucket"] * hours * HOUR_US)
        items.append({"start": start, "key": _key(column, row["key"])} | _counts(row, days or None))
    return items, rows[0]["total"] if rows else 0


_BED_HOURS = """
    SELECT count(DISTINCT (subject_id, hour)) AS hours, count(DISTINCT subject_id) AS subjects
    FROM subject_hour WHERE hour >= $1 AND hour < $2
"""
_TOP = """
    WITH counted AS (
        SELECT count(*) AS alarms FROM alarm WHERE raised AND started_us >= $1 AND started_us < $2
        GROUP BY patient_id, CASE WHEN patient_id = '' THEN device_id ELSE '' END ORDER BY alarms DESC
    )
    SELECT (SELECT sum(alarms) FROM (SELECT alarms FROM counted LIMIT $3) top)::float8 / nullif(sum(alarms), 0)
    FROM counted
"""


async def bed_days(pool: Any, period: Period) -> tuple[float, int]:
    """Monitored time and how many were monitored: an hour with an observation is an hour of a bed."""
    row = await pool.fetchrow(_BED_HOURS, *period.over(HOUR_US))
    return row["hours"] / 24, row["subjects"]


async def top_tenth_share(pool: Any, period: Period, monitored: int) -> float | None:
    """The share of all alarms that the tenth of patients with the most of them caused."""
    share = await pool.fetchval(_TOP, period.start_us, period.end_us, max(-(-monitored // 10), 1))
    return None if share is None else round(share, 4)
