"""Batch look-ups for the pipeline: contexts for enrichment, admissions for the gateway. One SQL each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.registry import signs
from services.registry.store.patients import age_years
from vigil.pb import events_pb2, registry_pb2

_DEVICES = "SELECT device_id, device_type FROM devices WHERE device_id = ANY($1)"
_LINKS = """
SELECT l.device_id, l.from_at, l.to_at, p.patient_id, p.age, p.birth_date, p.sex, p.medical_conditions, p.ward, p.bed,
       p.pregnant, p.spo2_scale, p.baseline, t.profile_id, t.version, t.limits
FROM links l JOIN patients p USING (patient_id)
LEFT JOIN threshold_profiles t ON t.patient_id = p.patient_id AND t.current
WHERE l.device_id = ANY($1) ORDER BY l.device_id, l.from_at
"""
_ADMISSIONS = "SELECT device_id, status, key_sha256 FROM devices WHERE device_id = ANY($1)"
_HUBS = "SELECT key_sha256 FROM hubs WHERE status = 'active' ORDER BY hub_id"


def microseconds(moment: datetime | None) -> int:
    """Since the epoch; 0 for an open end."""
    if moment is None:
        return 0
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def to_limits(limits: dict[str, Any] | None) -> list[events_pb2.Limit]:
    """Stored limits as events carry them."""
    return [
        events_pb2.Limit(
            sign=signs.number(sign),
            low=values.get("low"),
            high=values.get("high"),
            critical_low=values.get("criticalLow"),
            critical_high=values.get("criticalHigh"),
        )
        for sign, values in (limits or {}).items()
    ]


def to_context(row: Any, today: date) -> events_pb2.Context:
    """A patient's profile and limits as enrichment joins them."""
    return events_pb2.Context(
        patient_id=row["patient_id"],
        age_years=age_years(row, today),
        sex=row["sex"],
        conditions=row["medical_conditions"],
        baseline=[events_pb2.Baseline(sign=signs.number(s), value=v) for s, v in row["baseline"].items()],
        limits=to_limits(row["limits"]),
        threshold_profile_id=row["profile_id"],
        threshold_profile_version=row["version"],
        ward=row["ward"],
        bed=row["bed"],
        pregnant=row["pregnant"],
        spo2_scale=row["spo2_scale"],
    )


async def contexts(pool: Any, device_ids: Sequence[str]) -> registry_pb2.GetContextsResponse:
    """Every named device, known or not, in the order asked, with its links."""
    wanted = list(dict.fromkeys(device_ids))
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        types = {row["device_id"]: row["device_type"] for row in await connection.fetch(_DEVICES, wanted)}
        rows = await connection.fetch(_LINKS, wanted)
    today = datetime.now(UTC).date()
    links: dict[str, list[registry_pb2.Link]] = {}
    for row in rows:
        start, end = microseconds(row["from_at"]), microseconds(row["to_at"])
        link = registry_pb2.Link(from_us=start, to_us=end, context=to_context(row, today))
        links.setdefault(row["device_id"], []).append(link)
    return registry_pb2.GetContextsResponse(
        version="1",
        devices=[
            registry_pb2.DeviceContext(
                device_id=name, known=name in types, device_type=types.get(name), links=links.get(name)
            )
            for name in wanted
        ],
    )


async def admissions(pool: Any, device_ids: Sequence[str]) -> registry_pb2.GetAdmissionsResponse:
    """Every named device, known or not, with the digest of its key; and the digests of the hubs' keys."""
    wanted = list(dict.fromkeys(device_ids))
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        known = {row["device_id"]: row for row in await connection.fetch(_ADMISSIONS, wanted)}
        hub_keys = [row["key_sha256"] for row in await connection.fetch(_HUBS)]
    answer = registry_pb2.GetAdmissionsResponse(version="1", hub_key_sha256=hub_keys)
    for name in wanted:
        row = known.get(name)
        if row is None:
            answer.admissions.add(device_id=name)
        else:
            active = row["status"] == "active"
            answer.admissions.add(device_id=name, known=True, active=active, key_sha256=row["key_sha256"])
    return answer
