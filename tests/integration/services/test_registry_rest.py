"""The registry's routes over real PostgreSQL."""

import time
from typing import Any

import httpx
import pytest
from httpx import AsyncClient as Client

from services.registry.routes import answers


def errors(answer: httpx.Response) -> set[tuple[str, str]]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert len(body["trace_id"]) == 32
    return {(e["field"], e["code"]) for e in body["errors"]}


async def test_registering_the_same_again_changes_nothing(registry: Client) -> None:
    body = {"patientId": "p-1", "age": 71, "gender": "female", "ward": "ICU-A", "medicalConditions": ["copd"]}
    first = await registry.post("/patients", json=body)
    again = await registry.post("/patients", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == (await registry.get("/patients/p-1")).json()
    answers.Patient.model_validate_json(first.content)
    other = await registry.post("/patients", json=body | {"age": 72})
    assert other.status_code == 409
    assert errors(other) == {("patientId", "conflict")}
    assert (await registry.get("/patients/p-1")).json()["age"] == 71


async def test_a_patient_without_an_id_gets_one(registry: Client) -> None:
    made = await registry.post("/patients", json={"birthDate": "1950-05-01"})
    found = await registry.get(made.headers["location"])
    assert found.json()["patientId"] == made.json()["patientId"]
    assert found.json()["age"] >= 75


async def test_an_array_is_all_or_nothing_and_names_every_wrong_item(registry: Client) -> None:
    rows: list[dict[str, Any]] = [{"patientId": f"p-{i}", "age": i} for i in range(3)]
    answer = await registry.post("/patients", json=[*rows, {"patientId": "p-3", "age": True}, {"agee": 1}])
    assert answer.status_code == 422
    assert errors(answer) == {("[3].age", "wrong_type"), ("[4].agee", "unknown_field")}
    assert (await registry.get("/patients")).json()["total"] == 0
    answer = await registry.post("/patients", json=rows)
    assert answer.json()["created"] == 3
    answer = await registry.post("/patients", json=[*rows, {"patientId": "p-3"}])
    assert (answer.json()["created"], answer.json()["unchanged"]) == (1, 3)
    clash = await registry.post("/patients", json=[{"patientId": "p-9"}, {"patientId": "p-1", "age": 50}])
    assert errors(clash) == {("[1].patientId", "conflict")}
    assert (await registry.get("/patients/p-9")).status_code == 404


async def test_a_changed_patient_keeps_what_is_not_named(registry: Client) -> None:
    await registry.post("/patients", json={"patientId": "p", "age": 60, "ward": "A", "baseline": {"heartRate": 70}})
    changed = (await registry.patch("/patients/p", json={"ward": "B", "age": None, "birth_date": "1960-01-01"})).json()
    assert (changed["ward"], changed["birthDate"], changed["baseline"]) == ("B", "1960-01-01", {"heart_rate": 70.0})
    refused = await registry.patch("/patients/p", json={"spo2Scale": 2, "foo": 1})
    assert refused.status_code == 422
    assert errors(refused) == {("foo", "unknown_field")}
    assert (await registry.patch("/patients/nobody", json={"ward": "B"})).status_code == 404


async def test_a_device_key_is_shown_once_and_kept_as_a_digest(registry: Client, registry_pool: Any) -> None:
    body = {"deviceId": "d", "deviceType": "pulse_oximeter", "generateKey": True}
    key = (await registry.post("/devices", json=body)).json()["key"]
    assert "key" not in (await registry.post("/devices", json=body)).json()
    assert "key" not in (await registry.get("/devices/d")).json()
    everything = str(await registry_pool.fetch("SELECT * FROM devices"))
    assert key not in everything
    fresh = (await registry.patch("/devices/d", json={"generateKey": True})).json()["key"]
    assert fresh != key
    assert (await registry.patch("/devices/d", json={"key": None})).json()["hasKey"] is False


async def test_a_device_status_is_one_of_three(registry: Client) -> None:
    await registry.post("/devices", json={"deviceId": "d", "deviceType": "monitor"})
    assert (await registry.patch("/devices/d", json={"status": "maintenance"})).json()["status"] == "maintenance"
    answer = await registry.patch("/devices/d", json={"status": "broken"})
    assert errors(answer) == {("status", "invalid_value")}
    listed = (await registry.get("/devices", params={"status": "maintenance"})).json()
    assert [d["deviceId"] for d in listed["items"]] == ["d"]


async def test_a_device_moves_from_patient_to_patient(registry: Client) -> None:
    await registry.post("/patients", json=[{"patientId": "a"}, {"patientId": "b"}])
    await registry.post("/devices", json={"deviceId": "d", "deviceType": "monitor"})
    link = {"deviceId": "d", "patientId": "a", "from": "2026-01-01T10:00:00+02:00"}
    first = await registry.post("/devices/link", json=link)
    assert (first.status_code, first.json()["from"], first.json()["result"]) == (201, "2026-01-01T08:00:00Z", "linked")
    assert (await registry.post("/devices/link", json=link)).status_code == 200
    second = await registry.post("/devices/link", json={"device_id": "d", "patient_id": "b"})
    assert second.json()["formerPatientId"] == "a"
    device = (await registry.get("/devices/d")).json()
    assert device["patientId"] == "b"
    assert [x["patientId"] for x in device["links"]] == ["a", "b"]
    assert device["links"][0]["to"] == device["links"][1]["from"]
    await registry.post("/devices/link", json={"deviceId": "d", "patientId": None})
    assert (await registry.get("/devices/d")).json()["patientId"] is None


async def test_a_link_names_what_is_not_registered(registry: Client) -> None:
    await registry.post("/devices", json={"deviceId": "d", "deviceType": "monitor"})
    answer = await registry.post(
        "/devices/link", json=[{"deviceId": "d", "patientId": "x"}, {"deviceId": "y", "patientId": None}]
    )
    assert answer.status_code == 404
    assert errors(answer) == {("[0].patientId", "not_found"), ("[1].deviceId", "not_found")}
    late = await registry.post(
        "/devices/link", json={"deviceId": "d", "patientId": None, "from": "2090-01-01T00:00:00Z"}
    )
    assert errors(late) == {("from", "timestamp_out_of_range")}


async def test_limits_are_versioned(registry: Client) -> None:
    await registry.post("/patients", json={"patientId": "p"})
    body = {"patientId": "p", "limits": {"heartRate": {"low": 50, "high": 110}}}
    first = await registry.post("/thresholds", json=body)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert (await registry.post("/thresholds", json=body)).status_code == 200
    second = await registry.post("/thresholds", json=body | {"limits": {"heart_rate": {"low": 40}}})
    assert second.json()["version"] == 2
    answers.Thresholds.model_validate_json(second.content)
    assert (await registry.get("/thresholds/p")).json()["limits"] == {"heart_rate": {"low": 40.0}}
    assert (await registry.get("/thresholds/p", params={"version": 1})).json()["current"] is False
    assert (await registry.get("/thresholds")).json()["total"] == 1
    assert (await registry.post("/thresholds", json=body | {"patientId": "x"})).status_code == 404


async def test_lists_have_pages(registry: Client) -> None:
    await registry.post("/devices", json=[{"deviceId": f"d{i}", "deviceType": "m"} for i in range(5)])
    page = (await registry.get("/devices", params={"page": 2, "limit": 2})).json()
    assert [d["deviceId"] for d in page["items"]] == ["d2", "d3"]
    assert (page["total"], page["page"], page["limit"]) == (5, 2, 2)
    wrong = await registry.get("/devices", params={"page": 0, "limit": 2000, "sort": "x"})
    assert errors(wrong) == {("page", "out_of_range"), ("limit", "out_of_range"), ("sort", "unknown_field")}


async def test_hubs_have_keys_of_their_own(registry: Client) -> None:
    made = await registry.post("/hubs", json={"hubId": "h", "generateKey": True})
    assert len(made.json()["key"]) >= 32
    assert (await registry.patch("/hubs/h", json={"status": "revoked"})).json()["status"] == "revoked"
    taken = await registry.post("/hubs", json={"hubId": "i", "key": made.json()["key"]})
    assert errors(taken) == {("key", "conflict")}


async def test_every_change_of_a_context_is_noted_with_its_devices(registry: Client, registry_pool: Any) -> None:
    await registry.post("/patients", json=[{"patientId": "a"}, {"patientId": "b"}])
    await registry.post("/devices", json=[{"deviceId": f"d{i}", "deviceType": "m"} for i in range(3)])
    await registry.post("/devices/link", json=[{"deviceId": f"d{i}", "patientId": "a"} for i in range(2)])
    await registry_pool.execute("DELETE FROM outbox")
    await registry.patch("/patients/a", json={"ward": "B"})
    await registry.post("/thresholds", json={"patientId": "a", "limits": {"spo2": {"low": 88}}})
    await registry.patch("/devices/d2", json={"status": "inactive"})
    await registry.post("/devices/link", json={"deviceId": "d0", "patientId": "b"})
    await registry.patch("/patients/b", json={"nonsense": 1})
    rows = await registry_pool.fetch("SELECT entity, key, device_ids FROM outbox ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        (2, "patient:a", ["d0", "d1"]),
        (3, "patient:a", ["d0", "d1"]),
        (1, "device:d2", ["d2"]),
        (4, "device:d0", ["d0"]),
    ]


async def test_twenty_thousand_devices_register_and_link_in_seconds(registry: Client) -> None:
    count, began = 20_000, time.monotonic()
    for path, rows in (
        ("/patients", [{"patientId": f"p{i}", "age": 60, "ward": "A"} for i in range(count)]),
        ("/devices", [{"deviceId": f"d{i}", "deviceType": "m"} for i in range(count)]),
        (
            "/devices/link",
            [{"deviceId": f"d{i}", "patientId": f"p{i}", "from": "2020-01-01T00:00:00Z"} for i in range(count)],
        ),
    ):
        for at in range(0, count, 10_000):
            assert (await registry.post(path, json=rows[at : at + 10_000])).status_code == 201
    assert time.monotonic() - began < 40
    assert (await registry.get("/devices", params={"patientId": "p19999"})).json()["total"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b"null", 422),
        (b"3", 422),
        (b'"x"', 422),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"deviceId":"a","deviceId":"a","deviceType":"m"}', 422),
        (b'{"deviceId":"a","deviceType":"m","metadata":{"x":NaN}}', 400),
        (b'{"deviceId":"a","deviceType":"m","metadata":{"x":Infinity}}', 400),
        (b'{"deviceId":"a","deviceType":"m","metadata":{"x":1e999}}', 422),
        (b'{"deviceId":"a","deviceType":"m","metadata":{"x":[1]}}', 422),
        (b'{"deviceId":"a\\u0000","deviceType":"m"}', 422),
        (b'{"deviceId":"\\ud800","deviceType":"m"}', 422),
        (b'{"deviceId":1,"deviceType":"m"}', 422),
        (b'{"deviceId":"a","deviceType":true}', 422),
        (b'{"deviceId":"a","deviceType":"m","status":null}', 422),
        (b'{"deviceId":"a","deviceType":"m","\\ud800":1}', 422),
        (b'{"deviceId":"a","deviceType":"m","metadata":{"x":' + b"9" * 5000 + b"}}", 400),
    ],
)
async def test_bad_bodies_are_refused_with_a_problem(registry: Client, body: bytes, status: int) -> None:
    answer = await registry.post("/devices", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert errors(answer)
    assert (await registry.get("/devices")).json()["total"] == 0


async def test_other_refusals_are_problems_too(registry: Client) -> None:
    assert errors(await registry.get("/nothing")) == {("", "not_found")}
    deleted = await registry.delete("/devices")
    assert (deleted.status_code, errors(deleted)) == (405, {("", "method_not_allowed")})
    plain = await registry.post("/devices", content=b"x", headers={"content-type": "text/plain"})
    assert (plain.status_code, errors(plain)) == (415, {("content-type", "unsupported_media_type")})
    for path in ("/devices/%00", "/patients/%00", "/thresholds/a%00b", "/hubs/%00"):
        assert (await registry.get(path)).status_code == 404
    assert errors(await registry.get("/devices?patientId=%00")) == {("patientId", "invalid_text")}
    huge = await registry.post("/devices", content=b" " * 32_000_001, headers={"content-type": "application/json"})
    assert (huge.status_code, errors(huge)) == (413, {("", "too_large")})


async def test_a_trace_id_comes_from_the_traceparent_or_is_made(registry: Client, registry_pool: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    header = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = await registry.post("/devices", json={"deviceId": "d", "deviceType": "m"}, headers=header)
    assert answer.headers["x-trace-id"] == trace
    assert (await registry_pool.fetchval("SELECT trace_id FROM outbox")).hex() == trace
    assert (await registry.get("/none", headers=header)).json()["trace_id"] == trace
    assert (await registry.get("/none", headers={"traceparent": "00-0-0-0"})).json()["trace_id"] != trace
