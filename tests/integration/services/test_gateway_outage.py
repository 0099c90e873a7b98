"""The gateway while its log is away: 503 with Retry-After, nothing acknowledged that the log does not have."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.support import events
from tests.support.platform import Platform, eventually
from vigil.embedded.kafka import EmbeddedKafka
from vigil.embedded.redis import EmbeddedRedis

Server = EmbeddedKafka | EmbeddedRedis


@dataclass
class Edge:
    """A gateway with its log's server, a device of its own, and the ids it has acknowledged."""

    platform: Platform
    server: Server
    acknowledged: set[str]
    sent: int = 0

    def post(self, count: int = 1) -> httpx.Response:
        """Sends new observations; remembers their ids when they are acknowledged."""
        self.sent += count
        now_ms = int(time.time() * 1000)
        items = [
            {"deviceId": "d", "timestamp": now_ms, "sequence": self.sent + i, "metrics": {"hr": 80}}
            for i in range(count)
        ]
        answer = httpx.post(
            self.platform.settings.http_url("telemetry-gateway") + "/api/telemetry", json=items, timeout=20
        )
        if answer.status_code == 202:
            self.acknowledged |= {r["eventId"].replace("-", "") for r in answer.json()["results"]}
        return answer

    def assert_refused(self, answer: httpx.Response) -> None:
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["code"] == "log_unavailable"
        assert "results" not in answer.json()

    def assert_all_there(self) -> None:
        assert self.acknowledged <= {o.header.event_id.hex() for o in events.raw(self.platform)}


@pytest.fixture(scope="module", params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
def edge(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str],
    redis_url: str,
) -> Iterator[Edge]:  # fmt: skip
    folder = tmp_path_factory.mktemp("log")
    with EmbeddedKafka(folder, short_lived=True) if request.param == "kafka" else EmbeddedRedis(folder) as server:
        if isinstance(server, EmbeddedKafka):
            log = {"KAFKA_BROKERS": server.brokers, "REDIS_URL": redis_url}
        else:
            log = {"REDIS_URL": server.url}
        env = {
            **log, "POSTGRES_DSN": new_database(),
            "GATEWAY_ACK_TIMEOUT_S": "1", "GATEWAY_INFLIGHT_BYTES_MAX": "100000", "BUS_TIMEOUT_S": "2",
        }  # fmt: skip
        platform = Platform(tmp_path_factory.mktemp("platform"), env)
        platform.start(["registry", "telemetry-gateway"])
        body = {"deviceId": "d", "deviceType": "monitor"}
        httpx.post(platform.settings.http_url("registry") + "/devices", json=body).raise_for_status()
        yield Edge(platform, server, set())
        assert set(platform.close().values()) == {0}


def test_a_stopped_log_is_answered_503_and_taken_up_again(edge: Edge) -> None:
    assert edge.post(3).status_code == 202
    edge.server.stop()
    for _ in range(2):
        edge.assert_refused(edge.post())
    edge.server.start()
    eventually("the same gateway takes observations again", lambda: edge.post().status_code == 202)
    edge.assert_all_there()


def test_a_log_that_stops_in_the_middle_of_a_request(edge: Edge) -> None:
    """The broker hangs: requests under way are refused in time, and beyond the limit at once."""
    assert edge.post().status_code == 202
    assert edge.server.pid is not None
    os.kill(edge.server.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: edge.post(300), range(8)))
        for answer in answers:
            edge.assert_refused(answer)
        began = time.monotonic()
        answer = edge.post()
        edge.assert_refused(answer)
        assert "too much waits" in answer.json()["detail"]
        assert time.monotonic() - began < 0.9
    finally:
        os.kill(edge.server.pid, signal.SIGCONT)
    eventually("the same gateway takes observations again", lambda: edge.post().status_code == 202)
    edge.assert_all_there()


def test_a_stop_in_the_middle_answers_what_it_took(edge: Edge) -> None:
    """SIGTERM under load: an answer is 202 and in the log, or 503; else the connection is refused."""
    platform, statuses = edge.platform, set[int]()

    def keep_posting() -> None:
        try:
            while True:
                statuses.add(edge.post(5).status_code)
        except httpx.TransportError:
            return

    eventually("it takes observations", lambda: edge.post().status_code == 202)
    before = len(edge.acknowledged)
    with ThreadPoolExecutor(6) as pool:
        posting = [pool.submit(keep_posting) for _ in range(6)]
        eventually("requests are under way", lambda: len(edge.acknowledged) > before + 100)
        assert platform.stop("telemetry-gateway") == 0
        for one in posting:
            one.result(10)
    assert statuses <= {202, 503}
    edge.assert_all_there()
    platform.start(["telemetry-gateway"])
