"""Alerts become incidents in real PostgreSQL; people act on them through the routes."""

import asyncio
import itertools
import random
import uuid
from typing import Any

import asyncpg
import httpx
import pytest
from httpx import AsyncClient as Client

from services.incident_service import answers
from services.incident_service.store import store_alerts
from tests.support.alerts import END, HIGH, LOW, MEDIUM, START, UPDATE, alert


async def store(pool: Any, *alerts: Any) -> dict[str, int]:
    async with pool.acquire() as connection, connection.transaction():
        return dict(await store_alerts(connection, alerts))


async def act(client: Client, episode: uuid.UUID, action: str, **more: Any) -> httpx.Response:
    return await client.patch(f"/incidents/{episode}", json={"action": action, "actor": "nurse.kim", **more})


async def get(client: Client, episode: uuid.UUID) -> dict[str, Any]:
    answer = await client.get(f"/incidents/{episode}")
    assert answer.status_code == 200
    answers.Whole.model_validate_json(answer.content)
    return dict(answer.json())


async def test_an_episode_is_one_incident_with_timeline_and_evidence(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START))
    await store(incident_pool, alert(episode, 1, UPDATE, HIGH))
    incident = await get(incidents, episode)
    assert (incident["status"], incident["condition"], incident["priority"]) == ("open", "present", "high")
    assert [s["phase"] for s in incident["timeline"]] == ["start", "update"]
    assert incident["evidence"][0]["value"] == 141
    assert (incident["ward"], incident["bed"], incident["patientId"]) == ("ICU-A", "3", "p-1")
    assert (await incidents.get("/incidents")).json()["total"] == 1


async def test_a_repeated_event_changes_nothing(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    steps = [alert(episode, 0, START), alert(episode, 1, UPDATE, HIGH)]
    await store(incident_pool, *steps)
    before = await get(incidents, episode)
    assert await store(incident_pool, *steps, *steps) == {"alert_stored": 0, "alert_repeated": 4, "incident_opened": 0}
    assert await get(incidents, episode) == before


async def test_a_repetition_after_somebody_acted_does_not_open_again(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START), alert(episode, 1, UPDATE, HIGH))
    await act(incidents, episode, "acknowledge")
    await store(incident_pool, alert(episode, 1, UPDATE, HIGH))
    assert (await get(incidents, episode))["status"] == "acknowledged"


async def test_steps_in_any_order_and_at_once_give_the_same_incident(incidents: Client, incident_pool: Any) -> None:
    kinds = [(0, START, MEDIUM), (1, UPDATE, HIGH), (2, UPDATE, MEDIUM), (3, END, MEDIUM)]
    episodes = []
    for order in itertools.permutations(kinds):
        episode = uuid.uuid4()
        episodes.append(episode)
        await asyncio.gather(*(store(incident_pool, alert(episode, *step)) for step in order))
    seen = set()
    for episode in episodes:
        whole = await get(incidents, episode)
        assert len(whole["timeline"]) == 4
        assert [h["action"] for h in whole["history"]] == ["open"]
        seen.add((whole["status"], whole["condition"], whole["priority"], whole["priorityMax"], whole["onsetAt"]))
    assert seen == {("open", "ended", "medium", "high", "2025-12-31T23:59:50Z")}


async def test_an_incident_has_one_owner_history_legal_transitions_only(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START))
    refused = await act(incidents, episode, "resolve")
    assert refused.status_code == 409
    assert refused.json()["legalActions"] == ["acknowledge", "assign", "comment"]
    assert refused.json()["currentStatus"] == "open"
    assert (await act(incidents, episode, "acknowledge", note="at the bedside")).json()["owner"] == "nurse.kim"
    assert (await act(incidents, episode, "acknowledge")).status_code == 409
    await act(incidents, episode, "assign", assignee="dr.lee")
    await act(incidents, episode, "comment", note="repositioned")
    assert (await act(incidents, episode, "resolve")).json()["status"] == "resolved"
    for action, more in (("acknowledge", {}), ("resolve", {}), ("assign", {"assignee": "x"})):
        assert (await act(incidents, episode, action, **more)).status_code == 409
    history = (await get(incidents, episode))["history"]
    assert [
        (h["actor"], h["action"], h["fromStatus"], h["toStatus"], h["fromOwner"], h["toOwner"]) for h in history
    ] == [
        ("system", "open", None, "open", None, None),
        ("nurse.kim", "acknowledge", "open", "acknowledged", None, "nurse.kim"),
        ("nurse.kim", "assign", "acknowledged", "acknowledged", "nurse.kim", "dr.lee"),
        ("nurse.kim", "comment", "acknowledged", "acknowledged", "dr.lee", "dr.lee"),
        ("nurse.kim", "resolve", "acknowledged", "resolved", "dr.lee", "dr.lee"),
    ]
    assert [h["version"] for h in history] == [1, 2, 3, 4, 5]
    with pytest.raises(asyncpg.RaiseError):
        await incident_pool.execute("UPDATE incident_history SET actor = 'somebody else'")


async def test_only_one_of_many_acknowledges(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START))
    answered = await asyncio.gather(
        *(incidents.patch(f"/incidents/{episode}", json={"action": "acknowledge", "actor": f"n{i}"}) for i in range(8))
    )
    assert sorted(a.status_code for a in answered) == [200] + [409] * 7
    assert len((await get(incidents, episode))["history"]) == 2


async def test_a_stale_version_is_refused(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START))
    version = (await get(incidents, episode))["version"]
    await store(incident_pool, alert(episode, 1, UPDATE, HIGH))
    refused = await act(incidents, episode, "acknowledge", version=version)
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["field"] == "version"
    fresh = refused.json()["version"]
    assert (await act(incidents, episode, "acknowledge", version=fresh)).status_code == 200


async def test_the_end_of_a_condition_is_latched_until_somebody_acts(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START), alert(episode, 1, END))
    incident = await get(incidents, episode)
    assert (incident["status"], incident["conditionEnded"], incident["latched"]) == ("open", True, True)
    assert (await act(incidents, episode, "acknowledge")).json()["status"] == "acknowledged"
    assert (await act(incidents, episode, "resolve")).json()["status"] == "resolved"


async def test_the_end_resolves_what_was_acknowledged_and_what_was_only_low(
    incidents: Client, incident_pool: Any
) -> None:
    seen, low = uuid.uuid4(), uuid.uuid4()
    await store(incident_pool, alert(seen, 0, START), alert(low, 0, START, LOW))
    await act(incidents, seen, "acknowledge")
    await store(incident_pool, alert(seen, 1, END), alert(low, 1, END, LOW))
    for episode in (seen, low):
        incident = await get(incidents, episode)
        assert (incident["status"], incident["history"][-1]["actor"]) == ("resolved", "system")
        assert incident["resolvedAt"] is not None


async def test_a_rising_priority_opens_again(incidents: Client, incident_pool: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START))
    await act(incidents, episode, "acknowledge")
    await store(incident_pool, alert(episode, 1, UPDATE, HIGH))
    incident = await get(incidents, episode)
    assert (incident["status"], incident["acknowledgedAt"], incident["owner"]) == ("open", None, "nurse.kim")
    assert incident["history"][-1]["action"] == "realarm"


async def test_lists_are_filtered_and_paged(incidents: Client, incident_pool: Any) -> None:
    made = [
        alert(uuid.uuid4(), 0, START, HIGH if i % 2 else LOW, patient_id=f"p{i % 3}", ward=f"w{i % 2}")
        for i in range(12)
    ]
    technical = alert(uuid.uuid4(), 0, START, kind=2)
    await store(incident_pool, *made, technical)

    async def total(**wanted: Any) -> int:
        return int((await incidents.get("/incidents", params=wanted)).json()["total"])

    assert await total() == 13
    assert await total(status="open") == 13
    assert await total(severity="high") == 6
    assert await total(patientId="p0") == 4
    assert await total(patientId="p0", severity="low", ward="w0") == 2
    assert await total(kind="technical") == 1
    ids = [
        item["incidentId"]
        for page in (1, 2, 3)
        for item in (await incidents.get("/incidents", params={"page": page, "limit": 5})).json()["items"]
    ]
    assert len(set(ids)) == 13
    answers.Listed.model_validate_json((await incidents.get("/incidents")).content)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"limit": 101}, "limit"), ({"page": 0}, "page"), ({"status": "closed"}, "status"), ({"foo": 1}, "foo")],
)
async def test_wrong_queries_are_named(incidents: Client, parameters: dict[str, Any], field: str) -> None:
    answer = await incidents.get("/incidents", params=parameters)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "acknowledge"},
        {"action": "delete", "actor": "a"},
        {"action": "comment", "actor": "a"},
        {"action": "assign", "actor": "a"},
        {"action": "acknowledge", "actor": "system"},
        {"action": "acknowledge", "actor": ""},
        {"action": "acknowledge", "actor": "a", "assignee": "b"},
        {"action": "acknowledge", "actor": "a", "version": "1"},
        [],
    ],
)
async def test_wrong_acts_change_nothing(incidents: Client, incident_pool: Any, body: Any) -> None:
    episode = uuid.uuid4()
    await store(incident_pool, alert(episode, 0, START))
    before = await get(incidents, episode)
    assert (await incidents.patch(f"/incidents/{episode}", json=body)).status_code == 422
    assert await get(incidents, episode) == before


async def test_what_is_not_there_is_404(incidents: Client) -> None:
    for name in (uuid.uuid4(), "x", "%00"):
        assert (await incidents.get(f"/incidents/{name}")).status_code == 404
        assert (await act(incidents, name, "acknowledge")).status_code == 404  # type: ignore[arg-type]


async def test_a_storm_from_two_consumers_is_stored_once(incidents: Client, incident_pool: Any) -> None:
    episodes = [uuid.uuid4() for _ in range(100)]
    alerts = [alert(e, n, START if n == 0 else UPDATE, MEDIUM) for e in episodes for n in range(5)]

    async def consumer(seed: int) -> int:
        mine = list(alerts)
        random.Random(seed).shuffle(mine)
        return sum([(await store(incident_pool, *mine[i : i + 50]))["alert_stored"] for i in range(0, len(mine), 50)])

    async def patient(seed: int) -> int:
        for _ in range(20):
            try:
                return await consumer(seed)
            except asyncpg.TransactionRollbackError:  # a deadlock: the sink takes the batch back, so does this
                continue
        raise AssertionError("never got through")

    await asyncio.gather(patient(1), patient(2))
    assert await incident_pool.fetchval("SELECT count(*) FROM incident_steps") == 500
    assert await incident_pool.fetchval("SELECT count(*) FROM incidents WHERE last_step = 4") == 100
    assert await incident_pool.fetchval("SELECT count(*) FROM incident_history") == 100
