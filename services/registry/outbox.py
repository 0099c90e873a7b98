"""A row of the registry's outbox as a record of registry.changes."""

import time
from typing import Any

from vigil import core, topology
from vigil.pb import events_pb2
from vigil.runtime.outbox import OutboxRecord


def record_of(row: Any, partitions: int) -> OutboxRecord:
    """The record of a row, compacted under the row's key."""
    partition = core.partition_of(row["key"], partitions)
    return OutboxRecord(topology.REGISTRY_CHANGES, partition, row["key"].encode(), to_change(row).SerializeToString())


def to_change(row: Any) -> events_pb2.RegistryChange:
    """The event of an outbox row; its id is the row's, so that a repetition is recognised."""
    device_ids = row["device_ids"]
    changed_us = int(row["created_at"].timestamp() * 1e6)
    return events_pb2.RegistryChange(
        header=events_pb2.Header(
            event_id=row["event_id"].bytes,
            trace_id=row["trace_id"],
            event_type=events_pb2.EVENT_TYPE_REGISTRY_CHANGE,
            version=1,
            event_time_us=changed_us,
            ingest_time_us=changed_us,
            process_time_us=time.time_ns() // 1000,
            device_id=device_ids[0] if len(device_ids) == 1 else "",
            patient_id=row["patient_id"],
        ),
        entity=row["entity"],
        patient_id=row["patient_id"],
        device_ids=device_ids,
    )
