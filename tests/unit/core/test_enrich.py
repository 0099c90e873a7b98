"""Enrichment through the binding, against the generated protobuf code and an independent partitioner."""

from collections import defaultdict

import pytest

from tests.oracles.ids import derive_stage, partition_of
from tests.unit.core.events import T0, batch, context, contexts, observation, raw, raw_id
from vigil import core
from vigil.pb import events_pb2

PARTITIONS = 8
NOW = T0 + 1_000_000
PATIENTS = {"d1": "p1", "d2": "p1", "d3": "p2", "d4": None}


@pytest.fixture
def table() -> core.ContextTable:
    made = core.ContextTable()
    made.apply(contexts(PATIENTS))
    return made


def process(table: core.ContextTable, values: list[bytes], observations_max: int = 1000) -> core.StageOutput:
    enricher = core.Enricher(table, PARTITIONS, observations_max)
    out = enricher.process("telemetry.normalized", 2, list(range(len(values))), values, NOW)
    assert out.observations_in == out.observations_out + out.dead_lettered
    return out


def decoded(out: core.StageOutput) -> dict[int, list[events_pb2.Observation]]:
    by_partition = defaultdict(list)
    for partition, count, value in out.records:
        observations = events_pb2.TelemetryBatch.FromString(value).observations
        assert len(observations) == count
        by_partition[partition] += observations
    return by_partition


def test_every_observation_gets_its_patient_and_its_partition(table: core.ContextTable):
    devices = ["d1", "d2", "d3", "d4", "d5"]
    sent = [observation(n, devices[n % 5], T0 + n, heart_rate=60.0 + n, spo2=97.0) for n in range(100)]
    out = process(table, [batch(sent[at : at + 7]) for at in range(0, 100, 7)])
    expected = defaultdict(list)
    for n, one in enumerate(sent):
        patient = PATIENTS.get(one.header.device_id)
        one.header.source_event_id = one.header.event_id
        normalized = derive_stage(raw_id(n), "telemetry-normalizer")
        one.header.event_id = derive_stage(normalized, "telemetry-enrichment")
        one.header.event_type = events_pb2.EVENT_TYPE_TELEMETRY_ENRICHED
        one.header.process_time_us = NOW
        if patient:
            one.header.patient_id = patient
            one.context.CopyFrom(context(patient))
        elif one.header.device_id == "d4":
            one.flags = events_pb2.OBSERVATION_FLAG_ORPHAN
        else:
            one.flags = events_pb2.OBSERVATION_FLAG_CONTEXT_UNAVAILABLE
        expected[partition_of(patient or one.header.device_id, PARTITIONS)].append(one)
    assert decoded(out) == expected
    assert dict(out.counts) == {"orphan": 20, "context_unavailable": 20}


def test_records_hold_at_most_so_many_observations(table: core.ContextTable):
    out = process(table, [batch(observation(n) for n in range(25))], observations_max=10)
    assert [count for _, count, _ in out.records] == [10, 10, 5]


def test_a_device_is_missing_until_the_registry_has_answered(table: core.ContextTable):
    enricher = core.Enricher(table, PARTITIONS)
    values = [batch([observation(1, "d9"), observation(2, "d1"), observation(3, "d9")]), b"\xff"]
    assert enricher.missing(values) == ["d9"]
    table.apply(contexts({"d9": None}))
    assert enricher.missing(values) == []
    table.invalidate(["d1"])
    assert enricher.missing(values) == ["d1"]


def test_what_cannot_be_read_becomes_a_dead_letter_that_can_be_replayed(table: core.ContextTable):
    nameless = observation(2, "")
    foreign, good = batch([raw(3)]), batch([observation(1), nameless])
    out = process(table, [foreign, b"\x12\x05ab", good])
    letters = [events_pb2.DeadLetter.FromString(value) for _, _, value in out.dead_letters]
    assert [index for index, _, _ in out.dead_letters] == [0, 1, 2]
    assert [letter.original for letter in letters] == [foreign, b"\x12\x05ab", batch([nameless])]
    assert [letter.error_code for letter in letters] == ["malformed_protobuf", "malformed_protobuf", "missing_field"]
    assert {(letter.topic, letter.partition, letter.stage) for letter in letters} == {
        ("telemetry.normalized", 2, "telemetry-enrichment")
    }
    assert [letter.offset for letter in letters] == [0, 1, 2]
    assert letters[2].event_id == nameless.header.event_id
    assert out.observations_out == 1


def test_wrong_types_are_refused(table: core.ContextTable):
    enricher = core.Enricher(table, PARTITIONS)
    with pytest.raises(TypeError):
        enricher.missing(["not bytes"])  # type: ignore[list-item]
    with pytest.raises(OverflowError):
        enricher.process("t", -1, [], [], 0)
