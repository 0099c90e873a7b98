"""Alarms counted over time in real PostgreSQL: raised, suppressed, sounding again, acknowledged after how long."""

import itertools
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.analytics.alarms import merge_alarms
from services.analytics.routes import application
from services.analytics.service import MIGRATIONS
from tests.support.alerts import HIGH, LOW, T0_US, caused
from vigil.pb import events_pb2 as pb
from vigil.runtime.rest import serve
from vigil.store.postgres import open_pool

EPISODE = uuid.UUID(int=5)
STORY = ("SUPPRESSED", "RESUMED", "ESCALATED", "ACKNOWLEDGED", "RE_ALARM", "ACKNOWLEDGED", "END")


def at(made: pb.AlertEvent, seconds: float) -> pb.AlertEvent:
    """The alert at a moment, in event and in processing time."""
    made.header.event_time_us = made.header.ingest_time_us = T0_US + round(seconds * 1e6)
    made.condition.raised_time_us = T0_US + (0 if made.phase == pb.ALERT_PHASE_SUPPRESSED else 60_000_000)
    if made.phase == pb.ALERT_PHASE_END:
        made.condition.end_time_us = made.header.event_time_us
    return made


@pytest.fixture
async def pool(new_database: Callable[[], str]) -> Any:
    made = await open_pool(new_database(), "analytics", MIGRATIONS, 2)
    yield made
    await made.close()


async def count(pool: Any, alerts: Any) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await merge_alarms(connection, list(alerts))


async def ask(pool: Any, path: str, **query: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=serve(application("analytics", pool)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, params=query)


async def test_one_episode_whatever_order_its_steps_come_in(pool: Any) -> None:
    story = [at(caused(EPISODE, i, cause, HIGH), 60 * i) for i, cause in enumerate(STORY)]
    seen = set()
    for order in list(itertools.permutations(story))[::100]:
        await pool.execute("TRUNCATE alarm, alarm_step")
        for alert in order:
            await count(pool, [alert])
        seen.add(tuple(await pool.fetchrow("SELECT * FROM alarm")))
    assert len(seen) == 1
    (row,) = await pool.fetch("SELECT * FROM alarm")
    assert (row["raised"], row["suppressed"], row["re_alarms"], row["escalations"]) == (True, True, 1, 1)
    assert row["started_us"] == T0_US + 60_000_000, "when people were told, not when it was suppressed"
    assert (row["acknowledged_us"] - row["sounded_us"]) / 1e6 == 120


async def test_counted_per_day_by_rule_sign_priority_and_ward(pool: Any) -> None:
    await count(pool, [at(caused(EPISODE, i, cause, HIGH), 60 * i) for i, cause in enumerate(STORY)])
    short = uuid.uuid4()
    await count(pool, [at(caused(short, 0, "CONDITION", LOW), 60), at(caused(short, 1, "END", LOW), 70)])
    await count(pool, [at(caused(uuid.uuid4(), 0, "SUPPRESSED", LOW, ward="B"), 0)])
    for by in ("rule", "sign", "type", "kind", "all"):
        (item,) = (await ask(pool, "/stats/alarms", by=by, per="day")).json()["items"]
        assert item["start"] == "2026-01-01T00:00:00.000000Z"
        assert (item["alarms"], item["suppressed"], item["reAlarms"], item["escalations"]) == (2, 2, 1, 1)
        assert (item["shareUnder15s"], item["acknowledged"]) == (0.5, 1)
        assert item["timeToAcknowledgeS"] == {"median": 120.0, "p90": 120.0}
    priorities = (await ask(pool, "/stats/alarms", by="priority", per="hour")).json()
    assert {(i["key"], i["alarms"], i["suppressed"]) for i in priorities["items"]} == {("high", 1, 1), ("low", 1, 1)}
    wards = (await ask(pool, "/stats/alarms", by="ward")).json()
    assert [(i["key"], i["alarms"], i["suppressed"]) for i in wards["items"]] == [("ICU-A", 2, 1), ("B", 0, 1)]
    assert (await ask(pool, "/stats/alarms", ward="B")).json()["items"][0]["alarms"] == 0
    assert (await ask(pool, "/stats/alarms", limit=1, by="ward")).json()["total"] == 2
    assert (await ask(pool, "/stats/alarms", by="colour")).status_code == 422


async def test_the_burden_tells_what_was_suppressed_apart(pool: Any) -> None:
    await count(pool, [at(caused(uuid.uuid4(), 0, "SUPPRESSED", LOW), 0)])
    burden = (await ask(pool, "/stats/alarm-burden")).json()
    assert (burden["alarms"], burden["suppressed"], burden["topTenthOfPatientsShare"]) == (0, 1, None)


async def test_beds_are_those_of_the_hour_or_day_and_of_the_ward(pool: Any) -> None:
    hour = (T0_US + 60_000_000) // 3_600_000_000
    await pool.execute("INSERT INTO subject (patient_id, device_id) VALUES ('p-1', ''), ('p-2', '')")
    await pool.execute("INSERT INTO ward (name) VALUES ('ICU-A'), ('B')")
    await pool.executemany(
        "INSERT INTO subject_hour VALUES ($1, $2, $3, 1, 0, 0, 0, 0, 0)",
        [(1, 1, hour + i) for i in range(12)] + [(2, 2, hour + i) for i in range(12)],
    )
    await count(pool, [at(caused(EPISODE, 0, "CONDITION", HIGH), 60)])
    assert (await ask(pool, "/stats/alarms", by="ward")).json()["items"][0]["perBedDay"] == 2.0
    assert (await ask(pool, "/stats/alarms", by="rule")).json()["items"][0]["perBedDay"] == 1.0
    assert (await ask(pool, "/stats/alarms", by="rule", ward="ICU-A")).json()["items"][0]["perBedDay"] == 2.0
    assert (await ask(pool, "/stats/alarms", by="rule", per="hour")).json()["items"][0]["perBedDay"] == 12.0
