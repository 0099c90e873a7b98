"""A portion of a recording becomes a part: decoded, normalized and enriched as the services do it.

1. The portion's patients, devices and links are made known.
2. Its request bodies go through decoder, normalizer and enricher; ids derive from what the devices said.
3. The enriched batches are written; who was watched how long is read from them.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from vigil import topology
from vigil.backtest import labels, parts
from vigil.backtest.parts import Counts, Part
from vigil.backtest.portions import Portion
from vigil.backtest.subjects import Watched, subject, watched
from vigil.core import Admissions, ContextTable, Decoder, Enricher, Normalizer, scored_columns
from vigil.offline import enrolment
from vigil.pb import registry_pb2
from vigil.recordings import Stay
from vigil.settings import Settings

BODIES_AT_ONCE = 8
BATCH_OBSERVATIONS = 1000


def prepare(index: int, portion: Portion, folder: Path) -> Part:
    """Writes the part of a portion into `folder`; returns its description."""
    stays = portion.stays()
    stages = _Stages(stays)
    stream = portion.bodies(stays)
    batches: list[tuple[int, bytes]] = []
    while some := list(islice(stream, BODIES_AT_ONCE)):
        batches += stages.run([body for body, _ in some])
    stages.counts.enriched = sum(observations for observations, _ in batches)
    events = [event for stay in stays for event in labels.of_stay(stay)]
    return describe(folder, index, batches, events, stages.counts)


def describe(
    folder: Path, index: int, batches: Sequence[tuple[int, bytes]], events: list[labels.Event], counts: Counts
) -> Part:
    """Writes enriched batches as a part."""
    file = f"part-{index:05d}"
    crc32, lengths, observations = parts.write(folder, file, list(batches))
    return Part(
        file=file,
        crc32=crc32,
        lengths=lengths,
        observations=observations,
        watched=_watched([value for _, value in batches]),
        events=events,
        counts=counts,
    )


def _watched(values: list[bytes]) -> dict[str, Watched]:
    columns = scored_columns(values)
    if not columns.observations:
        return {}
    patients, devices = columns.patients, columns.devices
    of_patient = np.frombuffer(columns.column("patient"), "<u4").astype(np.int64)
    of_device = np.frombuffer(columns.column("device"), "<u4")
    times_us = np.frombuffer(columns.column("event_time_us"), "<i8")
    names = [*patients, *(subject("", device) for device in devices)]
    return watched(np.where(of_patient > 0, of_patient, len(patients) + of_device), times_us, names)


class _Stages:
    """The stages before the engine, over one partition."""

    def __init__(self, stays: Sequence[Stay]) -> None:
        admissions, contexts = Admissions(require_keys=False, allow_unknown=False), ContextTable()
        known = [enrolment.admission(stay) for stay in stays]
        linked = [enrolment.device_context(stay) for stay in stays]
        admissions.apply(registry_pb2.GetAdmissionsResponse(version="1", admissions=known).SerializeToString())
        contexts.apply(registry_pb2.GetContextsResponse(version="1", devices=linked).SerializeToString())
        self._decoder = Decoder(admissions, 1, Settings.load().gateway_max_items)
        self._normalizer = Normalizer(BATCH_OBSERVATIONS)
        self._enricher = Enricher(contexts, 1, BATCH_OBSERVATIONS)
        # One moment for all: event time alone drives the rules.
        self._now_us = time.time_ns() // 1000
        self._offset = 0
        self.counts = Counts()

    def run(self, bodies: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """Request bodies in, (observations, enriched batch)es out."""
        raw: list[bytes] = []
        for body in bodies:
            accepted = self._decoder.accept_json(body, None, None, self._now_us)
            problems = dict(accepted.error_counts)
            self.counts.add(Counts(accepted=accepted.accepted, rejected=accepted.rejected, problems=problems))
            raw += [value for _, _, value in accepted.records]
        normalized = self._stage(self._normalizer, topology.RAW, raw)
        for _, observations, value in self._stage(self._enricher, topology.NORMALIZED, [v for _, _, v in normalized]):
            yield observations, value

    def _stage(self, stage: Normalizer | Enricher, topic: str, values: list[bytes]) -> list[tuple[int, int, bytes]]:
        offsets = list(range(self._offset, self._offset + len(values)))
        self._offset += len(values)
        made = stage.process(topic, 0, offsets, values, self._now_us)
        self.counts.dead_lettered += made.dead_lettered
        return made.records
