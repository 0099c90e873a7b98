"""Decoder → Normalizer → Enricher → Engine and model in one process, record by record as the services do it.

1. Bodies are decided as the gateway decides them; the ids come from the same facts.
2. Raw batches go through the stages per partition; offsets count up as a log's would.
3. Enriched batches are evaluated with the model's scores in between.
4. Dead letters are collected, never dropped.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vigil import paths, topology
from vigil.controls import tick
from vigil.core import Admissions, ContextTable, Decoder, Engine, Enricher, Normalizer
from vigil.model import Scoring
from vigil.offline import enrolment
from vigil.pb import registry_pb2
from vigil.recordings import Stay
from vigil.settings import Settings

WINDOW_US_MAX = 30_000_000
"""No observation waits longer for an earlier one."""


@dataclass
class Output:
    """What came out: encoded batches, alerts and dead letters, in the order in which they happened."""

    scored: list[bytes] = field(default_factory=list)
    alerts: list[bytes] = field(default_factory=list)
    dead_letters: list[bytes] = field(default_factory=list)


@dataclass
class Counts:
    """Sums over a run."""

    accepted: int = 0
    rejected: int = 0
    scored: int = 0
    dead_lettered: int = 0
    alerts: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    @property
    def difference(self) -> int:
        """Accepted observations that are neither scored nor dead letters."""
        return self.accepted - self.scored - self.dead_lettered


class OfflinePipeline:
    """The whole journey; `model` None scores as unavailable."""

    def __init__(self, settings: Settings, model: Scoring | None, rules_file: Path | None = None) -> None:
        rules = rules_file or (Path(settings.rules_file) if settings.rules_file else paths.RULES)
        partitions, batch = settings.bus_partitions, settings.batch_observations_max
        self._admissions = Admissions(require_keys=False, allow_unknown=False)
        self._decoder = Decoder(self._admissions, partitions, settings.gateway_max_items)
        self._contexts = ContextTable()
        self._normalizer = Normalizer(batch)
        self._enricher = Enricher(self._contexts, partitions, batch)
        self._engine = Engine(rules.read_text(encoding="utf-8"), batch)
        self._partitions = partitions
        for partition in range(partitions):
            self._engine.assign(partition)
        self._model = model
        self._offsets: dict[tuple[str, int], int] = {}
        # One moment for the whole run: event time alone drives the rules.
        self._now_us = time.time_ns() // 1000
        self.rule_set_version = self._engine.rule_set_version
        self.counts = Counts()

    def enrol(self, stays: Sequence[Stay]) -> None:
        """Makes devices, patients and links known."""
        admissions = [enrolment.admission(stay) for stay in stays]
        contexts = [enrolment.device_context(stay) for stay in stays]
        self._admissions.apply(
            registry_pb2.GetAdmissionsResponse(version="1", admissions=admissions).SerializeToString()
        )
        self._contexts.apply(registry_pb2.GetContextsResponse(version="1", devices=contexts).SerializeToString())

    def feed(self, body: bytes) -> Output:
        """Takes one request body (an array of observations) through all stages."""
        acceptance = self._decoder.accept_json(body, None, None, self._now_us)
        self.counts.accepted += acceptance.accepted
        self.counts.rejected += acceptance.rejected
        for code, count in acceptance.error_counts:
            self.counts.problems[code] = self.counts.problems.get(code, 0) + count
        output = Output()
        for partition, _, raw in acceptance.records:
            offset = self._offset(topology.RAW, partition)
            made = self._normalizer.process(topology.RAW, partition, [offset], [raw], self._now_us)
            self._dead(output, made.dead_letters)
            for to, _, normalized in made.records:
                self._enrich(output, to, normalized)
        return output

    def settle(self) -> Output:
        """The recording is over: the clock lets go of observations that wait for an earlier one."""
        output = Output()
        for partition in range(self._partitions):
            while self._engine.held_offset(partition) is not None:
                self._evaluate(output, partition, tick(partition, self._now_us + WINDOW_US_MAX).value)
        return output

    def _enrich(self, output: Output, partition: int, normalized: bytes) -> None:
        offset = self._offset(topology.NORMALIZED, partition)
        made = self._enricher.process(topology.NORMALIZED, partition, [offset], [normalized], self._now_us)
        self._dead(output, made.dead_letters)
        for to, _, enriched in made.records:
            self._evaluate(output, to, enriched)

    def _evaluate(self, output: Output, partition: int, enriched: bytes) -> None:
        offset = self._offset(topology.ENRICHED, partition)
        pending = self._engine.begin(topology.ENRICHED, partition, [offset], [enriched], self._now_us)
        scores, version = None, ""
        if self._model is not None and pending.rows:
            scores, version = self._model.score(pending.features, pending.rows), self._model.version
        made = self._engine.finish(pending, scores, version, self._now_us)
        self._dead(output, made.dead_letters)
        self.counts.scored += sum(observations for _, observations, _ in made.scored)
        self.counts.alerts += len(made.alerts)
        output.scored += [value for _, _, value in made.scored]
        output.alerts += [value for _, _, value in made.alerts]

    def _dead(self, output: Output, letters: Sequence[tuple[int, int, bytes]]) -> None:
        self.counts.dead_lettered += sum(observations for _, observations, _ in letters)
        output.dead_letters += [value for _, _, value in letters]

    def _offset(self, topic: str, partition: int) -> int:
        key = (topic, partition)
        self._offsets[key] = self._offsets.get(key, -1) + 1
        return self._offsets[key]
