"""(a) The Rust stages through PyO3 against json + Python rules: same input, same outputs checked."""

import time
from collections.abc import Callable
from typing import Any

from load.bench.bodies import Fleet, stamped
from load.bench.peer import Peer
from vigil import paths, topology
from vigil.core import Admissions, ContextTable, Decoder, Engine, Enricher, Normalizer
from vigil.pb import events_pb2, registry_pb2
from vigil.runtime import memory

PARTITIONS = 4
Say = Callable[[str], None]


class Stages:
    """Decoder, normalizer, enricher and engine in a row, as the services call them."""

    def __init__(self, device_ids: list[str]) -> None:
        self.admissions, self.table = Admissions(False, False), ContextTable()
        for at in range(0, len(device_ids), 50_000):
            part = device_ids[at : at + 50_000]
            admitted = [registry_pb2.Admission(device_id=d, known=True, active=True) for d in part]
            self.admissions.apply(registry_pb2.GetAdmissionsResponse(admissions=admitted).SerializeToString())
            contexts = [
                registry_pb2.DeviceContext(
                    device_id=d,
                    known=True,
                    links=[registry_pb2.Link(context=events_pb2.Context(patient_id="p-" + d, age_years=60, ward="w"))],
                )
                for d in part
            ]
            self.table.apply(registry_pb2.GetContextsResponse(devices=contexts).SerializeToString())
        self.decoder = Decoder(self.admissions, PARTITIONS)
        self.normalizer, self.enricher = Normalizer(), Enricher(self.table, PARTITIONS)
        self.engine = Engine(paths.RULES.read_text())
        for partition in range(PARTITIONS):
            self.engine.assign(partition)
        self.seconds = dict.fromkeys(("decode", "normalize", "enrich", "rules"), 0.0)
        self._offset = 0

    def __call__(self, bodies: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Bodies of one poll in; encoded scored batches and alerts out."""
        now_us = time.time_ns() // 1000
        enriched = self.enriched(bodies, now_us)
        began = time.process_time()
        scored, alerts = [], []
        for p, values in enriched.items():
            offsets = self._offsets(len(values))
            pending = self.engine.begin(topology.ENRICHED, p, offsets, values, now_us)
            made = self.engine.finish(pending, None, "", now_us)
            scored += [value for _, _, value in made.scored]
            alerts += [value for _, _, value in made.alerts]
        self._took("rules", began)
        return scored, alerts

    def enriched(self, bodies: list[bytes], now_us: int) -> dict[int, list[bytes]]:
        """Bodies of one poll in, taken by the gateway at `now_us`; encoded enriched batches out, by partition."""
        began = time.process_time()
        raw: dict[int, list[bytes]] = {}
        for body in bodies:
            for partition, _, value in self.decoder.accept_json(body, None, None, now_us).records:
                raw.setdefault(partition, []).append(value)
        began = self._took("decode", began)
        normalized = {p: self._stage(self.normalizer, topology.RAW, p, values) for p, values in raw.items()}
        began = self._took("normalize", began)
        enriched: dict[int, list[bytes]] = {}
        for p, made in normalized.items():
            for to, _, value in self._stage_records(self.enricher, topology.NORMALIZED, p, made):
                enriched.setdefault(to, []).append(value)
        self._took("enrich", began)
        return enriched

    def _stage(self, stage: Normalizer, topic: str, partition: int, values: list[bytes]) -> list[bytes]:
        return [value for _, _, value in self._stage_records(stage, topic, partition, values)]

    def _stage_records(
        self, stage: Normalizer | Enricher, topic: str, partition: int, values: list[bytes]
    ) -> list[tuple[int, int, bytes]]:
        made = stage.process(topic, partition, self._offsets(len(values)), values, time.time_ns() // 1000)
        return made.records

    def _offsets(self, count: int) -> list[int]:
        self._offset += count
        return list(range(self._offset - count, self._offset))

    def _took(self, name: str, began: float) -> float:
        now = time.process_time()
        self.seconds[name] += now - began
        return now


def measure(say: Say) -> dict[str, Any]:
    """Both pipelines over the same bodies; raises when their outputs differ."""
    memory.keep_freed()  # as the services do
    fleet, rounds = Fleet(10_000), 10
    device_ids, templates = fleet.device_ids(), fleet.templates()
    start_ms = int(time.time() * 1000) - rounds * 1000
    bodies = [[stamped(pair[n % 2], start_ms + n * 1000) for pair in templates] for n in range(rounds)]
    observations = rounds * len(device_ids)

    stages = Stages(device_ids)
    began = time.process_time()
    made = [stages(batch) for batch in bodies]
    rust_s = time.process_time() - began

    peer = Peer({d: {"patient_id": "p-" + d, "age": 60, "ward": "w"} for d in device_ids})
    began = time.process_time()
    for batch in bodies[: max(1, rounds // 2)]:
        for body in batch:
            peer(body)
    python_s = (time.process_time() - began) * rounds / max(1, rounds // 2)

    half = made[: max(1, rounds // 2)]
    _same_outputs(peer, half)
    out: dict[str, Any] = {
        "observations": observations,
        "Rust through PyO3, µs per observation": round(rust_s * 1e6 / observations, 3),
        **{f"of it {k}, µs": round(s * 1e6 / observations, 3) for k, s in stages.seconds.items()},
        "json + Python, µs per observation": round(python_s * 1e6 / observations, 2),
        "alerts compared": len(peer.alerts),
        "NEWS2 totals compared": len(peer.news2),
        "ratio": round(python_s / rust_s, 1),
    }
    say(f"Rust {out['Rust through PyO3, µs per observation']} µs, Python {out['json + Python, µs per observation']} µs")
    return out


def _same_outputs(peer: Peer, made: list[tuple[list[bytes], list[bytes]]]) -> None:
    scored = [
        o for batch, _ in made for value in batch for o in events_pb2.TelemetryBatch.FromString(value).observations
    ]
    totals = sorted(w.total for o in scored for w in o.scores.early_warnings if w.name == "news2")
    if totals != sorted(peer.news2):
        raise SystemExit("the two pipelines disagree about NEWS2")
    # What the peer says of the condition; a latched one's signal stays.
    said = {
        events_pb2.ALERT_CAUSE_CONDITION: {events_pb2.ALERT_PHASE_START: "START", events_pb2.ALERT_PHASE_END: "END"},
        events_pb2.ALERT_CAUSE_RETURNED: {events_pb2.ALERT_PHASE_UPDATE: "START"},
        events_pb2.ALERT_CAUSE_LATCHED: {events_pb2.ALERT_PHASE_UPDATE: "END"},
    }
    alerts = [events_pb2.AlertEvent.FromString(value) for _, raised in made for value in raised]
    limits = sorted(
        (a.header.patient_id, a.alert_type, said[a.cause][a.phase])
        for a in alerts
        if a.phase in said.get(a.cause, {}) and a.alert_type in peer.alert_types
    )
    if limits != sorted(peer.alerts):
        raise SystemExit(f"the two pipelines disagree about alerts: {len(limits)} and {len(peer.alerts)}")


def keys(say: Say) -> dict[str, Any]:
    """The stages' rate over a million device keys and over a thousand, the same number of observations."""
    memory.keep_freed()
    rates = {}
    for devices, rounds in ((1_000, 400), (1_000_000, 2)):
        fleet = Fleet(devices)
        stages, templates = Stages(fleet.device_ids()), fleet.templates()
        start_ms = int(time.time() * 1000) - rounds * 1000
        took = 0.0
        for n in range(rounds + 1):
            for at in range(0, len(templates), 20):
                batch = [stamped(pair[1], start_ms + n * 1000) for pair in templates[at : at + 20]]
                began = time.process_time()
                stages(batch)
                # The first round makes every patient's state; what is compared is the steady run.
                took += time.process_time() - began if n else 0.0
        rates[devices] = round(rounds * fleet.bodies * fleet.per_body / took)
        say(f"{devices:,} keys: {rates[devices]:,}/s through the core's stages on one core")
    return {
        "1,000 keys, observations/s on one core": rates[1_000],
        "1,000,000 keys, observations/s on one core": rates[1_000_000],
        "ratio": round(rates[1_000_000] / rates[1_000], 3),
    }
