"""The JSON form of events: what people read must say what the bytes say, and never invent."""

import json

import pytest

from scripts.events_doc import PAGE, render, samples
from vigil import topology
from vigil.events import EventError, to_json
from vigil.pb import events_pb2 as pb
from vigil.scalars import flag_names, id_text, quality_names, time_text


def test_every_topic_has_a_json_form():
    assert set(samples()) == {topic.name for topic in topology.TOPICS}
    for topic, value in samples().items():
        (event,) = to_json(topic, value)
        json.dumps(event, allow_nan=False)


def test_the_page_shows_what_the_code_produces():
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page, "run scripts/events_doc.py"


def test_vitals_carry_value_unit_and_quality():
    (event,) = to_json(topology.SCORED, samples()[topology.SCORED])
    assert event["vitals"]["heart_rate"] == {"value": 162.0, "unit": "/min", "quality": ["valid"]}
    assert event["vitals"]["spo2"]["quality"] == ["sentinel"]
    assert event["scores"]["risk"] == 0.6132


def test_a_missing_score_is_null_and_not_zero():
    batch = pb.TelemetryBatch(observations=[pb.Observation(scores=pb.Scores(flags=32))])
    (event,) = to_json(topology.SCORED, batch.SerializeToString())
    assert event["scores"]["risk"] is None
    assert event["flags"] == ["score_unavailable"]


def test_a_sign_that_occurs_again_is_kept():
    vitals = pb.Vitals(signs=[1, 1, 1], values=[70.0, 71.0, 72.0], quality=[0, 8, 8])
    batch = pb.TelemetryBatch(observations=[pb.Observation(vitals=vitals)])
    (event,) = to_json(topology.NORMALIZED, batch.SerializeToString())
    assert [v["value"] for v in event["vitals"].values()] == [70.0, 71.0, 72.0]
    assert list(event["vitals"]) == ["heart_rate", "heart_rate#2", "heart_rate#3"]


def test_numbers_json_cannot_hold_are_text():
    vitals = pb.Vitals(signs=[1, 2], values=[float("nan"), float("inf")], quality=[1, 1])
    batch = pb.TelemetryBatch(observations=[pb.Observation(vitals=vitals)])
    (event,) = to_json(topology.NORMALIZED, batch.SerializeToString())
    assert [v["value"] for v in event["vitals"].values()] == ["NaN", "Infinity"]


def test_unknown_enum_numbers_keep_their_number():
    alert = pb.AlertEvent(priority=9, phase=7)  # type: ignore[arg-type]
    (event,) = to_json(topology.ALERTS, alert.SerializeToString())
    assert (event["priority"], event["phase"]) == ("unknown_9", "unknown_7")
    assert flag_names(1 << 20) == ["unknown_1048576"]
    assert quality_names(0) == ["valid"]
    assert quality_names(33) == ["implausible", "converted"]


def test_times_and_ids():
    assert time_text(0) is None
    assert time_text(1) == "1970-01-01T00:00:00.000001Z"
    assert time_text(-1) == "1969-12-31T23:59:59.999999Z"
    assert time_text(2**63 - 1) == f"out of range: {2**63 - 1} us"
    assert id_text(b"") is None
    assert id_text(bytes(16)) == "00000000-0000-0000-0000-000000000000"
    assert id_text(b"\x01\x02") == "0102"


def test_bytes_that_are_no_event_are_refused():
    with pytest.raises(EventError):
        to_json(topology.RAW, b"\xff\xff\xff")
    with pytest.raises(EventError):
        to_json("no.such.topic", b"")
