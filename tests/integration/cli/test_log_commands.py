"""Commands that look into the log: audit, tail, dead letters; on Redis and on Kafka."""

import json
import os
import subprocess
import sys
import time
import uuid

from tests.support.platform import ROOT
from vigil import topology
from vigil.bus.port import Bus
from vigil.pb import events_pb2 as pb

Environment = dict[str, str]


def cli(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", "vigil.cli", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def raw(device: str) -> pb.RawObservation:
    now = time.time_ns() // 1000
    header = pb.Header(event_id=uuid.uuid4().bytes, event_type=1, version=1, event_time_us=now, device_id=device)
    header.ingest_time_us = header.process_time_us = now
    measurement = pb.RawMeasurement(metric="hr", value="72", unit="bpm")
    return pb.RawObservation(header=header, measurements=[measurement], timestamp="2026-01-01T00:00:00Z")


def write(bus: Bus, topic: str, partition: int, *values: bytes) -> None:
    producer = bus.producer()
    for value in values:
        producer.send(topic, partition, value)
    producer.flush(10)
    producer.close()


def test_audit_says_by_its_exit_code_whether_something_is_missing(bus: Bus, bus_environment: Environment) -> None:
    empty = cli(bus_environment, "audit", "--json")
    assert empty.returncode == 0, empty.stdout + empty.stderr
    assert json.loads(empty.stdout)["difference"] == 0

    write(bus, topology.RAW, 1, pb.TelemetryBatch(raw=[raw("a"), raw("b")]).SerializeToString())
    missing = cli(bus_environment, "audit", "--json")
    assert missing.returncode == 1, missing.stderr
    report = json.loads(missing.stdout)
    assert report["stages"]["raw"]["distinct"] == 2
    assert report["stages"]["scored"]["missing"] == 2
    assert "difference 6" in cli(bus_environment, "audit").stdout


def test_tail_prints_events_as_json_lines(bus: Bus, bus_environment: Environment) -> None:
    write(bus, topology.RAW, 0, pb.TelemetryBatch(raw=[raw("a"), raw("b"), raw("c")]).SerializeToString())
    shown = cli(bus_environment, "tail", "raw", "--from-beginning", "-n", "2")
    assert shown.returncode == 0, shown.stderr
    assert [json.loads(line)["device_id"] for line in shown.stdout.splitlines()] == ["a", "b"]
    assert cli(bus_environment, "tail", "nonsense").returncode == 1


def test_a_dead_letter_goes_out_again_once(bus: Bus, bus_environment: Environment) -> None:
    original = pb.TelemetryBatch(raw=[raw("a")]).SerializeToString()
    letter = pb.DeadLetter(
        original=original, topic=topology.RAW, partition=3, offset=9, stage="telemetry-normalizer",
        error_code="internal", time_us=time.time_ns() // 1000, observations=1,
    )  # fmt: skip
    write(bus, topology.DEAD_LETTER, 3, letter.SerializeToString())

    (row,) = map(json.loads, cli(bus_environment, "dead-letter", "list", "--json").stdout.splitlines())
    assert (row["stage"], row["error_code"], row["from"], row["replayed"]) == (
        "telemetry-normalizer", "internal", f"{topology.RAW}/3@9", None,
    )  # fmt: skip
    assert cli(bus_environment, "dead-letter", "list", "--code", "other", "--json").stdout == ""
    assert cli(bus_environment, "dead-letter", "replay", "3:4711").returncode == 1
    assert cli(bus_environment, "dead-letter", "replay").returncode == 1

    assert "1 replayed, 0 skipped" in cli(bus_environment, "dead-letter", "replay", row["id"]).stdout
    assert "0 replayed, 1 skipped" in cli(bus_environment, "dead-letter", "replay", "--all").stdout
    held = {r.position.partition: r for r in bus.ranges(topology.RAW)}[3]
    assert [r.value for r in bus.read(held.position, held.low, held.high)] == [original]
    (row,) = map(json.loads, cli(bus_environment, "dead-letter", "list", "--json").stdout.splitlines())
    assert row["replayed"] is not None


def test_without_a_log_a_sentence_and_an_exit_code() -> None:
    refused = cli({"REDIS_URL": "redis://127.0.0.1:1/0", "BUS_TIMEOUT_S": "1"}, "audit")
    assert refused.returncode == 69, refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    wrong = cli({"BUS_PARTITIONS": "many"}, "audit")
    assert wrong.returncode == 78
    assert "BUS_PARTITIONS" in wrong.stderr
