"""The gateway's decisions through the binding: bodies of all kinds in, answers and records out."""

import hashlib
import json
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.edge import AT, AT_US, NOW_US, accept, decoder, item, malformed, raw_observations
from vigil import core
from vigil.pb import registry_pb2, telemetry_gateway_pb2

MALFORMED = malformed()


def test_there_are_enough_malformed_bodies() -> None:
    assert len(MALFORMED) >= 200


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case["name"])
def test_a_malformed_body_is_refused_by_its_fields(case: dict[str, Any]) -> None:
    acceptance = accept(case["bytes"])
    answer = json.loads(acceptance.body)
    assert acceptance.status == answer["status"] == case["status"]
    assert acceptance.content_type == "application/problem+json"
    found = {(error["code"], error["field"]) for error in answer["errors"]}
    assert found == {(error["code"], error["field"]) for error in case["errors"]}
    assert answer["type"].startswith("urn:vigil:problem:")
    assert answer["title"]
    assert answer["detail"]
    assert len(answer["trace_id"]) == 32
    assert (acceptance.records, acceptance.accepted) == ([], 0)


SINGLE_ITEMS = [case for case in MALFORMED if case["status"] == 422 and case["bytes"].startswith(b"{")]


@pytest.mark.parametrize("case", SINGLE_ITEMS, ids=lambda case: case["name"])
def test_a_good_item_beside_a_bad_one_is_accepted(case: dict[str, Any]) -> None:
    bad = case["bytes"]
    acceptance = accept(b"[" + json.dumps(item()).encode() + b"," + bad + b"]")
    assert (acceptance.status, acceptance.accepted, acceptance.rejected) == (207, 1, 1)
    good, refused = json.loads(acceptance.body)["results"]
    assert (good["success"], refused["success"]) == (True, False)
    assert all(error["field"].startswith("[1]") for error in refused["errors"])
    assert raw_observations(acceptance)[0].header.event_id == uuid.UUID(good["eventId"]).bytes


def test_one_object_is_answered_with_its_id() -> None:
    acceptance = accept(item())
    answer = json.loads(acceptance.body)
    assert acceptance.status == 202
    assert answer.keys() == {"success", "eventId", "message"}
    assert answer["success"] is True
    header = raw_observations(acceptance)[0].header
    assert uuid.UUID(answer["eventId"]).bytes == header.event_id
    assert (header.event_time_us, header.ingest_time_us) == (AT_US, NOW_US)


def test_the_trace_goes_on() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    traceparent = f"00-{trace}-00f067aa0ba902b7-01"
    good = decoder().accept_json(json.dumps(item()).encode(), None, traceparent, NOW_US)
    bad = decoder().accept_json(b"{", None, traceparent, NOW_US)
    assert raw_observations(good)[0].header.trace_id.hex() == trace
    assert json.loads(bad.body)["trace_id"] == trace


def test_keys_are_checked_against_their_hashes() -> None:
    admissions = core.Admissions(require_keys=False, allow_unknown=False)
    decide = core.Decoder(admissions, 4)
    body = json.dumps([item(deviceId="keyed"), item(deviceId="open"), item(deviceId="off")]).encode()
    assert decide.accept_json(body, None, None, NOW_US).unknown_devices == ["keyed", "off", "open"]
    answer = registry_pb2.GetAdmissionsResponse(hub_key_sha256=[hashlib.sha256(b"hub").digest()])
    answer.admissions.add(device_id="keyed", known=True, active=True, key_sha256=hashlib.sha256(b"secret").digest())
    answer.admissions.add(device_id="open", known=True, active=True)
    answer.admissions.add(device_id="off", known=True, active=False)
    admissions.apply(answer.SerializeToString())
    assert len(admissions) == 3

    def codes(key: str | None) -> list[str | None]:
        results = json.loads(decide.accept_json(body, key, None, NOW_US).body)["results"]
        return [None if result["success"] else result["errors"][0]["code"] for result in results]

    assert codes(None) == ["unauthorized", None, "device_inactive"]
    assert codes("wrong") == ["unauthorized", None, "device_inactive"]
    assert codes("secret") == [None, None, "device_inactive"]
    assert codes("hub") == [None, None, "device_inactive"]
    admissions.invalidate(["open"])
    assert decide.accept_json(body, None, None, NOW_US).unknown_devices == ["open"]


def test_a_single_unknown_device_is_404_once_the_registry_said_so() -> None:
    admissions = core.Admissions(require_keys=False, allow_unknown=False)
    answer = registry_pb2.GetAdmissionsResponse()
    answer.admissions.add(device_id="d1", known=False)
    admissions.apply(answer.SerializeToString())
    acceptance = core.Decoder(admissions, 4).accept_json(json.dumps(item()).encode(), None, None, NOW_US)
    assert acceptance.status == 404
    assert json.loads(acceptance.body)["errors"][0] == {
        "field": "deviceId",
        "code": "device_not_found",
        "message": "the registry does not know the device",
    }


def test_grpc_and_json_say_the_same() -> None:
    batch = telemetry_gateway_pb2.SendMeasurementsBatchRequest()
    request = batch.requests.add(device_id="d1", timestamp=AT, device_metadata={"sequence": "9", "battery": "50"})
    request.measurements.add(metric="temp", value=36.6, unit="celsius")
    over_grpc = decoder().accept_grpc(batch.SerializeToString(), None, None, NOW_US)
    over_http = accept(
        item(metrics={"temp": {"value": 36.6, "unit": "celsius"}}, sequence=9, meta={"battery": 50}),
    )
    assert raw_observations(over_grpc) == raw_observations(over_http)
    response = telemetry_gateway_pb2.SendMeasurementsBatchResponse.FromString(over_grpc.body)
    assert response.accepted == 1
    assert response.results[0].status == telemetry_gateway_pb2.SUCCESS
    assert response.results[0].event_id == json.loads(over_http.body)["eventId"]


def test_grpc_names_the_fields_that_are_wrong() -> None:
    batch = telemetry_gateway_pb2.SendMeasurementsBatchRequest()
    bad = batch.requests.add(device_id="d1", timestamp="today")
    bad.measurements.add(metric="hr", value=math.nan)
    batch.requests.add(device_id="d2", timestamp=AT).measurements.add(metric="hr", value=0.0)
    acceptance = decoder().accept_grpc(batch.SerializeToString(), None, None, NOW_US)
    response = telemetry_gateway_pb2.SendMeasurementsBatchResponse.FromString(acceptance.body)
    assert (acceptance.status, response.accepted, response.rejected) == (207, 1, 1)
    assert response.results[0].status == telemetry_gateway_pb2.VALIDATION_ERROR
    for named in ("[0].timestamp", "[0].measurements[0].value", "not_finite"):
        assert named in response.results[0].message
    assert raw_observations(acceptance)[0].measurements[0].value == "0"


def check(acceptance: core.Acceptance) -> None:
    """What holds for every answer, whatever was sent."""
    assert acceptance.status in (202, 207) or 400 <= acceptance.status < 500
    assert (acceptance.status == 202) == (acceptance.rejected == 0 and acceptance.accepted > 0)
    assert len(raw_observations(acceptance)) == acceptance.accepted
    json.loads(acceptance.body)


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(body: bytes) -> None:
    once = accept(body)
    check(once)
    assert once.body == accept(body).body, "the answer depends on nothing but the request"


texts = st.text(alphabet="ab/0\x00\n\ud800é😀 ", max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["deviceId", "timestamp", "metrics", "units", "meta", "sequence", "x"]), json_values
        )
    )
)
def test_any_json_is_answered(items: list[dict[str, Any]]) -> None:
    # Unknown devices would leave it undecided; the names of devices are not what is tried here.
    for one in items:
        if isinstance(one.get("deviceId"), str):
            one["deviceId"] = "d1"
    check(accept([*items, item()]))


@given(st.data())
def test_a_damaged_body_is_answered(data: st.DataObject) -> None:
    body = bytearray(json.dumps([item(sequence=1, units={"hr": "bpm"}, meta={"battery": 5}), item()]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        cut = data.draw(st.sampled_from([0, 1]))
        body[at : at + cut] = data.draw(st.binary(max_size=2) | st.sampled_from([b"NaN", b"1e999", b'"', b"{", b"]"]))
    acceptance = accept(bytes(body))
    if not acceptance.unknown_devices:
        check(acceptance)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_é]{0,20}", fullmatch=True),
        st.floats(allow_nan=False, allow_infinity=False),
        min_size=1,
    ),
    st.none() | st.integers(0, 2**64 - 1),
)
def test_what_is_accepted_reads_back(metrics: dict[str, float], sequence: int | None) -> None:
    raw = raw_observations(accept(item(metrics=metrics, sequence=sequence)))[0]
    assert {m.metric: float(m.value) for m in raw.measurements} == metrics
    assert (raw.sequence if raw.HasField("sequence") else None) == sequence
