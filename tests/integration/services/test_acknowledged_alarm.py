"""A person acknowledges an incident: the engine stops the alarm's signal, says so once, and nothing goes in circles."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.enriched import header
from tests.support.platform import Platform, eventually
from vigil import core, topology
from vigil.pb import events_pb2 as pb

PATIENT = "p-acknowledged"


@pytest.fixture
def platform(tmp_path: Path, new_database: Callable[[], str], redis_url: str) -> Iterator[Platform]:
    env = {
        "POSTGRES_DSN": new_database(),
        "REDIS_URL": redis_url,
        "BUS_PREFIX": f"t{uuid.uuid4().hex[:10]}.",
        "ANOMALY_ENABLED": "false",
    }
    made = Platform(tmp_path, env)
    try:
        made.start(["rules-engine", "incident-service"])
        yield made
    finally:
        codes = made.close()
    assert set(codes.values()) <= {0}, codes


def observe(platform: Platform, heart_rate: float) -> None:
    head = header(uuid.uuid4().bytes, time.time_ns() // 1000, "monitor", PATIENT)
    vitals = pb.Vitals(signs=[pb.SIGN_HEART_RATE], values=[heart_rate], quality=[0])
    made = pb.Observation(header=head, vitals=vitals, context=pb.Context(patient_id=PATIENT))
    producer = platform.bus.producer()
    partition = core.partition_of(PATIENT, platform.settings.bus_partitions)
    producer.send(topology.ENRICHED, partition, pb.TelemetryBatch(observations=[made]).SerializeToString())
    producer.flush(10)
    producer.close()


def test_an_acknowledged_incident_stops_the_alarm_and_its_end_resolves_it(platform: Platform) -> None:
    url = platform.settings.http_url("incident-service")

    def incident() -> dict[str, Any] | None:
        items = httpx.get(f"{url}/incidents", params={"patientId": PATIENT}, timeout=10).json()["items"]
        return httpx.get(f"{url}/incidents/{items[0]['incidentId']}", timeout=10).json() if items else None

    observe(platform, 0.0)
    found = eventually("the asystole is an incident", incident) or {}
    act = {"action": "acknowledge", "actor": "nurse.kim", "note": "at the bedside"}
    httpx.patch(f"{url}/incidents/{found['incidentId']}", json=act, timeout=10).raise_for_status()
    eventually("the engine stopped the signal", lambda: (incident() or {})["presence"] == "acknowledged")
    observe(platform, 80.0)
    eventually("it is resolved", lambda: (incident() or {})["status"] == "resolved")
    whole = incident() or {}
    assert [(h["action"], h["actor"]) for h in whole["history"]] == [
        ("open", "system"),
        ("acknowledge", "nurse.kim"),
        ("resolve", "system"),
    ]
    assert [s["cause"] for s in whole["timeline"]] == ["condition", "acknowledged", "condition"]
    explained = httpx.get(f"{url}/incidents/{whole['incidentId']}/explanation", timeout=10).json()
    assert explained["timeline"][1]["text"].startswith("acknowledged by nurse.kim (at the bedside)")
