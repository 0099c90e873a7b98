"""The registry as a process of its own: gRPC, the relay to registry.changes, and a clean stop."""

from collections.abc import Iterator

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.support.events import records
from tests.support.platform import Platform, eventually
from vigil import core, topology
from vigil.pb import events_pb2, registry_pb2, registry_pb2_grpc

JANUARY_US = 1_767_225_600_000_000


@pytest.fixture(scope="module")
def running(platform: Platform) -> Platform:
    platform.start(["registry"])
    return platform


@pytest.fixture(scope="module")
def rest(running: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.settings.http_url("registry"), timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def channel(running: Platform) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(running.settings.grpc_target("registry")) as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel: grpc.Channel, rest: httpx.Client) -> registry_pb2_grpc.RegistryStub:
    patient = {
        "patientId": "p", "age": 71, "gender": "female", "medicalConditions": ["copd"], "ward": "ICU-A", "bed": "3",
        "baseline": {"heart_rate": 66}, "metadata": {"study": 7, "consent": True},
    }  # fmt: skip
    limits = {"heart_rate": {"low": 45, "criticalHigh": 150}}
    for path, body in (
        ("/patients", patient),
        ("/devices", {"deviceId": "d", "deviceType": "monitor", "key": "a-key-of-sixteen-or-more"}),
        ("/devices", {"deviceId": "free", "deviceType": "monitor", "status": "inactive"}),
        ("/devices/link", {"deviceId": "d", "patientId": "p", "from": "2026-01-01T00:00:00Z"}),
        ("/thresholds", {"patientId": "p", "limits": limits}),
        ("/hubs", {"hubId": "h", "key": "hub-key-of-sixteen-or-more"}),
    ):
        assert rest.post(path, json=body).status_code == 201
    return registry_pb2_grpc.RegistryStub(channel)  # type: ignore[no-untyped-call]


def test_single_look_ups(stub: registry_pb2_grpc.RegistryStub) -> None:
    device = stub.GetDevice(registry_pb2.GetDeviceRequest(version="1", device_id="d"))
    assert device.status == registry_pb2.SUCCESS
    assert (device.device.patient_id, device.device.device_type, device.device.status) == ("p", "monitor", "active")
    patient = stub.GetPatient(registry_pb2.GetPatientRequest(version="1", patient_id="p"))
    assert (patient.patient.age, patient.patient.gender) == (71, "female")
    assert dict(patient.patient.metadata) == {"study": "7", "consent": "true"}
    for request in ({"patient_id": "p"}, {"device_id": "d"}):
        profile = stub.GetThresholdProfile(registry_pb2.GetThresholdProfileRequest(version="1", **request))
        assert profile.profile.version == 1
        assert list(profile.profile.limits) == [
            events_pb2.Limit(sign=events_pb2.SIGN_HEART_RATE, low=45, critical_high=150)
        ]
    assert stub.GetDevice(registry_pb2.GetDeviceRequest(device_id="none")).status == registry_pb2.NOT_FOUND
    assert stub.GetDevice(registry_pb2.GetDeviceRequest()).status == registry_pb2.INVALID_ARGUMENT
    nobody = registry_pb2.GetThresholdProfileRequest(device_id="free")
    assert stub.GetThresholdProfile(nobody).status == registry_pb2.NOT_FOUND


def test_contexts_come_in_batches_known_or_not(stub: registry_pb2_grpc.RegistryStub) -> None:
    answer = stub.GetContexts(registry_pb2.GetContextsRequest(version="1", device_ids=["d", "free", "none", "d"]))
    linked, free, none = answer.devices
    assert (linked.device_id, linked.known, free.known, none.known) == ("d", True, True, False)
    assert list(free.links) == []
    (link,) = linked.links
    assert (link.from_us, link.to_us) == (JANUARY_US, 0)
    context = link.context
    assert (context.patient_id, context.age_years, context.sex, context.ward, context.bed) == (
        "p",
        71,
        "female",
        "ICU-A",
        "3",
    )
    assert list(context.conditions) == ["copd"]
    assert list(context.baseline) == [events_pb2.Baseline(sign=events_pb2.SIGN_HEART_RATE, value=66)]
    assert context.limits[0].low == 45
    assert not context.limits[0].HasField("high")
    # The core takes what the registry gives.
    table = core.ContextTable()
    assert table.apply(answer.SerializeToString()) >= 2


def test_admissions_carry_digests_and_never_keys(stub: registry_pb2_grpc.RegistryStub) -> None:
    import hashlib

    answer = stub.GetAdmissions(registry_pb2.GetAdmissionsRequest(version="1", device_ids=["d", "free", "none"]))
    by_id = {a.device_id: a for a in answer.admissions}
    assert by_id["d"].key_sha256 == hashlib.sha256(b"a-key-of-sixteen-or-more").digest()
    assert (by_id["free"].known, by_id["free"].active, by_id["free"].key_sha256) == (True, False, b"")
    assert not by_id["none"].known
    assert list(answer.hub_key_sha256) == [hashlib.sha256(b"hub-key-of-sixteen-or-more").digest()]
    assert len(stub.GetAdmissions(registry_pb2.GetAdmissionsRequest(device_ids=["-", "\0"])).admissions) == 1


def test_ten_thousand_ids_in_one_call_and_not_one_more(stub: registry_pb2_grpc.RegistryStub) -> None:
    ids = [f"x{i}" for i in range(10_000)]
    assert len(stub.GetContexts(registry_pb2.GetContextsRequest(device_ids=ids)).devices) == 10_000
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetContexts(registry_pb2.GetContextsRequest(device_ids=[*ids, "y"]))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_health_and_reflection(stub: registry_pb2_grpc.RegistryStub, channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", "registry.Registry"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    listed = next(iter(reflection.ServerReflectionInfo(iter([request]))))
    assert "registry.Registry" in {s.name for s in listed.list_services_response.service}
    symbol = reflection_pb2.ServerReflectionRequest(file_containing_symbol="registry.Registry")
    described = next(iter(reflection.ServerReflectionInfo(iter([symbol]))))
    assert described.file_descriptor_response.file_descriptor_proto


def test_changes_reach_the_log_keyed_by_entity(
    stub: registry_pb2_grpc.RegistryStub, rest: httpx.Client, running: Platform
) -> None:
    rest.patch("/patients/p", json={"ward": "Ward-2"}).raise_for_status()

    def changes() -> list[tuple[int, bytes | None, events_pb2.RegistryChange]]:
        found = records(running, topology.REGISTRY_CHANGES)
        return [(r.partition, r.key, events_pb2.RegistryChange.FromString(r.value)) for r in found]

    def of_the_patient() -> list[tuple[int, bytes | None, events_pb2.RegistryChange]]:
        return [c for c in changes() if c[2].entity == events_pb2.REGISTRY_ENTITY_PATIENT]

    ((partition, key, change),) = eventually("the change is published", of_the_patient)
    assert (key, change.patient_id, list(change.device_ids)) == (b"patient:p", "p", ["d"])
    assert partition == core.partition_of("patient:p", running.settings.bus_partitions)
    assert len(change.header.event_id) == 16
    ids = [c.header.event_id for _, _, c in changes()]
    assert len(ids) == len(set(ids))
    # The limits' change has the patient's key: the log may keep the later of the two only.
    assert {c.entity for _, _, c in changes()} >= {1, 2, 4}


def test_what_was_not_sent_is_sent_after_a_crash(rest: httpx.Client, running: Platform) -> None:
    # The log is held up: changes are written, and the registry dies before they are published.
    running.kill("registry")
    running.spawn("registry")
    running.wait_ready("registry")
    rest.post("/devices", json={"deviceId": "after", "deviceType": "monitor"}).raise_for_status()
    running.kill("registry")
    running.spawn("registry")
    running.wait_ready("registry")

    def published() -> bool:
        return any(
            "after" in events_pb2.RegistryChange.FromString(r.value).device_ids
            for r in records(running, topology.REGISTRY_CHANGES)
        )

    eventually("the change is published", published)


def test_it_drains_on_sigterm(running: Platform) -> None:
    assert running.stop("registry") == 0
