"""Normalisation through the binding: golden vectors, exact conversions, and that nothing is lost."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.units import CONVERSIONS, convert
from tests.unit.core.edge import AT_US, GOLDEN, NOW_US, accept, item, raw_observations
from vigil import core
from vigil.pb import events_pb2

VECTORS: list[dict[str, Any]] = json.loads((GOLDEN / "normalize.json").read_text())
VALID = 0


def raw(said: list[list[str]], metadata: dict[str, str] | None = None) -> events_pb2.RawObservation:
    header = events_pb2.Header(event_id=b"i" * 16, trace_id=b"t" * 16, event_time_us=AT_US, ingest_time_us=NOW_US)
    header.device_id = "d1"
    made = events_pb2.RawObservation(header=header, metadata=metadata or {})
    for metric, value, unit in said:
        made.measurements.add(metric=metric, value=value, unit=unit)
    return made


def process(values: list[bytes], batch_max: int = 1000) -> core.StageOutput:
    out = core.Normalizer(batch_max).process("telemetry.raw", 2, list(range(len(values))), values, NOW_US)
    assert out.observations_in == out.observations_out + out.dead_lettered
    assert all(partition == 2 and count <= batch_max for partition, count, _ in out.records)
    return out


def normalize(*observations: events_pb2.RawObservation) -> list[events_pb2.Observation]:
    out = process([events_pb2.TelemetryBatch(raw=observations).SerializeToString()])
    return [o for _, _, value in out.records for o in events_pb2.TelemetryBatch.FromString(value).observations]


def vitals(metrics: dict[str, Any]) -> list[tuple[str, float, int]]:
    """From the JSON a device sends to columns: sign, value, quality."""
    found = normalize(*raw_observations(accept(item(metrics=metrics))))[0].vitals
    names = [events_pb2.Sign.Name(sign).removeprefix("SIGN_").lower() for sign in found.signs]
    return list(zip(names, found.values, found.quality, strict=True))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden(vector: dict[str, Any]) -> None:
    found = normalize(raw(vector["said"], vector.get("metadata")))[0].vitals
    columns = []
    for sign, value, bits in zip(found.signs, found.values, found.quality, strict=True):
        qualities = [name for name, bit in events_pb2.Quality.items() if bits & bit]
        columns.append(
            [
                events_pb2.Sign.Name(sign).removeprefix("SIGN_").lower(),
                None if math.isnan(value) else value,
                [name.removeprefix("QUALITY_") for name in qualities],
            ]
        )
    assert columns == vector["columns"]
    assert [[issue.field, issue.code, issue.original] for issue in found.issues] == vector["issues"]
    assert [[one.metric, one.value, one.unit] for one in found.unmapped] == vector["unmapped"]


# The regression list --------------------------------------------------------------------------------


def test_a_fever_in_fahrenheit_raises() -> None:
    for metrics in ({"temp": {"value": 101.3, "unit": "degF"}}, {"temp": 101.3}, {"temp": "101.3"}):
        assert vitals(metrics) == [("temperature", 38.5, events_pb2.QUALITY_CONVERTED)]


def test_98_6_fahrenheit_is_exactly_37() -> None:
    assert vitals({"temp": {"value": 98.6, "unit": "[degF]"}})[0][1] == 37.0


def test_an_asystole_stays_a_valid_zero() -> None:
    assert vitals({"hr": 0}) == [("heart_rate", 0.0, VALID)]
    assert vitals({"hr": 0, "spo2": 85})[0] == ("heart_rate", 0.0, VALID)
    assert vitals({"hr": 0, "spo2": None})[0] == ("heart_rate", 0.0, VALID)


def test_zero_from_a_disconnected_sensor_is_no_asystole() -> None:
    row = {"HR": 0, "ABPSys": 0, "ABPDias": 0, "ABPMean": 0, "PULSE": 0, "RESP": 23, "SpO2": 0}
    found = {sign: quality for sign, _, quality in vitals(row)}
    assert found.pop("respiratory_rate") == VALID
    assert set(found.values()) == {events_pb2.QUALITY_SENTINEL}


def test_the_nan_trap() -> None:
    """`NaN > 180` is false: no spelling of it may arrive as a usable number."""
    for text in ("NaN", "nan", "Infinity", "-Infinity", "1e999"):
        usable = [value for _, value, quality in vitals({"hr": text, "spo2": 97}) if not quality]
        assert usable == [97.0]


# Properties -----------------------------------------------------------------------------------------

decimals = st.decimals(-200, 2000, places=2, allow_nan=False, allow_infinity=False).map(lambda d: f"{d:f}")


@given(st.sampled_from(sorted(CONVERSIONS)), decimals)
def test_conversions_are_those_of_the_exact_oracle(pair: tuple[str, str], text: str) -> None:
    sign, unit = pair
    found = normalize(raw([[sign, text, unit]]))[0].vitals
    if found.quality[0] & events_pb2.QUALITY_SENTINEL and float(text) != 0:
        assert found.values[0] == float(text)
    else:
        assert found.values[0] == pytest.approx(convert(sign, unit, text), abs=1.01e-6)
        assert found.quality[0] & events_pb2.QUALITY_CONVERTED


@given(st.lists(st.binary(max_size=60), max_size=4), st.integers(1, 5))
def test_any_bytes_are_accounted_for(values: list[bytes], batch_max: int) -> None:
    out = process(values, batch_max)
    letters = [events_pb2.DeadLetter.FromString(letter) for _, _, letter in out.dead_letters]
    assert sum(letter.observations for letter in letters) == out.dead_lettered
    for letter in letters:
        assert (letter.topic, letter.partition, letter.stage) == ("telemetry.raw", 2, "telemetry-normalizer")


@given(st.integers(1, 60), st.integers(1, 10), st.integers(1, 50))
def test_output_is_merged_and_in_order(count: int, per_batch: int, batch_max: int) -> None:
    all_of_them = []
    for sequence in range(count):
        one = raw([["hr", "80", "bpm"]])
        one.sequence = sequence
        all_of_them.append(one)
    values = [
        events_pb2.TelemetryBatch(raw=all_of_them[at : at + per_batch]).SerializeToString()
        for at in range(0, count, per_batch)
    ]
    out = process(values, batch_max)
    assert len(out.records) == -(-count // batch_max)
    written = [o for _, _, value in out.records for o in events_pb2.TelemetryBatch.FromString(value).observations]
    assert [o.vitals.sequence for o in written] == list(range(count))
