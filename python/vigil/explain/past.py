"""What the log holds of one patient up to a moment, fed to an engine of its own.

The partition is read once; of each record only the patient's observations, what people did about the patient, and
the ticks of the clock are kept, under the record's own offset, so the engine goes through what the live one did.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, NamedTuple

from vigil import topology
from vigil.bus.port import Bus, Record, TopicPartition
from vigil.core import Engine, partition_of, score_names
from vigil.pb import events_pb2 as pb

if TYPE_CHECKING:
    from vigil.model import Scoring

_CHUNK = 256
_NOT_EVALUATED = pb.OBSERVATION_FLAG_LATE | pb.OBSERVATION_FLAG_DUPLICATE
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
    live_scores: dict[str, float] | None = None  # of it, by column; empty: the model had none; None: it is not left
    made_scores: dict[str, float] = field(default_factory=dict)  # of the last observation, made again

    @property
    def scores(self) -> dict[str, float]:
        """What the model said of the last observation: when it was live, or, when that is not left, made again."""
        return self.made_scores if self.live_scores is None else self.live_scores

    def heard(self) -> list[tuple[str, int, float, int]]:
        """The last usable value of each sign by type of device: (type, sign, value, event time)."""
        last: dict[tuple[str, int], tuple[float, int]] = {}
        for kept in self.kept:
            for observation in kept.batch.observations:
                vitals, at_us = observation.vitals, observation.header.event_time_us
                for sign, value in _usable(vitals):
                    key = (vitals.device_type, sign)
                    if at_us >= last.get(key, (0.0, at_us))[1]:
                        last[key] = (value, at_us)
        return [(device_type, sign, *found) for (device_type, sign), found in last.items()]

    def values(self, sign: int, since_us: int) -> list[tuple[int, float]]:
        """(event time, value) of a sign's usable values since then, in time order."""
        found = []
        for kept in self.kept:
            for observation in kept.batch.observations:
                at_us, vitals = observation.header.event_time_us, observation.vitals
                found += [(at_us, value) for name, value in _usable(vitals) if name == sign and at_us >= since_us]
        return sorted(found)


def _usable(vitals: pb.Vitals) -> Iterable[tuple[int, float]]:
    for i, sign in enumerate(vitals.signs):
        if not (vitals.quality[i] & ~pb.QUALITY_CONVERTED if i < len(vitals.quality) else 0):
            yield sign, vitals.values[i]


def read(log: Bus, who: Who, at_us: int, partitions: int) -> Past:
    """Reads the patient's partition of telemetry.enriched; of telemetry.scored what was live: rule set and scores."""
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
    _live(log, past)
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
            past.made_scores = _last_row(scores)
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


def _last_row(scores: bytes) -> dict[str, float]:
    columns = score_names()
    row = struct.unpack(f"<{len(columns)}f", scores[-4 * len(columns) :])
    return {column: score for column, score in zip(columns, row, strict=True) if not isnan(score)}


def _live(log: Bus, past: Past) -> None:
    """What the last scored observation up to the moment says of the rule set and of the model."""
    newest = 0
    wanted = past.who.key.encode()
    for record in _records(log, topology.SCORED, past):
        if wanted not in record.value:
            continue
        for observation in pb.TelemetryBatch.FromString(record.value).observations:
            header = observation.header
            if observation.scores.flags & _NOT_EVALUATED:
                continue
            if past.who.owns(header.patient_id, header.device_id) and newest <= header.event_time_us <= past.at_us:
                newest, past.live_version = header.event_time_us, observation.scores.rule_set_version
                past.live_scores = _by_column(observation.scores)


def _by_column(scores: pb.Scores) -> dict[str, float]:
    named = {
        f"anomaly_{pb.Sign.Name(s)[5:].lower()}": v
        for s, v in zip(scores.anomaly_signs, scores.anomaly_values, strict=False)
    }
    return named | {name: getattr(scores, name) for name in ("risk", "anomaly") if scores.HasField(name)}
