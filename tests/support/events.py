"""What is on the topics, read from the log itself and parsed with the generated messages only."""

from collections.abc import Iterator

from tests.support.platform import Platform
from vigil import topology
from vigil.bus.port import Record
from vigil.pb import events_pb2


def records(platform: Platform, topic: str) -> Iterator[Record]:
    """Every record of a topic, partition by partition."""
    for held in platform.bus.ranges(topic):
        yield from platform.bus.read(held.position, held.low, held.high)


def alerts(platform: Platform) -> list[events_pb2.AlertEvent]:
    """Every alert raised so far, repetitions included."""
    return [events_pb2.AlertEvent.FromString(r.value) for r in records(platform, topology.ALERTS)]


def observations(platform: Platform, topic: str) -> list[events_pb2.Observation]:
    """Every observation of a topic after the gateway's, repetitions included."""
    batches = (events_pb2.TelemetryBatch.FromString(r.value) for r in records(platform, topic))
    return [o for batch in batches for o in batch.observations]


def raw(platform: Platform) -> list[events_pb2.RawObservation]:
    """Every raw observation, repetitions included."""
    batches = (events_pb2.TelemetryBatch.FromString(r.value) for r in records(platform, topology.RAW))
    return [o for batch in batches for o in batch.raw]
