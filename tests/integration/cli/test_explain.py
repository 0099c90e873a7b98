"""vigil explain on a real log, on Redis and on Kafka: why an alarm was raised, and why one was not."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from typer.testing import CliRunner

from tests.integration.cli.test_log_commands import Environment, write
from tests.support.alerts import HIGH, T0_US, caused
from tests.support.enriched import header
from vigil import controls, core, events, topology
from vigil.bus.port import Bus
from vigil.cli import console
from vigil.cli.main import app
from vigil.pb import events_pb2 as pb

PATIENT = "p-explained"
PARTITION = core.partition_of(PATIENT, 4)
RULES = """
version = 1

[[rule]]
id = "spo2-low"
kind = "limit"
sign = "spo2"
direction = "low"
message = "SpO2 {value} {unit}"
delay_s = 0
hysteresis = 2
inclusive = false
steps = [
  { limit = 90, priority = "medium", patient_limit = "low", delay_s = 15 },
  { limit = 80, priority = "high", delay_s = 0 },
]

[[rule]]
id = "heart-rate-high"
kind = "limit"
sign = "heart_rate"
direction = "high"
message = "Heart rate {value} {unit}"
delay_s = 0
hysteresis = 5
inclusive = false
steps = [{ limit = 130, priority = "medium" }]
"""


def observation(second: int, spo2: float, patient: str = PATIENT, **context: Any) -> pb.Observation:
    at_us = T0_US + second * 1_000_000
    head = header(uuid.uuid5(uuid.NAMESPACE_OID, f"{patient} {second}").bytes, at_us, f"oximeter of {patient}", patient)
    vitals = pb.Vitals(signs=[pb.SIGN_SPO2], values=[spo2], quality=[0])
    return pb.Observation(header=head, vitals=vitals, context=pb.Context(patient_id=patient, **context))


def batch(*observations: pb.Observation) -> bytes:
    return pb.TelemetryBatch(observations=observations).SerializeToString()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return path


class Done(NamedTuple):
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def explain(environment: Environment, *arguments: str, second: int | None = None) -> Done:
    """The command in this process: it starts faster than a process does."""
    at = [] if second is None else ["--at", (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).isoformat()]
    with console.err.capture() as words:
        result = CliRunner().invoke(app, ["explain", *arguments, *at], env=environment)
        failed = isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit)
        code = console.fail(result.exception) if failed else result.exit_code
    return Done(code, result.stdout, words.get())


def standing(environment: Environment, rules: Path, second: int) -> tuple[dict[str, Any], dict[str, Any]]:
    done = explain(environment, "--patient", PATIENT, "--rules", str(rules), "--json", "--no-model", second=second)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    return answer, {rule["id"]: rule for rule in answer["rules"]}


def test_why_there_was_no_alarm(bus: Bus, bus_environment: Environment, rules: Path) -> None:
    values = [97.0] * 20 + [85.0] * 10 + [97.0] * 10 + [85.0] * 20
    pairs = (batch(observation(s, 50.0, "another"), observation(s, value)) for s, value in enumerate(values))
    write(bus, topology.ENRICHED, PARTITION, *pairs)

    answer, by_id = standing(bus_environment, rules, 10)
    assert by_id["spo2-low"]["state"] == "clear"
    assert by_id["heart-rate-high"]["state"] == "no_data"
    assert by_id["heart-rate-high"]["missing"] == ["heart_rate"]
    assert (answer["last_us"] - T0_US) / 1e6 == 10

    _, by_id = standing(bus_environment, rules, 29)
    assert by_id["spo2-low"]["state"] == "pending"
    medium, high = by_id["spo2-low"]["steps"]
    assert (medium["met"], medium["held_us"], medium["delay_us"]) == (True, 9_000_000, 15_000_000)
    assert (high["met"], high["since_us"], high["limit"]) == (False, None, 80)

    done = explain(bus_environment, "--patient", PATIENT, "--rules", str(rules), "--no-model", second=29)
    assert "spo2-low: MEDIUM has held for 9 s of 15 s, 6 s to go; SpO2 85% (0 ms old)" in done.stdout
    assert "heart-rate-high: nothing usable was heard of heart rate" in done.stdout
    assert "30 observations up to then, the last of 2026-01-01 00:00:29 UTC." in done.stdout
    assert "30 later observations are left out." in done.stdout
    assert "Which rules were live then is not known" in done.stdout
    assert "▁" in done.stdout

    _, by_id = standing(bus_environment, rules, 59)
    assert by_id["spo2-low"]["state"] == "alarming"
    assert by_id["spo2-low"]["priority"] == "medium"


def test_a_patients_own_limit_and_other_rules_than_those_that_were_live(
    bus: Bus, bus_environment: Environment, rules: Path
) -> None:
    own = {"limits": [pb.Limit(sign=pb.SIGN_SPO2, low=84.0)]}
    scored = observation(2, 86.0, **own)
    scored.scores.rule_set_version = "feedfacefeedface"
    write(bus, topology.ENRICHED, PARTITION, batch(*(observation(s, 86.0, **own) for s in range(30))))
    write(bus, topology.SCORED, PARTITION, batch(scored))
    _, by_id = standing(bus_environment, rules, 29)
    step = by_id["spo2-low"]["steps"][0]
    assert (step["limit"], step["source"], step["met"]) == (84.0, "patient", False)
    done = explain(bus_environment, "--patient", PATIENT, "--rules", str(rules), "--no-model", second=29)
    assert "MEDIUM not met: SpO2 below the patient's 84%" in done.stdout
    assert "These are not the rules that were live" in done.stdout
    assert "live was feedfacefeed" in done.stdout
    one = explain(bus_environment, "--patient", PATIENT, "--rules", str(rules), "--no-model", "--rule", "spo2-low")
    assert "heart-rate-high" not in one.stdout


def test_what_was_paused_says_by_whom(bus: Bus, bus_environment: Environment, rules: Path) -> None:
    paused = controls.control(
        "pause",
        patient_id=PATIENT,
        actor="lee",
        reason="suctioning",
        time_us=T0_US + 500_000,
        until_us=T0_US + 600_000_000,
    )
    record = controls.record_of(paused, 4)
    others = controls.record_of(controls.control("pause", patient_id="another", until_us=T0_US + 9), 4)
    values = [batch(observation(s, 85.0)) for s in range(30)]
    write(bus, topology.ENRICHED, PARTITION, values[0], record.value, others.value, *values[1:])
    answer, by_id = standing(bus_environment, rules, 29)
    assert by_id["spo2-low"]["state"] == "suppressed"
    assert [p["actor"] for p in answer["pauses"]] == ["lee"]
    done = explain(bus_environment, "--patient", PATIENT, "--rules", str(rules), "--no-model", second=29)
    assert "All alarms were paused by lee until 2026-01-01 00:10:00 UTC (suctioning)." in done.stdout
    assert "spo2-low: All alarms were paused by lee until" in done.stdout


RISK = """
version = 1

[[rule]]
id = "risk-high"
kind = "anomaly"
column = "risk"
message = "Risk {value}"
steps = [{ at_least = 0.8, priority = "low" }]

[[rule]]
id = "mean-low"
kind = "limit"
sign = "spo2"
direction = "low"
average_s = 60
message = "SpO2 {value}"
population = { device_types = ["pulse_oximeter"] }
steps = [{ limit = 90, priority = "high" }]
"""


def test_what_the_model_said_when_it_was_live(bus: Bus, bus_environment: Environment, rules: Path) -> None:
    rules.write_text(RISK)
    scored = [observation(second, 97.0) for second in range(3)]
    for one in scored:
        one.vitals.device_type = "pulse_oximeter"
    write(bus, topology.ENRICHED, PARTITION, *map(batch, scored))
    scored[0].scores.risk = 0.25
    again = pb.Observation()
    again.CopyFrom(scored[0])
    again.scores.ClearField("risk")
    again.scores.flags = pb.OBSERVATION_FLAG_DUPLICATE
    scored[1].scores.flags = pb.OBSERVATION_FLAG_SCORE_UNAVAILABLE
    write(bus, topology.SCORED, PARTITION, *map(batch, [scored[0], again, *scored[1:2]]))

    _, by_id = standing(bus_environment, rules, 0)
    assert (by_id["risk-high"]["state"], by_id["risk-high"]["compared"]["value"]) == ("clear", 0.25)
    _, by_id = standing(bus_environment, rules, 1)
    assert by_id["risk-high"]["state"] == "no_score"
    done = explain(bus_environment, "--patient", PATIENT, "--rules", str(rules), "--no-model", second=1)
    assert "Not known: no score" in done.stdout
    assert "The model had no score when the last observation was evaluated" in done.stdout
    assert "mean-low: mean of SpO2 97% over 60 s, SpO2 97% (0 ms old)" in done.stdout


def test_of_whom_nothing_is_there(bus: Bus, bus_environment: Environment, rules: Path) -> None:
    write(bus, topology.ENRICHED, PARTITION, batch(observation(5, 97.0)))
    for arguments, second in ((["--patient", "nobody"], 9), (["--patient", PATIENT], 4), (["--device", PATIENT], 9)):
        done = explain(bus_environment, *arguments, "--rules", str(rules), "--no-model", second=second)
        assert done.returncode == 1
        assert "the log holds no observation of" in done.stderr
    assert "1 later" in explain(bus_environment, "--patient", PATIENT, "--no-model", second=4).stderr


def test_an_alarm_is_found_in_the_log_and_in_a_replay(
    bus: Bus, bus_environment: Environment, tmp_path: Path, free_port: Any
) -> None:
    episode = uuid.uuid4()
    steps = [caused(episode, 0, "CONDITION", HIGH), caused(episode, 1, "ACKNOWLEDGED", HIGH, actor="kim")]
    for step in [caused(uuid.uuid4(), 0, "CONDITION"), *steps]:
        write(bus, topology.ALERTS, PARTITION, step.SerializeToString())
    environment = bus_environment | {"INCIDENT_SERVICE_HTTP_PORT": str(free_port())}
    done = explain(environment, str(episode))
    assert done.returncode == 0, done.stderr
    assert "looking into the log" in done.stderr
    assert "acknowledged by kim" in done.stdout
    by_step = explain(environment, str(uuid.UUID(bytes=steps[1].header.event_id)), "--json")
    assert json.loads(by_step.stdout)["episodeId"] == str(episode)
    assert explain(environment, str(uuid.uuid4())).returncode == 1

    (tmp_path / "alerts.jsonl").write_bytes(b"\n".join(msgspec.json.encode(events.alert(step)) for step in steps))
    offline = explain({}, str(episode), "--from", str(tmp_path))
    assert offline.stdout == done.stdout


@pytest.mark.parametrize(
    "arguments",
    [[], ["x"], ["--patient", "p", "--device", "d"], [str(uuid.UUID(int=1)), "--rule", "r"],
     ["--patient", "p", "--at", "yesterday"], ["--patient", "p", "--at", "2026-01-01T00:00:00"]],
)  # fmt: skip
def test_questions_that_cannot_be_meant(arguments: list[str]) -> None:
    done = explain({"REDIS_URL": "redis://127.0.0.1:1/0"}, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("vigil: ")
