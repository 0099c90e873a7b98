"""Suppressed alarms, explanations, and what an acknowledgement writes for the rules engine, in real PostgreSQL."""

import uuid
from typing import Any

from httpx import AsyncClient as Client

from services.incident_service import answers
from services.incident_service.explanations import Explanation
from services.incident_service.outbox import record_of
from services.incident_service.store import store_alerts
from tests.support.alerts import HIGH, T0_US, alert, caused
from vigil import core, topology
from vigil.pb import events_pb2 as pb


async def store(pool: Any, *alerts: Any) -> dict[str, int]:
    async with pool.acquire() as connection, connection.transaction():
        return dict(await store_alerts(connection, alerts))


async def outbox(pool: Any) -> list[pb.Control]:
    rows = await pool.fetch("SELECT control FROM outbox ORDER BY id")
    return [pb.Control.FromString(row["control"]) for row in rows]


def paused(episode: uuid.UUID, **fields: Any) -> Any:
    who = {"actor": "lee", "reason": "suctioning", "until_us": T0_US + 300_000_000}
    return caused(episode, 0, "SUPPRESSED", rule_text="heart rate above 130 /min for 10 s", **(who | fields))


async def test_what_is_suppressed_is_kept_apart_and_opens_nothing(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    assert (await store(incident_pool, paused(episode)))["alert_suppressed"] == 1
    assert "alert_suppressed" not in await store(incident_pool, paused(episode))
    assert (await incidents.get(f"/incidents/{episode}")).status_code == 404
    listed = await incidents.get("/suppressions", params={"patientId": "p-1"})
    answers.SuppressionsListed.model_validate_json(listed.content)
    (found,) = listed.json()["items"]
    assert (found["actor"], found["reason"], found["untilAt"]) == ("lee", "suctioning", "2026-01-01T00:05:00Z")
    assert (found["ruleId"], found["suppressedBy"], found["incidentId"]) == ("heart_rate_high", None, None)
    assert (await incidents.get("/suppressions", params={"actor": "kim"})).json()["total"] == 0
    assert (await incidents.get("/suppressions", params={"colour": "red"})).status_code == 422


async def test_a_condition_that_outlives_its_suppression_opens_an_incident(
    incidents: Client, incident_pool: Any
) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, paused(episode), caused(episode, 5, "RESUMED", HIGH))
    incident = (await incidents.get(f"/incidents/{episode}")).json()
    answers.Whole.model_validate(incident)
    assert [s["actor"] for s in incident["suppressions"]] == ["lee"]
    assert incident["history"][0]["note"] == "the alarm was raised when its suppression ended"
    assert (await incidents.get("/suppressions")).json()["items"][0]["incidentId"] == str(episode)


async def test_an_acknowledgement_goes_to_the_alarm_once(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    act = {"action": "acknowledge", "actor": "kim", "note": "at the bedside"}
    await store(incident_pool, caused(episode, 0, "CONDITION", HIGH))
    assert (await incidents.patch(f"/incidents/{episode}", json=act)).status_code == 200
    assert (await incidents.patch(f"/incidents/{episode}", json=act)).status_code == 409
    (made,) = await outbox(incident_pool)
    assert (made.action, made.episode_id, made.patient_id) == (pb.CONTROL_ACTION_ACKNOWLEDGE, episode.bytes, "p-1")
    assert (made.actor, made.reason) == ("kim", "at the bedside")
    to = record_of({"control": made.SerializeToString()}, 4)
    assert (to.topic, to.partition) == (topology.ENRICHED, core.partition_of("p-1", 4))

    # The engine's answer changes nothing more, and writes nothing more.
    await store(incident_pool, caused(episode, 1, "ACKNOWLEDGED", HIGH, actor="kim"))
    incident = (await incidents.get(f"/incidents/{episode}")).json()
    assert [h["action"] for h in incident["history"]] == ["open", "acknowledge"]
    assert (incident["status"], incident["presence"]) == ("acknowledged", "acknowledged")

    # It sounds again, and may be acknowledged again.
    await store(incident_pool, caused(episode, 2, "RE_ALARM", HIGH))
    assert (await incidents.get(f"/incidents/{episode}")).json()["status"] == "open"
    assert (await incidents.patch(f"/incidents/{episode}", json=act)).status_code == 200
    controls = await outbox(incident_pool)
    assert len({c.event_id for c in controls}) == len(controls) == 2


async def test_nothing_is_said_to_an_alarm_that_is_over(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, caused(episode, 0, "CONDITION", HIGH), caused(episode, 1, "END", HIGH))
    done = await incidents.patch(f"/incidents/{episode}", json={"action": "acknowledge", "actor": "kim"})
    assert done.status_code == 200
    assert await outbox(incident_pool) == []


async def test_an_alarm_is_explained_by_its_incident_and_by_each_alert(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    start = caused(episode, 1, "RESUMED", HIGH)
    await store(incident_pool, paused(episode), start, alert(episode, 2, 2))
    by_incident = await incidents.get(f"/incidents/{episode}/explanation")
    Explanation.model_validate_json(by_incident.content)
    explained = by_incident.json()
    assert [entry["step"] for entry in explained["timeline"]] == [0, 1, 2]
    assert explained["rule"]["text"] == "heart rate above 130 /min for 10 s"
    assert any("lee paused it until 2026-01-01 00:05:00 UTC (suctioning)" in text for text in explained["heldBack"])
    step = await incidents.get(f"/alerts/{uuid.UUID(bytes=start.header.event_id)}/explanation")
    assert step.json() == explained
    alone = uuid.uuid4()
    await store(incident_pool, paused(alone))
    assert (await incidents.get(f"/incidents/{alone}/explanation")).status_code == 200
    assert (await incidents.get(f"/alerts/{alone}/explanation")).json()["summary"].endswith("nobody was told.")
    for path in (f"/alerts/{uuid.uuid4()}/explanation", "/alerts/x/explanation", "/incidents/x/explanation"):
        assert (await incidents.get(path)).status_code == 404
