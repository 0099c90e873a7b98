"""What the log holds of one patient up to a moment, fed to an engine of its own.

The partition is read once; of each record only the patient's observations, what people did about the patient, and
the ticks of the clock are kept, under the record's own offset, so the engine goes through what the live one did.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vigil import topology
from vigil.bus.port import Bus, Record, TopicPartition
from vigil.core import Engine, partition_of
from vigil.pb import events_pb2 as pb

if TYPE_CHECKING:
    from vigil.model import Scoring

_CHUNK = 256
_CONTROL_TAG = 0x1A  # a batch without observations begins with its first control


class Who(NamedTuple):
    """A patient, or the device that belongs to nobody."""

    patient_id: str
    device_id: str

    @property
    def key(self) -> str:
        """What enrichment keys its observations by."""
        return self.patient_id or self.device_id

    def owns(self, patient_id: str, device_id: str) -> bool:
        """Whether an observation or a control concerns it."""
        return patient_id == self.patient_id if self.patient_id else not patient_id and device_id == self.device_id


class Kept(NamedTuple):
    """What is kept of a record."""

    offset: int
    appended_us: int
    batch: pb.TelemetryBatch


@dataclass
class Past:
    """The patient's part of the log."""

    who: Who
    partition: int
    at_us: int
    kept: list[Kept] = field(default_factory=list)
    begins_us: int = 0  # when the first record that the log still holds was appended; 0 = it holds none
    trimmed: bool = False  # it has dropped its beginning
    observations: int = 0
    last_us: int = 0  # event time of the last observation up to the moment; 0 = none
    later: int = 0  # observations after the moment, left out
    live_version: str = ""  # rule set of the last scored observation up to the moment

    def values(self, sign: int, since_us: int) -> list[tuple[int, float]]:
        """(event time, value) of a sign's usable values since then, in time order."""
        found = []
        for kept in self.kept:
            for observation in kept.batch.observations:
                at_us, vitals = observation.header.event_time_us, observation.vitals
                for i, name in enumerate(vitals.signs):
                    usable = not (vitals.quality[i] & ~pb.QUALITY_CONVERTED if i < len(vitals.quality) else 0)
                    if name == sign and usable and at_us >= since_us:
                        found.append((at_us, vitals.values[i]))
        return sorted(found)


def read(log: Bus, who: Who, at_us: int, partitions: int) -> Past:
    """Reads the patient's partition of telemetry.enriched, and the live rule set's version of telemetry.scored."""
    past = Past(who, partition_of(who.key, partitions), at_us)
    kept: list[Kept] = []
    last = -1
    for record in _records(log, topology.ENRICHED, past):
        batch = _concerning(record, past)
        if batch is None:
            continue
        if batch.observations:
            last = len(kept)
        kept.append(Kept(record.offset, record.timestamp_ms * 1000, batch))
    # Beyond the last observation only the clock goes on; before it, what the log's order says counts.
    past.kept = kept[: last + 1] + [k for k in kept[last + 1 :] if _given_until(k.batch, at_us)]
    past.live_version = _live_version(log, past)
    return past


def feed(past: Past, engine: Engine, model: "Scoring | None") -> list[bytes]:
    """Takes an engine that is new through the past; returns the alerts it raises on the way."""
    engine.assign(past.partition)
    alerts: list[bytes] = []
    for start in range(0, len(past.kept), _CHUNK):
        chunk = past.kept[start : start + _CHUNK]
        now_us = max(kept.appended_us for kept in chunk)
        values = [kept.batch.SerializeToString() for kept in chunk]
        pending = engine.begin(topology.ENRICHED, past.partition, [k.offset for k in chunk], values, now_us)
        scores, version = None, ""
        if model is not None and pending.rows:
            scores, version = model.score(pending.features, pending.rows), model.version
        alerts += [value for _, _, value in engine.finish(pending, scores, version, now_us).alerts]
    return alerts


def _records(log: Bus, topic: str, past: Past) -> Iterable[Record]:
    for held in log.ranges(topic):
        if held.position == TopicPartition(topic, past.partition):
            if topic == topology.ENRICHED:
                past.trimmed = held.low > 1
            for record in log.read(held.position, held.low, held.high):
                if topic == topology.ENRICHED and not past.begins_us:
                    past.begins_us = record.timestamp_ms * 1000
                yield record


def _concerning(record: Record, past: Past) -> pb.TelemetryBatch | None:
    """The record without what concerns others; None when nothing is left."""
    who, value = past.who, record.value
    if who.key.encode() not in value and value[:1] != bytes([_CONTROL_TAG]):
        return None
    whole, kept = pb.TelemetryBatch.FromString(value), pb.TelemetryBatch()
    for observation in whole.observations:
        header = observation.header
        if not who.owns(header.patient_id, header.device_id):
            continue
        if header.event_time_us > past.at_us:
            past.later += 1
            continue
        past.observations += 1
        past.last_us = max(past.last_us, header.event_time_us)
        kept.observations.append(observation)
    kept.controls.extend(
        c for c in whole.controls if c.action == pb.CONTROL_ACTION_TICK or who.owns(c.patient_id, c.device_id)
    )
    return kept if kept.observations or kept.controls else None


def _given_until(batch: pb.TelemetryBatch, at_us: int) -> bool:
    return all(control.time_us <= at_us for control in batch.controls)


def _live_version(log: Bus, past: Past) -> str:
    """The version of the rule set that the last scored observation up to the moment names."""
    newest, version = 0, ""
    wanted = past.who.key.encode()
    for record in _records(log, topology.SCORED, past):
        if wanted not in record.value:
            continue
        for observation in pb.TelemetryBatch.FromString(record.value).observations:
            header = observation.header
            if past.who.owns(header.patient_id, header.device_id) and newest <= header.event_time_us <= past.at_us:
                newest, version = header.event_time_us, observation.scores.rule_set_version
    return version
