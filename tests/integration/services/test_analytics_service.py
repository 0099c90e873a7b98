"""The analytics as a process on the Redis log: scored observations and alerts in, statistics out, crash and restart."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.platform import Platform, eventually
from tests.unit.services.analytics.scored import batch, scored
from tests.unit.services.notification_service.alerts import alert
from vigil import topology

NAME = "analytics"


@pytest.fixture
def platform(tmp_path: Path, new_database: Callable[[], str], redis_url: str) -> Iterator[Platform]:
    env = {"POSTGRES_DSN": new_database(), "REDIS_URL": redis_url, "BUS_PREFIX": f"t{uuid.uuid4().hex[:10]}."}
    made = Platform(tmp_path, env)
    try:
        made.start([NAME], timeout_s=90)  # the kernels may have to be compiled first
        yield made
    finally:
        codes = made.close()
    assert set(codes.values()) <= {0}, codes


def send(platform: Platform, topic: str, values: Sequence[bytes], partition: int = 2) -> None:
    producer = platform.bus.producer()
    for value in values:
        producer.send(topic, partition, value, key=b"patient-7")
    producer.flush(10)
    producer.close()


def ask(platform: Platform, path: str, **query: Any) -> httpx.Response:
    return httpx.get(platform.settings.http_url(NAME) + path, params=query or None, timeout=5)


def caught_up(platform: Platform) -> bool:
    return sum(platform.bus.lag(NAME, topic) for topic in (topology.SCORED, topology.ALERTS)) == 0


def test_statistics_are_right_after_a_crash(platform: Platform):
    first = [batch([scored(i, {"heart_rate": 80.0, "spo2": 97.0}, at_s=i) for _ in range(5)]) for i in range(20)]
    episode = uuid.uuid4().bytes
    start, end = alert(episode=episode), alert("END", episode=episode, step=1, at_s=9)
    send(platform, topology.SCORED, first)
    send(platform, topology.ALERTS, [start.SerializeToString()])
    eventually("the input is committed", lambda: caught_up(platform))
    platform.kill(NAME)
    second = [batch([scored(i, {"heart_rate": 120.0}, at_s=i)]) for i in range(20, 120)]
    send(platform, topology.SCORED, [*first[-5:], *second])  # the engine crashed too and wrote five again
    send(platform, topology.ALERTS, [m.SerializeToString() for m in (start, end, alert(patient=""))])
    send(platform, topology.SCORED, [b"\xff\xff"])
    platform.start([NAME], timeout_s=90)
    eventually("the input is committed", lambda: caught_up(platform))

    summary = ask(platform, "/stats/patients/patient-7/summary").json()
    rate = summary["vitals"]["heart_rate"]
    assert (rate["count"], rate["mean"], rate["min"], rate["max"], rate["last"]) == (200, 100.0, 80.0, 120.0, 120.0)
    assert summary["vitals"]["spo2"]["count"] == 100
    assert (summary["alarms"]["alarms"], summary["alarms"]["timeInAlarmS"]) == (1, 9.0)
    assert sum(held.high - held.low for held in platform.bus.ranges(topology.DEAD_LETTER)) == 1

    window = ask(platform, "/stats/patients/patient-7/summary", **{"to": "2026-01-01T10:01:00+01:00"}).json()
    assert window["vitals"]["heart_rate"]["count"] == 140
    alerts = ask(platform, "/stats/global/alerts").json()
    assert (alerts["alarms"], alerts["active"]) == (2, 1)
    assert {row["key"]: row["alarms"] for row in alerts["byPriority"]} == {"high": 2}
    burden = ask(platform, "/stats/alarm-burden").json()
    assert burden["bedDays"] == pytest.approx(1 / 24, abs=1e-4)
    assert burden["perBedDay"] == 48.0
    assert burden["shareUnder15s"] == 1.0
    assert burden["byRule"][0]["key"] == "heart_rate_high"
    (ward,) = [ward for ward in ask(platform, "/stats/wards").json()["items"] if ward["ward"] == "C3"]
    assert (ward["observations"], ward["patients"]) == (200, 1)
    devices = ask(platform, "/stats/devices", limit=10).json()
    assert (devices["total"], devices["items"][0]["observations"]) == (1, 200)
    assert devices["items"][0]["lastSeen"] == "2026-01-01T09:01:59.000000Z"

    for path, status, field in (
        ("/stats/patients/nobody/summary", 404, "patient_id"),
        ("/stats/wards?from=yesterday", 422, "from"),
        ("/stats/wards?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 422, "to"),
        ("/stats/devices?limit=0", 422, "limit"),
    ):
        answer = ask(platform, path)
        assert answer.status_code == status, (path, answer.text)
        assert field in [error["field"] for error in answer.json()["errors"]], answer.text
