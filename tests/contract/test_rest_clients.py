"""A client that knows the contract's routes and nothing of ours: registry and incidents, as processes."""

import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.conftest import unique
from tests.support.alerts import HIGH, START, alert
from tests.support.platform import Platform, eventually
from vigil import core, topology


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str], redis_url: str
) -> Iterator[Platform]:
    env = {"POSTGRES_DSN": new_database(), "REDIS_URL": redis_url, "BUS_PREFIX": unique("t") + "."}
    made = Platform(tmp_path_factory.mktemp("platform"), env)
    made.start(["registry", "incident-service"])
    yield made
    made.close()


def test_a_patient_a_device_and_the_link_between_them(platform: Platform) -> None:
    with httpx.Client(base_url=platform.settings.http_url("registry")) as client:
        patient = {
            "patient_id": "contract-p", "age": 64, "gender": "male", "medical_conditions": ["hypertension"],
            "medications": ["aspirin"], "allergies": ["penicillin"], "metadata": {"source": "contract"},
        }  # fmt: skip
        device = {"device_id": "contract-d", "device_type": "pulse_oximeter", "status": "active", "metadata": {}}
        assert client.post("/patients", json=patient).status_code == 201
        assert client.post("/devices", json=device).status_code == 201
        assert client.post("/devices/link", json={"device_id": "contract-d", "patient_id": "contract-p"}).is_success
        limits = {"heart_rate": {"low": 50, "high": 110}}
        assert client.post("/thresholds", json={"patient_id": "contract-p", "limits": limits}).is_success
        assert client.get("/patients/contract-p").json()["patientId"] == "contract-p"
        assert client.get("/devices/contract-d").json()["patientId"] == "contract-p"
        assert client.patch("/devices/contract-d", json={"status": "maintenance"}).json()["status"] == "maintenance"
        assert client.get("/thresholds/contract-p").json()["limits"]["heart_rate"]["low"] == 50
        for path in ("/patients", "/devices", "/thresholds"):
            assert client.get(path).json()["total"] == 1
        refused = client.post("/patients", json={"age": "old", "gender": 3})
        assert refused.status_code == 422
        assert refused.headers["content-type"] == "application/problem+json"
        assert {e["field"] for e in refused.json()["errors"]} == {"age", "gender"}


def test_an_incident_is_found_acknowledged_assigned_commented_and_resolved(platform: Platform) -> None:
    event = alert(uuid.uuid4(), 0, START, HIGH, patient_id="contract-p")
    producer = platform.bus.producer()
    partition = core.partition_of("contract-p", platform.settings.bus_partitions)
    producer.send(topology.ALERTS, partition, event.SerializeToString(), key=b"contract-p")
    producer.flush(10)
    producer.close()
    with httpx.Client(base_url=platform.settings.http_url("incident-service")) as client:
        wanted = {"status": "open", "severity": "high", "patientId": "contract-p", "page": 1, "limit": 100}
        (found,) = eventually("the incident", lambda: client.get("/incidents", params=wanted).json()["items"])
        route = f"/incidents/{found['incidentId']}"
        for act, status in (
            ({"action": "acknowledge"}, "acknowledged"),
            ({"action": "assign", "assignee": "dr.lee"}, "acknowledged"),
            ({"action": "comment", "note": "seen"}, "acknowledged"),
            ({"action": "resolve"}, "resolved"),
        ):
            answer = client.patch(route, json={"actor": "nurse.kim", **act})
            assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert client.get(route).json()["owner"] == "dr.lee"
        assert client.get("/incidents", params={"limit": 101}).status_code == 422
