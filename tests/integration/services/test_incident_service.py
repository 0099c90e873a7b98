"""The incident service as a process of its own, between the log and PostgreSQL."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.alerts import END, HIGH, MEDIUM, START, UPDATE, alert, caused
from tests.support.events import records
from tests.support.platform import Platform, eventually
from vigil import core, topology
from vigil.pb import events_pb2


@pytest.fixture(scope="module")
def running(platform: Platform) -> Platform:
    platform.start(["incident-service"])
    return platform


@pytest.fixture(scope="module")
def rest(running: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.settings.http_url("incident-service"), timeout=30) as client:
        yield client


def send(platform: Platform, *values: Any) -> None:
    producer = platform.bus.producer()
    for value in values:
        data = value if isinstance(value, bytes) else value.SerializeToString()
        key = "" if isinstance(value, bytes) else value.header.patient_id
        producer.send(topology.ALERTS, core.partition_of(key, platform.settings.bus_partitions), data, key=key.encode())
    producer.flush(10)
    producer.close()


def incident(rest: httpx.Client, episode: uuid.UUID) -> dict[str, Any] | None:
    answer = rest.get(f"/incidents/{episode}")
    return dict(answer.json()) if answer.status_code == 200 else None


def steps(rest: httpx.Client, episode: uuid.UUID) -> int:
    found = incident(rest, episode)
    return len(found["timeline"]) if found else 0


def test_an_alert_becomes_an_incident(running: Platform, rest: httpx.Client) -> None:
    episode = uuid.uuid4()
    send(running, alert(episode, 0, START), alert(episode, 1, UPDATE, HIGH), alert(episode, 0, START))
    eventually("both steps are stored", lambda: steps(rest, episode) == 2)
    acknowledged = rest.patch(f"/incidents/{episode}", json={"action": "acknowledge", "actor": "nurse.kim"})
    assert acknowledged.json()["status"] == "acknowledged"
    send(running, alert(episode, 2, END, MEDIUM))
    eventually("it is resolved", lambda: (incident(rest, episode) or {})["status"] == "resolved")
    assert "vigil_ingest_latency_seconds_count" in rest.get("/metrics").text


def test_an_acknowledgement_reaches_the_log_among_the_patients_observations(
    running: Platform, rest: httpx.Client
) -> None:
    episode = uuid.uuid4()
    send(running, caused(episode, 0, "CONDITION", HIGH, patient_id="p-ack"))
    eventually("it is stored", lambda: steps(rest, episode) == 1)
    rest.patch(f"/incidents/{episode}", json={"action": "acknowledge", "actor": "nurse.kim"})

    def written() -> list[tuple[int, events_pb2.Control]]:
        batches = [(r.partition, r.value) for r in records(running, topology.ENRICHED)]
        found = [(at, c) for at, value in batches for c in events_pb2.TelemetryBatch.FromString(value).controls]
        return [(at, c) for at, c in found if c.patient_id == "p-ack"]

    ((partition, made),) = eventually("the control is in the log", written) or []
    assert (made.episode_id, made.actor) == (episode.bytes, "nurse.kim")
    assert partition == core.partition_of("p-ack", running.settings.bus_partitions)


def test_what_cannot_be_read_becomes_a_dead_letter_and_holds_nothing_up(running: Platform, rest: httpx.Client) -> None:
    episode = uuid.uuid4()
    broken = [b"\xff\xff", b"", alert(episode, 5, UPDATE, episode_id=b"short")]
    send(running, *broken, alert(episode, 0, START, patient_id=""))
    eventually("the good one is stored", lambda: steps(rest, episode) == 1)

    def letters() -> list[events_pb2.DeadLetter]:
        return [events_pb2.DeadLetter.FromString(r.value) for r in records(running, topology.DEAD_LETTER)]

    found = eventually("all three are dead letters", lambda: letters() if len(letters()) >= 3 else None)
    originals = {v if isinstance(v, bytes) else v.SerializeToString() for v in broken}
    assert {x.original for x in found or []} == originals
    assert {(x.stage, x.topic) for x in found or []} == {("incident-service", topology.ALERTS)}


def test_an_orphan_has_an_incident_too(running: Platform, rest: httpx.Client) -> None:
    episode = uuid.uuid4()
    orphan = alert(episode, 0, START, HIGH, patient_id="")
    orphan.ClearField("context")
    send(running, orphan)
    found = eventually("it is stored", lambda: incident(rest, episode))
    assert (found["patientId"], found["deviceId"], found["ward"]) == (None, "d-1", None)


def test_a_database_that_is_away_takes_the_batch_back_and_loses_nothing(running: Platform, rest: httpx.Client) -> None:
    dsn = running.env["POSTGRES_DSN"]
    name = dsn.rsplit("/", 1)[1]
    admin = dsn.rsplit("/", 1)[0] + "/postgres"

    async def sql(*statements: str) -> None:
        connection = await asyncpg.connect(admin)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    closed = f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"
    away = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    asyncio.run(sql(closed, away))
    episode = uuid.uuid4()
    try:
        send(running, alert(episode, 0, START))
        eventually("it says so", lambda: "stage" in rest.get("/readyz").json()["problems"])
        answer = rest.get("/incidents")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == "application/problem+json"
    finally:
        asyncio.run(sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    eventually("it is stored", lambda: steps(rest, episode) == 1)
    eventually("it is ready again", lambda: rest.get("/readyz").status_code == 200)


def test_kill_9_loses_and_doubles_nothing(running: Platform, rest: httpx.Client) -> None:
    episodes = [uuid.uuid4() for _ in range(200)]
    send(running, *(alert(e, 0, START) for e in episodes))
    eventually("it has begun", lambda: incident(rest, episodes[0]))
    running.kill("incident-service")
    send(running, *(alert(e, n, UPDATE) for e in episodes for n in (1, 2)))
    running.spawn("incident-service")
    running.wait_ready("incident-service")
    for episode in episodes:
        eventually("its three steps are there", lambda e=episode: steps(rest, e) == 3)
    assert [h["action"] for h in (incident(rest, episodes[-1]) or {})["history"]] == ["open"]


def test_it_drains_on_sigterm(running: Platform) -> None:
    assert running.stop("incident-service") == 0
