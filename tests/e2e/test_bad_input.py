"""Bad input over real HTTP: a clear 4xx that names the fields, never a 5xx, and good items are not held up."""

import gzip
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import unique
from tests.support import events
from tests.support.platform import Platform, eventually
from tests.unit.core.edge import malformed
from vigil import topology

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def gateway(platform: Platform) -> Iterator[httpx.Client]:
    """A client of the gateway; the devices that the bodies speak of are registered."""
    with httpx.Client(base_url=platform.settings.http_url("registry"), timeout=10) as registry:
        for device in ("d1", "d2", "d3"):
            registry.post("/devices", json={"deviceId": device, "deviceType": "monitor"}).raise_for_status()
    # A server may close an idle connection just as the next request is written: each request has one of its own.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=platform.settings.http_url("telemetry-gateway"), timeout=10, limits=limits) as client:
        yield client


def post(gateway: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    return gateway.post("/api/telemetry", content=body, headers={"content-type": "application/json", **headers})


def test_every_malformed_body_is_refused_by_its_fields(gateway: httpx.Client) -> None:
    cases = malformed()
    assert len(cases) >= 200
    for case in cases:
        answer = post(gateway, case["bytes"])
        assert answer.status_code == case["status"], case["name"]
        assert 400 <= answer.status_code < 500, case["name"]
        assert answer.headers["content-type"] == PROBLEM, case["name"]
        told = {(e["code"], e["field"]) for e in answer.json()["errors"]}
        assert {(e["code"], e["field"]) for e in case["errors"]} <= told, case["name"]
        assert len(answer.json()["trace_id"]) == 32
    assert gateway.get("/readyz").status_code == 200


def test_the_good_items_of_a_mixed_array_are_accepted(gateway: httpx.Client, platform: Platform) -> None:
    now_ms = int(time.time() * 1000)
    good = [{"deviceId": "d1", "timestamp": now_ms + i, "metrics": {"hr": 80 + i}} for i in range(3)]
    bad = [
        {"deviceId": "d1", "timestamp": now_ms, "metrics": {"hr": True}},
        {"deviceId": unique("nobody-"), "timestamp": now_ms, "metrics": {"hr": 80}},
        {"deviceId": "d1", "timestamp": "yesterday", "metrics": {}},
    ]
    items = [x for pair in zip(good, bad, strict=True) for x in pair]
    answer = post(gateway, json.dumps(items).encode())
    assert answer.status_code == 207
    body = answer.json()
    assert (body["accepted"], body["rejected"]) == (3, 3)
    assert [r["success"] for r in body["results"]] == [True, False] * 3
    assert {e["field"] for e in body["results"][5]["errors"]} == {"[5].timestamp", "[5].metrics"}
    wanted = {r["eventId"].replace("-", "") for r in body["results"] if r["success"]}

    def arrived() -> bool:
        return wanted <= {o.header.source_event_id.hex() for o in events.observations(platform, topology.NORMALIZED)}

    eventually("the good items are normalized", arrived)


def test_a_retry_has_the_same_id(gateway: httpx.Client) -> None:
    body = json.dumps({"deviceId": "d2", "timestamp": int(time.time() * 1000), "metrics": {"hr": 80}}).encode()
    first, second = post(gateway, body), post(gateway, body)
    assert first.status_code == second.status_code == 202
    assert first.json()["eventId"] == second.json()["eventId"]


def test_gzip_is_read_and_a_bomb_is_not_unpacked(gateway: httpx.Client) -> None:
    body = json.dumps({"deviceId": "d2", "timestamp": int(time.time() * 1000), "metrics": {"hr": 81}}).encode()
    assert post(gateway, gzip.compress(body), **{"content-encoding": "gzip"}).status_code == 202
    bomb = gzip.compress(b" " * 60_000_000)
    answer = post(gateway, bomb, **{"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_large")
    for broken in (body, gzip.compress(body)[:-4], gzip.compress(body) + b"x"):
        answer = post(gateway, broken, **{"content-encoding": "gzip"})
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


def test_what_is_not_json_or_too_large_is_refused_before_it_is_read(gateway: httpx.Client) -> None:
    answer = gateway.post("/api/telemetry", content=b"<x/>", headers={"content-type": "text/xml"})
    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)
    assert post(gateway, b"{}", **{"content-encoding": "br"}).status_code == 415
    assert post(gateway, b" " * 5_000_000).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(6):
            yield b" " * 1_000_000

    answer = gateway.post("/api/telemetry", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_other_paths_and_methods_are_problems_too(gateway: httpx.Client) -> None:
    for answer, status in ((gateway.get("/api/telemetry"), 405), (gateway.get("/nowhere"), 404)):
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert gateway.get("/api/telemetry").headers["allow"] == "POST"


@pytest.mark.parametrize("key", [None, "wrong", "k" * 24])
def test_a_device_with_a_key_must_show_it(gateway: httpx.Client, platform: Platform, key: str | None) -> None:
    device = unique("keyed-")
    made = httpx.post(
        platform.settings.http_url("registry") + "/devices",
        json={"deviceId": device, "deviceType": "monitor", "key": "k" * 24},
    )
    assert made.status_code in (200, 201), made.text
    body = json.dumps({"deviceId": device, "timestamp": int(time.time() * 1000), "metrics": {"hr": 80}}).encode()
    answer = post(gateway, body, **({"x-device-key": key} if key else {}))
    assert answer.status_code == (202 if key == "k" * 24 else 401)
