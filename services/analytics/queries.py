"""What the roll-ups say about a period: vital signs, wards and devices."""

from typing import Any

from services.analytics.alarm_queries import alarms_by
from services.analytics.kernels import HOUR_US, MINUTE_US
from services.analytics.period import Period
from vigil.scalars import number, sign_name, sign_unit, time_text

# Vital signs --------------------------------------------------------------------------------------

_SIGNS = """
    SELECT sign, sum(count)::bigint AS count, sum(unusable)::bigint AS unusable, sum(sum) AS sum,
           sum(sum_squares) AS sum_squares, min(min) AS min, max(max) AS max,
           (array_agg(last ORDER BY last_time_us DESC) FILTER (WHERE count > 0))[1] AS last,
           max(last_time_us) FILTER (WHERE count > 0) AS last_time_us
    FROM rollup_minute JOIN subject ON subject.id = subject_id
    WHERE patient_id = $1 AND device_id = '' AND minute >= $2 AND minute < $3
    GROUP BY sign ORDER BY sign
"""


async def vital_signs(pool: Any, patient_id: str, period: Period) -> dict[str, Any]:
    """Per sign: how many values, their mean, spread, extremes and the last one."""
    rows = await pool.fetch(_SIGNS, patient_id, *period.over(MINUTE_US))
    return {sign_name(row["sign"]): _sign(row) for row in rows}


def _sign(row: Any) -> dict[str, Any]:
    count = row["count"]
    shown: dict[str, Any] = {"unit": sign_unit(row["sign"]), "count": count, "unusable": row["unusable"]}
    if count == 0:
        return shown | dict.fromkeys(("mean", "standardDeviation", "min", "max", "last", "lastTime"))
    mean = row["sum"] / count
    variance = max((row["sum_squares"] - row["sum"] * mean) / (count - 1), 0.0) if count > 1 else None
    return shown | {
        "mean": number(mean),
        "standardDeviation": number(variance**0.5) if variance is not None else None,
        "min": number(row["min"]),
        "max": number(row["max"]),
        "last": number(row["last"]),
        "lastTime": time_text(row["last_time_us"]),
    }


_KNOWN = """
    SELECT EXISTS (SELECT 1 FROM subject WHERE patient_id = $1 AND device_id = '')
        OR EXISTS (SELECT 1 FROM alarm WHERE patient_id = $1)
"""


async def is_known(pool: Any, patient_id: str) -> bool:
    """Whether anything was ever counted of the patient."""
    return bool(await pool.fetchval(_KNOWN, patient_id))


# Wards and devices --------------------------------------------------------------------------------

_WARDS = """
    SELECT name, count(DISTINCT subject_id) FILTER (WHERE patient_id <> '') AS patients,
           count(DISTINCT (subject_id, hour)) AS hours, sum(observations)::bigint AS observations,
           sum(duplicates)::bigint AS duplicates, sum(late)::bigint AS late, sum(orphans)::bigint AS orphans,
           sum(unscored)::bigint AS unscored, max(last_seen_us) AS last_seen_us
    FROM subject_hour JOIN ward ON ward.id = ward_id JOIN subject ON subject.id = subject_id
    WHERE hour >= $1 AND hour < $2 GROUP BY name ORDER BY name
"""
_DEVICES = """
    SELECT name, sum(observations)::bigint AS observations, sum(duplicates)::bigint AS duplicates,
           sum(late)::bigint AS late, sum(orphans)::bigint AS orphans, sum(unscored)::bigint AS unscored,
           max(last_seen_us) AS last_seen_us
    FROM device_hour JOIN device ON device.id = device_id
    WHERE hour >= $1 AND hour < $2 GROUP BY name ORDER BY name LIMIT $3 OFFSET $4
"""
_DEVICES_TOTAL = "SELECT count(DISTINCT device_id) FROM device_hour WHERE hour >= $1 AND hour < $2"


def _observed(row: Any) -> dict[str, Any]:
    counts = {name: row[name] for name in ("observations", "duplicates", "late", "orphans", "unscored")}
    return counts | {"lastSeen": time_text(row["last_seen_us"])}


async def wards(pool: Any, period: Period) -> list[dict[str, Any]]:
    """Per ward: patients, bed-days, observations and alarms; null is the ward that is not known."""
    rows = {row["name"]: row for row in await pool.fetch(_WARDS, *period.over(HOUR_US))}
    alarms = {row["key"] or "": row for row in await alarms_by(pool, "ward", period)}
    shown = []
    for name in sorted(rows.keys() | alarms.keys()):
        row, raised = rows.get(name), alarms.get(name, {}).get("alarms", 0)
        days = row["hours"] / 24 if row else 0.0
        shown.append(
            {"ward": name or None, "patients": row["patients"] if row else 0, "bedDays": round(days, 4)}
            | (_observed(row) if row else {})
            | {"alarms": raised, "alarmsPerBedDay": round(raised / days, 3) if days else None}
        )
    return shown


async def devices(pool: Any, period: Period, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Per device what was observed, and how many devices there are."""
    hours = period.over(HOUR_US)
    rows = await pool.fetch(_DEVICES, *hours, limit, offset)
    return [{"deviceId": row["name"]} | _observed(row) for row in rows], await pool.fetchval(_DEVICES_TOTAL, *hours)
