"""What the roll-ups and alarms say about a period. Times are event times; a period is [from, to)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.analytics.kernels import HOUR_US, MINUTE_US
from vigil.scalars import kind_name, number, priority_name, severity_name, sign_name, sign_unit, time_text

_EVER = (-(2**62), 2**62)
SHORT_ALARM_S = 15  # Drew 2014 and others: alarms this short resolve by themselves


@dataclass(frozen=True)
class Period:
    """Microseconds since the epoch; open ends are as far as it goes."""

    start_us: int = _EVER[0]
    end_us: int = _EVER[1]

    def over(self, unit_us: int) -> tuple[int, int]:
        """The first unit that starts in the period, and the first that starts after it."""
        return -(-self.start_us // unit_us), -(-self.end_us // unit_us)

    @property
    def shown(self) -> dict[str, Any]:
        """Its JSON form; null is open."""
        return {
            "from": None if self.start_us == _EVER[0] else time_text(self.start_us),
            "to": None if self.end_us == _EVER[1] else time_text(self.end_us),
        }


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


# Alarms -------------------------------------------------------------------------------------------

# An alarm that has not ended counts up to when its patient (or lone device) was last seen.
_ALARMS = """
    SELECT a.*, greatest(coalesce(a.ended_us, s.seen_us, a.started_us) - a.started_us, 0) AS length_us
    FROM alarm a LEFT JOIN (
        SELECT patient_id, device_id, max(last_seen_us) AS seen_us
        FROM subject_hour JOIN subject ON subject.id = subject_id GROUP BY patient_id, device_id
    ) s ON s.patient_id = a.patient_id AND s.device_id = CASE WHEN a.patient_id = '' THEN a.device_id ELSE '' END
    WHERE a.started_us >= $1 AND a.started_us < $2
"""
_BY = f"""
    SELECT {{column}} AS key, count(*) AS alarms, count(*) FILTER (WHERE ended_us IS NULL) AS active,
           count(*) FILTER (WHERE ended_us IS NOT NULL) AS ended,
           count(*) FILTER (WHERE ended_us IS NOT NULL AND length_us < $3) AS short,
           sum(length_us)::float8 / 1e6 AS seconds
    FROM ({_ALARMS}) alarms WHERE $4::text IS NULL OR patient_id = $4
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
    }


def total_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one row of `alarms_by(…, "true", …)`, or that there were none."""
    if rows:
        return {name: value for name, value in rows[0].items() if name != "key"}
    return {"alarms": 0, "active": 0, "perBedDay": None, "shareUnder15s": None, "timeInAlarmS": 0.0}


_BED_HOURS = """
    SELECT count(DISTINCT (subject_id, hour)) AS hours, count(DISTINCT subject_id) AS subjects
    FROM subject_hour WHERE hour >= $1 AND hour < $2
"""
_TOP = """
    WITH counted AS (
        SELECT count(*) AS alarms FROM alarm WHERE started_us >= $1 AND started_us < $2
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
