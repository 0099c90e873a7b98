"""The notification service as a process on the Redis log: alerts in, notifications out, crash and restart."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.platform import Platform, eventually
from tests.unit.services.notification_service.alerts import alert
from vigil import topology
from vigil.pb import events_pb2 as pb

NAME = "notification-service"


class Receiver(ThreadingHTTPServer):
    """A webhook receiver that remembers."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Hook)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.received.append(body | {"key": self.headers["idempotency-key"]})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def platform(tmp_path: Path, new_database: Callable[[], str], redis_url: str, receiver: Receiver) -> Iterator[Platform]:
    env = {
        "POSTGRES_DSN": new_database(),
        "REDIS_URL": redis_url,
        "BUS_PREFIX": f"t{uuid.uuid4().hex[:10]}.",
        "NOTIFICATION_WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_port}/hook",
    }
    made = Platform(tmp_path, env)
    try:
        made.start([NAME])
        yield made
    finally:
        codes = made.close()
    assert set(codes.values()) <= {0}, codes


def send(platform: Platform, *alerts: pb.AlertEvent) -> None:
    producer = platform.bus.producer()
    for one in alerts:
        producer.send(topology.ALERTS, 1, one.SerializeToString(), key=one.header.patient_id.encode())
    producer.flush(10)
    producer.close()


def ask(platform: Platform, path: str, **query: Any) -> httpx.Response:
    return httpx.get(platform.settings.http_url(NAME) + path, params=query or None, timeout=5)


def caught_up(platform: Platform) -> bool:
    return platform.bus.lag(NAME, topology.ALERTS) == 0


def test_alerts_become_notifications_once(platform: Platform, receiver: Receiver):
    episode = uuid.uuid4().bytes
    start, end = alert(episode=episode), alert("END", episode=episode, step=1, at_s=30)
    send(platform, start)
    (hook,) = eventually("the webhook heard", lambda: list(receiver.received))
    assert hook["title"] == "HIGH: heart rate 182 /min above limit 150 /min, bed C3-04, ward C3"
    eventually("the input is committed", lambda: caught_up(platform))

    platform.kill(NAME)
    send(platform, start, end)  # read again, and what came while nobody was there
    platform.start([NAME])
    eventually("the resolution was told", lambda: len(receiver.received) == 2)
    eventually("the input is committed", lambda: caught_up(platform))
    assert receiver.received[1]["kind"] == "resolved"
    assert len({hook["key"] for hook in receiver.received}) == 2

    listed = ask(platform, "/notifications", patientId="patient-7", channel="webhook").json()
    assert [(n["kind"], n["status"]) for n in listed["items"]] == [("resolved", "sent"), ("alarm", "sent")]
    assert listed["total"] == 2
    assert ask(platform, "/notifications", priority="high", limit=1).json()["total"] == 2  # log and webhook
    assert ask(platform, "/notifications", status="failed").json()["items"] == []
    one = ask(platform, f"/notifications/{hook['id']}").json()
    assert one["episodeId"] == str(uuid.UUID(bytes=episode))
    assert one["eventTime"] == "2026-01-01T09:00:00.000000Z"
    assert platform.stop(NAME) == 0


def test_a_flood_is_grouped_high_passes_and_an_unreadable_alert_is_a_dead_letter(
    platform: Platform, receiver: Receiver
):
    producer = platform.bus.producer()
    producer.send(topology.ALERTS, 1, b"\xff\xff", key=b"x")
    producer.flush(10)
    producer.close()
    send(platform, *[alert(priority="LOW") for _ in range(14)], *[alert(priority="HIGH") for _ in range(12)])
    held = "those beyond the limit are held"
    eventually(held, lambda: ask(platform, "/notifications", status="held", channel="log").json()["total"] == 4)
    eventually("all HIGH ones were told", lambda: sum(h["priority"] == "high" for h in receiver.received) == 12)
    digest = eventually("the digest", lambda: [h for h in receiver.received if h["kind"] == "digest"], timeout_s=15)[0]
    assert digest["title"] == "LOW: 4 grouped notifications, bed C3-04, ward C3"
    grouped = ask(platform, "/notifications", groupId=digest["id"]).json()
    assert {n["status"] for n in grouped["items"]} == {"grouped"}
    assert grouped["total"] == 4
    assert sum(held.high - held.low for held in platform.bus.ranges(topology.DEAD_LETTER)) == 1
    metrics = ask(platform, "/metrics").text
    assert 'vigil_notification_deliveries_total{channel="webhook",priority="high",result="sent"} 12.0' in metrics
    assert "182 /min" in platform.log(NAME)


def test_wrong_questions_are_problems(platform: Platform):
    for path, status, field in (
        ("/notifications?limit=101", 422, "limit"),
        ("/notifications?status=lost", 422, "status"),
        ("/notifications?colour=red", 422, "colour"),
        ("/notifications/not-an-id", 422, "notification_id"),
        (f"/notifications/{uuid.UUID(int=1)}", 404, "notification_id"),
    ):
        answer = ask(platform, path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert field in [error["field"] for error in answer.json()["errors"]], answer.text
