"""Scored batches as columns, against the generated protobuf code."""

import math
import random

import numpy as np
import pytest

from tests.unit.core.events import T0, batch, context, observation
from vigil import core
from vigil.pb import events_pb2

TYPES = {
    "record": "<u4",
    "patient": "<u4",
    "device": "<u4",
    "ward": "<u4",
    "model": "<u4",
    "event_time_us": "<i8",
    "ingest_time_us": "<i8",
    "process_time_us": "<i8",
    "flags": "<u4",
    "source_offset": "<u8",
    "risk": "<f4",
    "news2": "<i4",
    "value_observation": "<u4",
    "value_sign": "u1",
    "value_quality": "<u4",
    "value": "<f8",
}


def arrays(columns: core.ScoredColumns) -> dict[str, np.ndarray]:
    return {name: np.frombuffer(columns.column(name), dtype) for name, dtype in TYPES.items()}


def scored(n: int, random: random.Random) -> events_pb2.Observation:
    """An observation as the rules engine writes it, with anything that may be absent absent at times."""
    signs = random.sample(["heart_rate", "spo2", "temperature", "systolic", "respiratory_rate"], random.randrange(6))
    made = observation(n, f"d{random.randrange(20)}", T0 + n, **{sign: random.random() for sign in signs})
    if not signs:
        made.vitals.Clear()
    made.vitals.flags = random.choice([0, events_pb2.OBSERVATION_FLAG_CLOCK_SKEW])
    made.flags = random.choice([0, events_pb2.OBSERVATION_FLAG_ORPHAN])
    if not made.flags:
        made.header.patient_id = f"p{random.randrange(5)}"
        made.context.CopyFrom(context(made.header.patient_id))
        made.context.ward = random.choice(["", "ICU", "3B"])
    made.scores.flags = random.choice([0, events_pb2.OBSERVATION_FLAG_SCORE_UNAVAILABLE])
    if not made.scores.flags:
        made.scores.risk = random.random()
        made.scores.model_version = random.choice(["vitals-1", "vitals-2"])
    made.scores.source_offset = 1000 + n
    if random.random() < 0.7:
        made.scores.early_warnings.add(name="mews", total=99)
        made.scores.early_warnings.add(name="news2", total=n % 21, risk=random.choice(["low", "not_applicable"]))
    return made


def news2_of(observation: events_pb2.Observation) -> int:
    for warning in observation.scores.early_warnings:
        if warning.name == "news2" and warning.risk != "not_applicable":
            return warning.total
    return -1


def test_columns_hold_what_the_observations_hold():
    rng = random.Random(7)
    observations = [scored(n, rng) for n in range(500)]
    columns = core.scored_columns([batch(observations[at : at + 64]) for at in range(0, 500, 64)])
    column = arrays(columns)
    assert columns.observations == 500
    assert columns.patients[0] == ""
    assert columns.wards[0] == ""
    assert columns.models[0] == ""
    assert len(set(columns.devices)) == len(columns.devices) == 20
    value_at = 0
    for at, one in enumerate(observations):
        header = one.header
        assert column["record"][at] == at // 64
        assert columns.patients[column["patient"][at]] == header.patient_id
        assert columns.devices[column["device"][at]] == header.device_id
        assert columns.wards[column["ward"][at]] == one.context.ward
        assert columns.models[column["model"][at]] == one.scores.model_version
        assert column["event_time_us"][at] == header.event_time_us
        assert column["ingest_time_us"][at] == header.ingest_time_us
        assert column["process_time_us"][at] == header.process_time_us
        assert column["flags"][at] == one.flags | one.vitals.flags | one.scores.flags
        assert column["source_offset"][at] == one.scores.source_offset
        if one.scores.HasField("risk"):
            assert column["risk"][at] == np.float32(one.scores.risk)
        else:
            assert math.isnan(column["risk"][at])
        assert column["news2"][at] == news2_of(one)
        for sign, value, quality in zip(one.vitals.signs, one.vitals.values, one.vitals.quality, strict=True):
            assert column["value_observation"][value_at] == at
            assert column["value_sign"][value_at] == sign
            assert column["value"][value_at] == value
            assert column["value_quality"][value_at] == quality
            value_at += 1
    assert columns.values == value_at == len(column["value"])


def test_nothing_is_nothing():
    columns = core.scored_columns([])
    assert (columns.observations, columns.values, columns.devices) == (0, 0, [])
    assert all(len(array) == 0 for array in arrays(columns).values())


@pytest.mark.parametrize("value", [b"\xff", b"\x12\x05ab", batch([observation(1, device="")])])
def test_a_batch_that_cannot_be_read_is_refused(value: bytes):
    with pytest.raises(core.CoreError):
        core.scored_columns([batch([observation(1)]), value])


def test_an_unknown_column_is_refused():
    with pytest.raises(core.CoreError) as error:
        core.scored_columns([]).column("bed")
    assert error.value.args[0] == "invalid_text"
