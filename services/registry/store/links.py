"""Links between devices and patients."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.registry.bodies import NewLink
from services.registry.store.changes import record
from services.registry.store.rows import Row, at
from services.registry.timeline import Link, current, place
from vigil.pb import events_pb2
from vigil.runtime.problem import FieldError, Problem

AHEAD_MAX = timedelta(days=1)


async def state(connection: Any, bodies: Sequence[NewLink], trace_id: bytes, *, many: bool) -> list[Row]:
    """Applies the statements in their order, all or none; returns what became of each."""
    now = datetime.now(UTC)
    times = [body.from_ or now for body in bodies]
    _refuse_future(times, now, many)
    devices = sorted({body.device_id for body in bodies})
    before = await _locked(connection, devices)
    await _refuse_unknown(connection, bodies, before, many)
    after, answers = dict(before), []
    for body, moment in zip(bodies, times, strict=True):
        old = after[body.device_id]
        after[body.device_id] = place(old, body.patient_id, moment)
        answers.append(_answer(body, moment, old, after[body.device_id]))
    changed = [device for device in devices if after[device] != before[device]]
    await _write(connection, changed, before, after)
    await connection.executemany(
        "INSERT INTO link_statements (device_id, patient_id, from_at, trace_id) VALUES ($1, $2, $3, $4)",
        [
            (body.device_id, body.patient_id, moment, trace_id)
            for body, moment, answer in zip(bodies, times, answers, strict=True)
            if answer["result"] != "unchanged"
        ],
    )
    single = f"device:{changed[0]}" if len(changed) == 1 else None
    patient_id = bodies[0].patient_id or "" if len(bodies) == 1 else ""
    entity = events_pb2.REGISTRY_ENTITY_LINK
    await record(connection, entity, changed, trace_id, key=single, patient_id=patient_id)
    return answers


def _refuse_future(times: Sequence[datetime], now: datetime, many: bool) -> None:
    message = "a link starts at most one day ahead"
    errors = [
        FieldError(at(index if many else None, "from"), "timestamp_out_of_range", message)
        for index, moment in enumerate(times)
        if moment > now + AHEAD_MAX
    ]
    if errors:
        raise Problem(422, "invalid", message, errors[:1000])


async def _locked(connection: Any, devices: Sequence[str]) -> dict[str, list[Link]]:
    """The links of each known device, its row locked so that no other statement gets between."""
    known = await connection.fetch(
        "SELECT device_id FROM devices WHERE device_id = ANY($1) ORDER BY device_id FOR NO KEY UPDATE", list(devices)
    )
    links: dict[str, list[Link]] = {row["device_id"]: [] for row in known}
    for row in await connection.fetch(
        "SELECT device_id, patient_id, from_at, to_at FROM links WHERE device_id = ANY($1) ORDER BY device_id, from_at",
        list(devices),
    ):
        links[row["device_id"]].append(Link(row["patient_id"], row["from_at"], row["to_at"]))
    return links


async def _refuse_unknown(connection: Any, bodies: Sequence[NewLink], known: dict[str, Any], many: bool) -> None:
    named = {body.patient_id for body in bodies if body.patient_id is not None}
    select = "SELECT patient_id FROM patients WHERE patient_id = ANY($1) FOR KEY SHARE"
    rows = await connection.fetch(select, sorted(named))
    patients = {row["patient_id"] for row in rows}
    errors = []
    for index, body in enumerate(bodies):
        place_ = index if many else None
        if body.device_id not in known:
            errors.append(FieldError(at(place_, "deviceId"), "not_found", "there is no such device"))
        if body.patient_id is not None and body.patient_id not in patients:
            errors.append(FieldError(at(place_, "patientId"), "not_found", "there is no such patient"))
    if errors:
        raise Problem(404, "not_found", "a link names what is not registered", errors[:1000])


def _answer(body: NewLink, moment: datetime, old: list[Link], new: list[Link]) -> Row:
    link, former = current(new, moment), current(old, moment)
    result = "unchanged" if new == old else ("linked" if body.patient_id is not None else "unlinked")
    return {
        "deviceId": body.device_id,
        "patientId": body.patient_id,
        "from": link.from_at if link else moment,
        "to": link.to_at if link else None,
        "result": result,
        "formerPatientId": former.patient_id if former and new != old else None,
    }


async def _write(
    connection: Any, changed: Sequence[str], before: dict[str, list[Link]], after: dict[str, list[Link]]
) -> None:
    gone: dict[str, list[Any]] = defaultdict(list)
    made: dict[str, list[Any]] = defaultdict(list)
    for device in changed:
        for link in set(before[device]) - set(after[device]):
            gone["device"].append(device)
            gone["from"].append(link.from_at)
        for link in set(after[device]) - set(before[device]):
            for name, value in (
                ("device", device),
                ("patient", link.patient_id),
                ("from", link.from_at),
                ("to", link.to_at),
            ):
                made[name].append(value)
    if gone:
        await connection.execute(
            "DELETE FROM links l USING unnest($1::text[], $2::timestamptz[]) AS g(device_id, from_at) "
            "WHERE l.device_id = g.device_id AND l.from_at = g.from_at",
            gone["device"],
            gone["from"],
        )
    if made:
        await connection.execute(
            "INSERT INTO links (device_id, patient_id, from_at, to_at) "
            "SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])",
            made["device"],
            made["patient"],
            made["from"],
            made["to"],
        )


async def of_device(connection: Any, device_id: str) -> list[Row]:
    """Every link of a device, ascending."""
    rows = await connection.fetch(
        "SELECT patient_id, from_at, to_at FROM links WHERE device_id = $1 ORDER BY from_at", device_id
    )
    return [{"patientId": r["patient_id"], "from": r["from_at"], "to": r["to_at"]} for r in rows]
