"""Controls: what is done to alarms by people and by the clock, as records of telemetry.enriched.

A control goes into the partition of whom it concerns, among the observations, so that it has one place in their
order: whoever reads the log again sees the same alarms. Every writer builds its controls here.

    made = control("acknowledge", patient_id="p-7", episode_id=alarm, actor="nurse.kim", idempotency_key=key)
    to = record_of(made, settings.bus_partitions)
    producer.send(to.topic, to.partition, to.value, key=to.key)
"""

import time
from typing import Literal, NamedTuple

from vigil import topology
from vigil.core import derive_id, partition_of
from vigil.pb import events_pb2 as pb

Action = Literal["acknowledge", "pause", "off", "resume", "component_down", "component_up"]


class ControlRecord(NamedTuple):
    """A control as a record of the log."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    event_id: bytes


def control(
    action: Action,
    *,
    patient_id: str = "",
    device_id: str = "",
    episode_id: bytes = b"",
    rule_id: str = "",
    until_us: int = 0,
    actor: str = "",
    reason: str = "",
    component: str = "",
    reporter: str = "",
    time_us: int | None = None,
    idempotency_key: str | None = None,
) -> pb.Control:
    """A control given at `time_us` (now, when None), in microseconds since the epoch.

    `patient_id` says whom it concerns, or `device_id` when no patient is linked to the device; a component is
    a device of its own name. Its id derives from the subject and `idempotency_key` where there is one, so that
    sending it again is a duplicate; else from all that it says, its time included. Raises `ValueError` when it
    concerns nobody.
    """
    device_id = device_id or ("" if patient_id else component)
    if not patient_id and not device_id:
        raise ValueError("a control needs a patient, a device or a component")
    made = pb.Control(
        action=f"CONTROL_ACTION_{action.upper()}",
        time_us=time.time_ns() // 1000 if time_us is None else time_us,
        patient_id=patient_id,
        device_id="" if patient_id else device_id,
        episode_id=episode_id,
        rule_id=rule_id,
        until_us=until_us,
        actor=actor,
        reason=reason,
        component=component,
        reporter=reporter,
    )
    if idempotency_key is None:
        made.event_id = derive_id("control", [made.SerializeToString(deterministic=True)])
    else:
        subject = f"patient:{patient_id}" if patient_id else f"device:{device_id}"
        made.event_id = derive_id("control-key", [action.encode(), subject.encode(), idempotency_key.encode()])
    return made


def record_of(made: pb.Control, partitions: int) -> ControlRecord:
    """Where the log takes the control: under the patient, or the orphan's device, as its observations are."""
    key = made.patient_id or made.device_id
    return _record(made, partition_of(key, partitions), key.encode())


def tick(partition: int, time_us: int) -> ControlRecord:
    """The clock of one partition: what is due there at `time_us` happens. Its key is its id, so that who wrote it
    recognises it when it comes back."""
    made = pb.Control(action=pb.CONTROL_ACTION_TICK, time_us=time_us)
    made.event_id = derive_id("tick", [partition.to_bytes(4, "big"), time_us.to_bytes(8, "big", signed=True)])
    return _record(made, partition, made.event_id)


def _record(made: pb.Control, partition: int, key: bytes) -> ControlRecord:
    value = pb.TelemetryBatch(controls=[made]).SerializeToString()
    return ControlRecord(topology.ENRICHED, partition, key, value, made.event_id)
