"""A client that knows the contract and nothing else: it imports nothing of this project.

`client.py GENERATED REGISTRY GATEWAY_HTTP GATEWAY_GRPC INCIDENTS NOTIFICATIONS ANALYTICS TAG` registers a patient and
a device, links them, sends over gRPC and HTTP, and reads the incident back. Prints JSON; any surprise is an exception.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

GENERATED, REGISTRY, GATEWAY, GRPC, INCIDENTS, NOTIFICATIONS, ANALYTICS, TAG = sys.argv[1:9]
sys.path.insert(0, GENERATED)

import gateway_pb2 as pb  # noqa: E402
import gateway_pb2_grpc as rpc  # noqa: E402
import grpc  # noqa: E402

assert not [name for name in sys.modules if name.split(".")[0] in ("vigil", "services")]


def call(method: str, url: str, body: Any = None) -> tuple[int, Any, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null"), answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null"), error.headers.get_content_type()


def wait(what: str, probe: Any, timeout_s: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def items(page: Any) -> list[Any]:
    """The rows of a page, whatever the envelope calls them."""
    if isinstance(page, list):
        return page
    return next(value for value in page.values() if isinstance(value, list))


patient, device = f"p-{TAG}", f"d-{TAG}"
status, _, _ = call("POST", f"{REGISTRY}/patients", {"patientId": patient, "age": 71, "gender": "female"})
assert status in (200, 201), status
status, _, _ = call("POST", f"{REGISTRY}/devices", {"deviceId": device, "deviceType": "multiparameter_monitor"})
assert status in (200, 201), status
status, _, _ = call("POST", f"{REGISTRY}/devices/link", {"deviceId": device, "patientId": patient})
assert status in (200, 201), status
assert call("GET", f"{REGISTRY}/patients/{patient}")[0] == 200
assert call("GET", f"{REGISTRY}/devices/{device}")[0] == 200
assert call("GET", f"{REGISTRY}/patients/nobody-{TAG}")[0::2] == (404, "application/problem+json")
status, _, _ = call("POST", f"{REGISTRY}/thresholds", {"patientId": patient, "limits": {"spo2": {"criticalLow": 80}}})
assert status in (200, 201), status
assert call("GET", f"{REGISTRY}/thresholds/{patient}")[0] == 200

with grpc.insecure_channel(GRPC) as channel:
    stub = rpc.TelemetryGatewayStub(channel)

    def send(device_id: str, value: float) -> Any:
        now = datetime.now(UTC).isoformat()
        measurement = pb.Measurement(metric="heart_rate", value=value, unit="bpm")
        request = pb.SendMeasurementsRequest(
            version="1", device_id=device_id, device_type="multiparameter_monitor", timestamp=now,
            measurements=[measurement],
        )  # fmt: skip
        return stub.SendMeasurements(request, timeout=10)

    answer = send(device, 190)
    assert answer.status == pb.SUCCESS, answer
    assert len(answer.event_id) == 36
    assert send(device, float("nan")).status == pb.VALIDATION_ERROR
    assert send(f"unknown-{TAG}", 80).status == pb.DEVICE_NOT_FOUND

status, body, _ = call(
    "POST",
    f"{GATEWAY}/api/telemetry",
    {"deviceId": device, "timestamp": int(time.time() * 1000), "metrics": {"spo2": 75}},
)
assert status in (200, 202), (status, body)
assert body["success"] is True
assert len(body["eventId"]) == 36

found = wait(
    "two incidents",
    lambda: (r := items(call("GET", f"{INCIDENTS}/incidents?patientId={patient}")[1])) and len(r) >= 2 and r,
)
status, one, _ = call("GET", f"{INCIDENTS}/incidents/{found[0]['incidentId']}")
assert status == 200
url = f"{INCIDENTS}/incidents/{found[0]['incidentId']}"
status, changed, _ = call("PATCH", url, {"action": "acknowledge", "actor": "nurse-1"})
assert status == 200, (status, changed)
assert changed["status"] == "acknowledged"
assert call("GET", f"{INCIDENTS}/incidents?limit=101")[0::2] == (422, "application/problem+json")
told = wait("notifications", lambda: items(call("GET", f"{NOTIFICATIONS}/notifications?patientId={patient}")[1]))
summary = wait(
    "the analytics' summary",
    lambda: (s := call("GET", f"{ANALYTICS}/stats/patients/{patient}/summary"))[0] == 200 and s[1],
)
assert call("GET", f"{ANALYTICS}/stats/global/alerts")[0] == 200
print(json.dumps({"incidents": len(found), "notifications": len(told), "summary": summary}))
