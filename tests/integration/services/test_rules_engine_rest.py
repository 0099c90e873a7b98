"""The rules engine as a process: its REST edge, controls in the log, and rules reloaded while it runs."""

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import unique
from tests.support.platform import Platform, eventually
from tests.unit.core.engine import RULES
from vigil import topology
from vigil.core import partition_of
from vigil.pb import events_pb2 as pb

NAME = "rules-engine"
OTHER = RULES.replace("spot_check_after_s = 60", "spot_check_after_s = 61")
BAD = RULES.replace('sign = "heart_rate"', 'sign = "hart_rate"', 1)
WHO: dict[str, Any] = {"actor": "nurse.kim", "reason": "washing the patient"}


@pytest.fixture(scope="module")
def rule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "ward.toml"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, redis_url: str, rule_file: Path) -> Iterator[Platform]:
    env = {"REDIS_URL": redis_url, "BUS_PREFIX": unique("t") + ".", "RULES_FILE": str(rule_file)}
    made = Platform(tmp_path_factory.mktemp("platform"), {**env, "ANOMALY_ENABLED": "0", "RULES_WATCH_MS": "50"})
    made.start([NAME])
    yield made
    assert made.close() == {NAME: 0}


@pytest.fixture
def client(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.settings.http_url(NAME), timeout=10) as made:
        yield made


def controls(platform: Platform, subject: str) -> list[tuple[int, pb.Control]]:
    """The controls about a patient or device that the log holds, with their partitions; but for ticks."""
    return [
        (held.position.partition, control)
        for held in platform.bus.ranges(topology.ENRICHED)
        for record in platform.bus.read(held.position, held.low, held.high)
        for control in pb.TelemetryBatch.FromString(record.value).controls
        if subject in (control.patient_id, control.device_id)
    ]


def test_the_rules_in_use_are_shown(client: httpx.Client, rule_file: Path) -> None:
    shown = client.get("/api/v1/rules").json()
    assert shown["source"] == str(rule_file)
    assert shown["problem"] is None
    assert len(shown["version"]) == 16
    assert datetime.fromisoformat(shown["loadedAt"]).tzinfo is not None
    assert shown["pauseMaxS"] == 3600
    assert {"asystole"} <= {rule["id"] for rule in shown["rules"]}
    assert all(rule["text"].endswith(".") and rule["steps"] and rule["kind"] for rule in shown["rules"])
    assert "sensor-missing/spo2" in {rule["id"] for rule in shown["rules"]}
    assert shown["settings"]["alarm"]["pauseMaxS"] == shown["pauseMaxS"]


def test_a_rule_file_is_tried_without_being_used(client: httpx.Client) -> None:
    before = client.get("/api/v1/rules").json()
    good = client.post("/api/v1/rules/validate", content=OTHER, headers={"content-type": "application/toml"})
    assert good.status_code == 200
    assert good.json()["valid"] is True
    assert good.json()["version"] != before["version"]
    assert good.json()["rules"] == len(before["rules"])
    bad = client.post("/api/v1/rules/validate", content=BAD)
    assert (bad.status_code, bad.headers["content-type"]) == (422, "application/problem+json")
    said = bad.json()
    assert said["errors"][0]["field"]
    assert said["errors"][0]["code"] == "invalid_rule"
    assert "hart_rate" in said["detail"]
    wrong = BAD.splitlines().index('sign = "hart_rate"') + 1
    assert (said["file"], said["line"], said["hint"]) == ("rules.toml", wrong, "did you mean 'heart_rate'?")
    assert client.post("/api/v1/rules/validate", content=b"\xff").status_code == 422
    assert client.post("/api/v1/rules/validate", content=b"#" * 1_000_001).status_code == 413
    assert client.get("/api/v1/rules").json() == before


def test_a_control_is_in_the_log_when_it_is_answered(platform: Platform, client: httpx.Client) -> None:
    patient, before = unique("p-"), time.time()
    body = {"action": "pause", "patientId": patient, "ruleId": "asystole", "forS": 600, **WHO}
    taken = client.post("/api/v1/controls", json=body)
    assert taken.status_code == 202, taken.text
    ((partition, control),) = controls(platform, patient)
    assert partition == partition_of(patient, platform.settings.bus_partitions)
    assert str(uuid.UUID(bytes=control.event_id)) == taken.json()["controlId"]
    assert (control.action, control.rule_id) == (pb.CONTROL_ACTION_PAUSE, "asystole")
    assert (control.actor, control.reason) == (WHO["actor"], WHO["reason"])
    assert before <= control.time_us / 1e6 <= time.time()
    assert control.until_us == control.time_us + 600_000_000
    assert datetime.fromisoformat(taken.json()["until"]).timestamp() * 1e6 == pytest.approx(control.until_us, abs=1)


def test_every_action_and_subject(platform: Platform, client: httpx.Client) -> None:
    device, episode = unique("d-"), uuid.uuid4()
    acts: list[dict[str, Any]] = [
        {"action": "acknowledge", "episodeId": str(episode)},
        {"action": "acknowledge"},
        {"action": "off", "ruleId": "asystole"},
        {"action": "resume", "ruleId": "a-rule-of-former-times"},
        {"action": "pause", "until": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()},
    ]
    for act in acts:
        assert client.post("/api/v1/controls", json={**act, "deviceId": device, **WHO}).status_code == 202
    given = [control for _, control in controls(platform, device)]
    assert [pb.ControlAction.Name(c.action).removeprefix("CONTROL_ACTION_").lower() for c in given] == [
        act["action"] for act in acts
    ]
    assert (given[0].episode_id, given[0].patient_id) == (episode.bytes, "")


def test_the_same_key_is_the_same_control(platform: Platform, client: httpx.Client) -> None:
    patient, headers = unique("p-"), {"idempotency-key": unique("key-")}
    body = {"action": "acknowledge", "patientId": patient, **WHO}
    ids = {client.post("/api/v1/controls", json=body, headers=headers).json()["controlId"] for _ in range(2)}
    assert len(ids) == 1
    assert len({control.event_id for _, control in controls(platform, patient)}) == 1
    assert client.post("/api/v1/controls", json=body).json()["controlId"] not in ids


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"forS": 3601}, "forS", "out_of_range"),
        ({"forS": None, "until": "2090-01-01T00:00:00Z"}, "until", "out_of_range"),
        ({"forS": None, "until": "2020-01-01T00:00:00Z"}, "until", "out_of_range"),
        ({"forS": None, "until": "2090-01-01T00:00:00"}, "until", "invalid_timestamp"),
        ({"forS": None}, "until", "missing_field"),
        ({"until": "2090-01-01T00:00:00Z"}, "until", "invalid_value"),
        ({"forS": 0}, "forS", "out_of_range"),
        ({"forS": True}, "forS", "wrong_type"),
        ({"action": "off"}, "forS", "invalid_value"),
        ({"action": "silence"}, "action", "invalid_value"),
        ({"actor": None}, "actor", "wrong_type"),
        ({"actor": ""}, "actor", "invalid_text"),
        ({"actor": "system"}, "actor", "invalid_value"),
        ({"reason": " "}, "reason", "invalid_text"),
        ({"patientId": None}, "patientId", "missing_field"),
        ({"deviceId": "d"}, "deviceId", "invalid_value"),
        ({"ruleId": "asystol"}, "ruleId", "invalid_value"),
        ({"episodeId": str(uuid.uuid4())}, "episodeId", "invalid_value"),
        ({"episodeId": "7"}, "episodeId", "invalid_value"),
        ({"minutes": 7}, "minutes", "unknown_field"),
    ],
)
def test_what_is_refused_names_its_field_and_is_not_in_the_log(
    platform: Platform, client: httpx.Client, change: dict[str, Any], field: str, code: str
) -> None:
    patient = unique("p-")
    body = {"action": "pause", "patientId": patient, "forS": 600, **WHO, **change}
    refused = client.post("/api/v1/controls", json=body)
    assert refused.status_code == 422, refused.text
    assert (field, code) in {(error["field"], error["code"]) for error in refused.json()["errors"]}
    assert controls(platform, patient) == []


def test_the_command_line_gives_controls_and_says_what_is_wrong(platform: Platform) -> None:
    patient = unique("p-")
    who = ["--patient", patient, "--actor", "nurse.kim", "--reason", "washing"]
    for words in (["ack"], ["pause", "--minutes", "10"], ["off", "--rule", "asystole"], ["resume"]):
        done = platform.cli("alarms", *words, *who)
        assert done.returncode == 0, done.stderr
        assert patient in done.stdout
    given = [control.action for _, control in controls(platform, patient)]
    assert given == [
        pb.CONTROL_ACTION_ACKNOWLEDGE, pb.CONTROL_ACTION_PAUSE, pb.CONTROL_ACTION_OFF, pb.CONTROL_ACTION_RESUME,
    ]  # fmt: skip
    refused = platform.cli("alarms", "pause", "--minutes", "90", *who)
    assert refused.returncode == 1
    assert "--minutes: a pause lasts 3600 s at most" in " ".join(refused.stderr.split())
    # What reads the topic without being the engine knows controls too.
    shown = platform.cli("tail", "enriched", "--from-beginning", "--for", "1")
    assert shown.returncode == 0, shown.stderr
    rows = [row for row in map(json.loads, shown.stdout.splitlines()) if row.get("patient_id") == patient]
    assert [row["action"] for row in rows] == ["acknowledge", "pause", "off", "resume"]
    audited = platform.cli("audit", "--wait", "5")
    assert audited.returncode == 0, audited.stdout


def test_a_rule_file_that_changes_is_used_and_a_bad_one_is_not(
    platform: Platform, client: httpx.Client, rule_file: Path
) -> None:
    former = client.get("/api/v1/rules").json()["version"]

    def shown(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            answer: dict[str, Any] = client.get("/api/v1/rules").json()
            return answer if wanted(answer) else None

        found = eventually("the rules as wanted", there, 10)
        assert found is not None
        return found

    rule_file.write_text(OTHER)
    changed = shown(lambda answer: answer["version"] != former)
    rule_file.write_text(BAD)
    refused = shown(lambda answer: answer["problem"] is not None)
    assert refused["version"] == changed["version"]
    assert "hart_rate" in refused["problem"]["message"]
    assert refused["problem"]["file"] == rule_file.name
    assert refused["problem"]["line"]
    health = client.get("/readyz")
    assert (health.status_code, health.json()["status"]) == (200, "ready")
    assert "hart_rate" in health.json()["degraded"]["rules"]
    assert "vigil_rules_outdated 1.0" in client.get("/metrics").text
    assert '"rules_refused"' in platform.log(NAME)
    rule_file.write_text(RULES)
    platform.processes[NAME].send_signal(signal.SIGHUP)
    assert shown(lambda answer: answer["problem"] is None)["version"] == former


def test_a_start_with_a_bad_rule_file_goes_on_with_the_last_good_one(
    platform: Platform, client: httpx.Client, rule_file: Path
) -> None:
    version = client.get("/api/v1/rules").json()["version"]
    rule_file.write_text(BAD)
    assert platform.stop(NAME) == 0
    platform.spawn(NAME)
    platform.wait_ready(NAME)
    shown = client.get("/api/v1/rules").json()
    assert shown["version"] == version
    assert "hart_rate" in shown["problem"]["message"]
    rule_file.write_text(RULES)
    eventually("the repaired file", lambda: client.get("/api/v1/rules").json()["problem"] is None, 10)


def test_there_is_no_start_without_any_rules(platform: Platform, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(BAD)
    env = {name: value for name, value in platform.env.items() if not name.endswith("_PORT")}
    second = Platform(tmp_path, {**env, "RULES_FILE": str(bad), "BUS_PREFIX": unique("t") + "."})
    try:
        second.spawn(NAME)
        assert second.processes.pop(NAME).wait(30) == 78
        assert "hart_rate" in second.log(NAME)
    finally:
        second.close()
