"""Controls: their ids, their place in the log, and that they concern somebody."""

import pytest

from vigil import topology
from vigil.controls import control, record_of, tick
from vigil.core import partition_of
from vigil.pb import events_pb2 as pb

PARTITIONS = 8


def test_the_same_key_gives_the_same_id_whatever_the_time() -> None:
    first = control("acknowledge", patient_id="p", actor="a", time_us=1, idempotency_key="k")
    again = control("acknowledge", patient_id="p", actor="a", time_us=2, idempotency_key="k")
    other = control("acknowledge", patient_id="q", actor="a", time_us=1, idempotency_key="k")
    assert first.event_id == again.event_id != other.event_id


def test_without_a_key_the_content_is_the_identity() -> None:
    made = [control("off", patient_id="p", rule_id=rule, actor="a", reason="r", time_us=1) for rule in ("x", "x", "y")]
    assert made[0].event_id == made[1].event_id != made[2].event_id
    assert len(made[0].event_id) == 16


def test_a_patients_control_stands_where_the_patients_observations_do() -> None:
    record = record_of(control("resume", patient_id="p-7", device_id="d", actor="a", time_us=1), PARTITIONS)
    batch = pb.TelemetryBatch.FromString(record.value)
    assert (record.topic, record.key) == (topology.ENRICHED, b"p-7")
    assert record.partition == partition_of("p-7", PARTITIONS)
    assert batch.controls[0].event_id == record.event_id
    assert batch.controls[0].device_id == "", "the subject is the patient, whatever the device"


def test_an_orphans_and_a_components_control_stand_under_the_device() -> None:
    orphan = record_of(control("pause", device_id="d-1", until_us=9, time_us=1), PARTITIONS)
    down = control("component_down", component="anomaly-service", reporter="r", time_us=1)
    assert orphan.partition == partition_of("d-1", PARTITIONS)
    assert down.device_id == "anomaly-service"
    assert record_of(down, PARTITIONS).key == b"anomaly-service"


def test_a_control_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a patient"):
        control("off", actor="a", reason="r")


def test_a_tick_concerns_its_partition() -> None:
    record = tick(3, 1_700_000_000_000_000)
    batch = pb.TelemetryBatch.FromString(record.value)
    assert record.partition == 3
    assert batch.controls[0].action == pb.CONTROL_ACTION_TICK
    assert tick(4, 1_700_000_000_000_000).event_id != record.event_id
