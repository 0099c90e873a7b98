"""The live journey without servers: decoder, normalizer, enricher and engine in a row, for one stay at a time."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigil import core, topology
from vigil.pb import events_pb2, registry_pb2
from vigil.recordings import Stay

Records = Sequence[tuple[int, int, bytes]]
INGEST_DELAY_US = 1_000_000


class ChainError(Exception):
    """A stage did not hand on every observation: labels would no longer stand beside their rows."""


class Chain:
    """A fresh patient's chain: one partition, one device, one patient."""

    def __init__(self, rules_toml: str) -> None:
        self._admissions = core.Admissions(False, True)
        self._decoder = core.Decoder(self._admissions, 1)
        self._normalizer = core.Normalizer()
        self._contexts = core.ContextTable()
        self._enricher = core.Enricher(self._contexts, 1)
        self._engine = core.Engine(rules_toml)
        self._engine.assign(0)

    def features(self, stay: Stay) -> NDArray[np.float32]:
        """One feature row per observation of the stay. Raises `ChainError`."""
        device, now_us = stay.device.device_id, stay.times_us[-1] + INGEST_DELAY_US
        admission = registry_pb2.Admission(device_id=device, known=True, active=True)
        self._admissions.apply(registry_pb2.GetAdmissionsResponse(admissions=[admission]).SerializeToString())
        self._contexts.apply(_context(stay).SerializeToString())
        accepted = self._decoder.accept_json(msgspec.json.encode(stay.observations), None, None, now_us)
        if accepted.accepted != len(stay.observations):
            raise ChainError(f"{device}: {accepted.accepted} of {len(stay.observations)} accepted: {accepted.body!r}")
        normalized = _stage(self._normalizer.process, topology.RAW, accepted.records, now_us)
        enriched = _stage(self._enricher.process, topology.NORMALIZED, normalized, now_us)
        offsets, values = _columns(enriched)
        pending = self._engine.begin(topology.ENRICHED, 0, offsets, values, now_us)
        packed, rows = pending.features, pending.rows
        self._engine.finish(pending, None, "", now_us)
        if rows != len(stay.observations):
            raise ChainError(f"{device}: {rows} rows of {len(stay.observations)} observations")
        return np.frombuffer(packed, "<f4").reshape(rows, -1)


def _stage(
    process: Callable[[str, int, Sequence[int], Sequence[bytes], int], core.StageOutput],
    topic: str,
    records: Records,
    now_us: int,
) -> Records:
    made = process(topic, 0, *_columns(records), now_us)
    if made.dead_lettered:
        raise ChainError(f"{topic}: {made.dead_lettered} dead-lettered")
    return made.records


def _columns(records: Records) -> tuple[list[int], list[bytes]]:
    return list(range(len(records))), [value for _, _, value in records]


def _context(stay: Stay) -> registry_pb2.GetContextsResponse:
    patient = stay.patient
    context = events_pb2.Context(
        patient_id=patient.patient_id if patient else stay.device.device_id,
        age_years=patient.age if patient else None,
        sex=patient.gender if patient else "unknown",
    )
    device = registry_pb2.DeviceContext(
        device_id=stay.device.device_id, known=True, links=[registry_pb2.Link(from_us=0, to_us=0, context=context)]
    )
    return registry_pb2.GetContextsResponse(version="1", devices=[device])
