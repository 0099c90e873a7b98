"""Who may send: keys as they change, the registry away, and what the two edges answer."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import grpc
import httpx
import pytest

from tests.conftest import unique
from tests.support import events
from tests.support.platform import Platform, eventually
from vigil import topology
from vigil.pb import telemetry_gateway_pb2 as pb
from vigil.pb import telemetry_gateway_pb2_grpc as rpc

SOON_S = 2.0  # a change is in effect; the admission's time to live is far longer


@pytest.fixture(scope="module")
def running(platform: Platform) -> Platform:
    platform.start(["registry", "telemetry-gateway"])
    return platform


@pytest.fixture(scope="module")
def registry(running: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.settings.http_url("registry"), timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def stub(running: Platform) -> Iterator[rpc.TelemetryGatewayStub]:
    with grpc.insecure_channel(running.settings.grpc_target("telemetry-gateway")) as channel:
        yield rpc.TelemetryGatewayStub(channel)  # type: ignore[no-untyped-call]


@pytest.fixture
def device(registry: httpx.Client) -> str:
    """A device with a key: its id is its key."""
    name = unique("device-with-a-key-")
    registry.post("/devices", json={"deviceId": name, "deviceType": "m", "key": name}).raise_for_status()
    return name


def post(platform: Platform, device: str, key: str | None = None) -> int:
    body = {"deviceId": device, "timestamp": time.time_ns() // 1_000_000, "metrics": {"hr": 80}}
    headers = {"x-device-key": key} if key else {}
    url = platform.settings.http_url("telemetry-gateway") + "/api/telemetry"
    return httpx.post(url, json=body, headers=headers, timeout=10).status_code


def message(device: str, value: float = 80.0) -> pb.SendMeasurementsRequest:
    return pb.SendMeasurementsRequest(
        version="1", device_id=device, timestamp=datetime.now(UTC).isoformat(),
        measurements=[pb.Measurement(metric="hr", value=value, unit="bpm")],
    )  # fmt: skip


def test_a_rotated_key_counts_at_once_and_a_revoked_device_no_more(
    running: Platform, registry: httpx.Client, device: str
) -> None:
    assert [post(running, device, key) for key in (device, None, "wrong")] == [202, 401, 401]
    registry.patch(f"/devices/{device}", json={"key": "another-key-of-sixteen"}).raise_for_status()
    eventually("the old key is refused", lambda: post(running, device, device) == 401, SOON_S)
    assert post(running, device, "another-key-of-sixteen") == 202
    registry.patch(f"/devices/{device}", json={"status": "inactive"}).raise_for_status()
    eventually("the device is refused", lambda: post(running, device, "another-key-of-sixteen") == 403, SOON_S)


def test_a_hubs_key_counts_at_once_and_a_revoked_one_no_more(
    running: Platform, registry: httpx.Client, device: str
) -> None:
    hub = unique("hub-with-a-long-key-")
    assert [post(running, device, device), post(running, device, hub)] == [202, 401]
    registry.post("/hubs", json={"hubId": hub, "key": hub}).raise_for_status()
    eventually("the hub may send for a device that is known already", lambda: post(running, device, hub) == 202, SOON_S)
    registry.patch(f"/hubs/{hub}", json={"status": "revoked"}).raise_for_status()
    eventually("the revoked hub is refused", lambda: post(running, device, hub) == 401, SOON_S)
    assert post(running, device, device) == 202


def test_what_grpc_says(running: Platform, stub: rpc.TelemetryGatewayStub, device: str) -> None:
    mine = (("x-device-key", device),)
    assert stub.SendMeasurements(message(device), metadata=mine).status == pb.SUCCESS
    assert stub.SendMeasurements(message(device, float("nan")), metadata=mine).status == pb.VALIDATION_ERROR
    assert stub.SendMeasurements(message(unique("nobody-"))).status == pb.DEVICE_NOT_FOUND
    for metadata in ((), (("x-device-key", "wrong"),)):
        refused = stub.SendMeasurements(message(device), metadata=metadata)
        assert refused.status == pb.VALIDATION_ERROR
        assert "unauthorized" in refused.message
        assert not refused.event_id


def test_a_stream_is_answered_item_by_item_and_keeps_its_trace(
    running: Platform, stub: rpc.TelemetryGatewayStub, device: str
) -> None:
    trace = unique("0" * 22)
    requests = [message(device), message(device, float("inf")), message(device, 81.0)]
    requests[2].timestamp = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    metadata = (("x-device-key", device), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))
    answer = stub.StreamMeasurements(iter(requests), metadata=metadata, timeout=10)
    assert [r.status for r in answer.results] == [pb.SUCCESS, pb.VALIDATION_ERROR, pb.SUCCESS]
    ids = {r.event_id.replace("-", "") for r in answer.results if r.event_id}
    written = {o.header.event_id.hex(): o.header.trace_id.hex() for o in events.raw(running)}
    assert {written[i] for i in ids} == {trace}
    assert len(ids) == 2


def test_what_cannot_be_read_on_registry_changes_stops_nothing(
    running: Platform, registry: httpx.Client, device: str
) -> None:
    assert post(running, device, device) == 202
    producer = running.bus.producer()
    producer.send(topology.REGISTRY_CHANGES, 0, b"\xff\xff\xff", key=b"poison")
    producer.flush(10)
    producer.close()
    registry.patch(f"/devices/{device}", json={"key": "another-key-of-sixteen"}).raise_for_status()
    eventually("changes are still followed", lambda: post(running, device, device) == 401, SOON_S)


def test_without_the_registry_known_devices_go_on_and_others_wait(
    running: Platform, stub: rpc.TelemetryGatewayStub, device: str
) -> None:
    running.stop("telemetry-gateway")
    running.env["GATEWAY_ADMISSION_TTL_S"] = "1"
    running.spawn("telemetry-gateway")
    running.wait_ready("telemetry-gateway")
    assert post(running, device, device) == 202
    running.stop("registry")
    ended = time.monotonic() + 2.5
    while time.monotonic() < ended:
        assert post(running, device, device) == 202, "an admission outlives its time while the registry is away"
        time.sleep(0.1)
    assert [post(running, device), post(running, "new"), post(running, "new", device)] == [401, 503, 503]
    with pytest.raises(grpc.RpcError) as refused:
        stub.SendMeasurements(message("new"), wait_for_ready=True, timeout=10)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    running.spawn("registry")
    running.wait_ready("registry")
    eventually("asked again", lambda: post(running, "new") == 404, 10)
