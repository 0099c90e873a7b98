"""The clock of the rules engine as a process, on both logs: a device falls silent and speaks again, an alarm sounds
again and is escalated, a pause ends, with nothing else going on in the partition."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.conftest import unique
from tests.support import events
from tests.support.platform import Platform, eventually
from tests.unit.core.engine import enriched
from tests.unit.core.events import T0, batch
from vigil import topology
from vigil.core import partition_of
from vigil.pb import events_pb2 as pb

NAME = "rules-engine"
START, UPDATE, END = pb.ALERT_PHASE_START, pb.ALERT_PHASE_UPDATE, pb.ALERT_PHASE_END
SILENT_S, TICK_S = 1.0, 0.1
RULES = f"""
version = 1
spot_check_after_s = 60

[[rule]]
id = "heart-rate-high"
kind = "limit"
sign = "heart_rate"
direction = "high"
message = "Heart rate {{value}}"
steps = [{{ limit = 130, priority = "medium" }}]

[[rule]]
id = "silence"
kind = "missing"
device = true
silent_after_s = {SILENT_S}
priority = "low"
message = "The device is silent"
"""


@pytest.fixture(scope="module", params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Platform]:
    directory = tmp_path_factory.mktemp(f"clock-{request.param}")
    (directory / "rules.toml").write_text(RULES)
    env = {
        "REDIS_URL": redis_url, "BUS_PREFIX": unique("t") + ".", "RULES_FILE": str(directory / "rules.toml"),
        "ANOMALY_ENABLED": "0", "WATCHDOG_TICK_MS": str(round(TICK_S * 1000)), "POLL_TIMEOUT_MS": "50",
        "BUS_SESSION_TIMEOUT_S": "2",
    }  # fmt: skip
    if request.param == "kafka":
        env |= {"KAFKA_BROKERS": request.getfixturevalue("kafka_brokers"), "BUS_SESSION_TIMEOUT_S": "6"}
    made = Platform(directory, env)
    made.start([NAME])
    yield made
    assert made.close() == {NAME: 0}


class Bed:
    """A patient with a device whose observations arrive enriched."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.patient, self.device = unique("p-"), unique("d-")

    def send(self, heart_rate: float = 70, times: int = 1) -> float:
        """Observations 50 ms apart, the last of them now; returns when (seconds since the epoch)."""
        now_us = time.time_ns() // 1000
        partition = partition_of(self.patient, self.platform.settings.bus_partitions)
        producer = self.platform.bus.producer()
        for at_us in range(now_us - 50_000 * (times - 1), now_us + 1, 50_000):
            values = [("heart_rate", heart_rate, 0)]
            made = enriched(at_us, (at_us - T0) / 1e6, values, patient=self.patient, device=self.device)
            made.header.ingest_time_us = at_us
            producer.send(topology.ENRICHED, partition, batch([made]))
        producer.flush(10)
        producer.close()
        return now_us / 1e6

    def alerts(self, kind: str) -> list[pb.AlertEvent]:
        """Its alerts of a kind, each once (a repetition after a crash has the same id)."""
        mine = [a for a in events.alerts(self.platform) if a.header.patient_id == self.patient and a.alert_type == kind]
        return list({a.header.event_id: a for a in mine}.values())

    def phases(self, kind: str) -> list[int]:
        """Of its first episode: a device that speaks once more and stops is silent again."""
        all_ = self.alerts(kind)
        return [a.phase for a in all_ if a.episode_id == all_[0].episode_id]

    def await_(self, what: str, kind: str, probe: Callable[[list[int]], bool]) -> list[int]:
        eventually(f"{what} of {self.patient}", lambda: probe(self.phases(kind)), 30)
        return self.phases(kind)


def ticks(platform: Platform) -> int:
    """Ticks in the log."""
    batches = [pb.TelemetryBatch.FromString(r.value) for r in events.records(platform, topology.ENRICHED)]
    return sum(c.action == pb.CONTROL_ACTION_TICK for b in batches for c in b.controls)


def test_a_device_that_falls_silent_is_said_once_and_its_return_once(platform: Platform) -> None:
    bed = Bed(platform)
    last = bed.send(times=3)
    bed.await_("silence", "device_silent", lambda phases: phases == [START])
    said = bed.alerts("device_silent")[0].header
    # Generous: two busy cores. The bound itself is asserted with an injected clock.
    assert SILENT_S <= said.event_time_us / 1e6 - last < SILENT_S + TICK_S + 5
    before = ticks(platform)
    time.sleep(5 * TICK_S)
    assert ticks(platform) == before, "an idle partition has no clock"
    assert bed.phases("device_silent") == [START]
    bed.send()
    assert bed.await_("return", "device_silent", lambda phases: len(phases) > 1) == [START, END]


def test_a_restart_in_between_says_nothing_twice(platform: Platform) -> None:
    bed = Bed(platform)
    bed.send(times=3)
    platform.kill(NAME)  # before it could say anything; the partition stays idle
    platform.spawn(NAME)
    bed.await_("silence", "device_silent", lambda phases: phases == [START])
    platform.kill(NAME)
    platform.spawn(NAME)
    platform.wait_ready(NAME)
    bed.send()
    assert bed.await_("return", "device_silent", lambda phases: len(phases) > 1) == [START, END]
    eventually("everything committed", lambda: platform.bus.lag(NAME, topology.ENRICHED) == 0, 30)
    assert bed.phases("device_silent") == [START, END]


def test_a_pause_ends_by_the_clock(platform: Platform) -> None:
    """What the pause suppressed sounds when it is over, though nothing else happens in the partition."""
    bed = Bed(platform)
    bed.send()
    url = platform.settings.http_url(NAME) + "/api/v1/controls"
    body = {"action": "pause", "patientId": bed.patient, "forS": 1.5, "actor": "nurse.kim", "reason": "washing"}
    assert httpx.post(url, json=body, timeout=10).status_code == 202
    bed.send(150)
    bed.await_("suppression", "heart_rate_high", lambda phases: phases == [pb.ALERT_PHASE_SUPPRESSED])
    suppressed = bed.alerts("heart_rate_high")[0]
    assert (suppressed.actor, suppressed.reason, suppressed.until_us > 0) == ("nurse.kim", "washing", True)
    bed.await_("the alarm", "heart_rate_high", lambda phases: START in phases)
    started = next(a for a in bed.alerts("heart_rate_high") if a.phase == START)
    assert started.cause == pb.ALERT_CAUSE_RESUMED
    assert started.header.event_time_us >= suppressed.until_us


def test_an_acknowledgement_stops_the_signal(platform: Platform) -> None:
    bed = Bed(platform)
    bed.send(150)
    bed.await_("the alarm", "heart_rate_high", lambda phases: phases == [START])
    assert platform.cli("alarms", "ack", "--patient", bed.patient, "--actor", "a", "--reason", "r").returncode == 0
    bed.await_("the acknowledgement", "heart_rate_high", lambda phases: phases == [START, UPDATE])
    acknowledged = bed.alerts("heart_rate_high")[1]
    assert (acknowledged.cause, acknowledged.presence) == (
        pb.ALERT_CAUSE_ACKNOWLEDGED, pb.ALARM_PRESENCE_ACKNOWLEDGED,
    )  # fmt: skip
    assert acknowledged.actor == "a"
