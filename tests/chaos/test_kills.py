"""kill -9 of the normalizer and of the rules engine in the middle of a run: nothing lost, nothing doubled.

Every injected episode of the simulator has its alert, its incident and its notification, and the ledger, which
counts from the log itself, has no difference.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import events
from tests.support.platform import ROOT, Platform, eventually
from vigil import topology
from vigil.pb import events_pb2

pytestmark = pytest.mark.slow
EPISODES, DEVICES, SECONDS = 8, 8, 60


def rows(platform: Platform, service: str, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every row of a paged route."""
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        url = platform.settings.http_url(service) + path
        answer = httpx.get(url, params={**query, "page": page, "limit": 100}, timeout=10)
        answer.raise_for_status()
        items = answer.json()["items"]
        found += items
        if len(items) < 100:
            return found
        page += 1


def simulate(platform: Platform, truth: Path, prefix: str) -> "subprocess.Popen[str]":
    """The simulator as a person starts it."""
    command = [
        sys.executable, "-m", "vigil.cli", "simulate", "--devices", str(DEVICES), "--episodes", str(EPISODES),
        "--duration", str(SECONDS), "--interval", "0.5", "--seed", "7", "--truth", str(truth), "--prefix", prefix,
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, env=platform.child_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_every_episode_arrives_although_services_are_killed(platform: Platform, tmp_path: Path) -> None:
    truth, prefix = tmp_path / "truth.jsonl", f"kill-{tmp_path.name[-4:]}-"
    simulator = simulate(platform, truth, prefix)

    def observed(topic: str, least: int) -> bool:
        return sum(o.header.device_id.startswith(prefix) for o in events.observations(platform, topic)) >= least

    eventually("observations flow", lambda: observed(topology.SCORED, DEVICES * 20), 60, 0.5)
    for victim, topic in (("telemetry-normalizer", topology.NORMALIZED), ("rules-engine", topology.SCORED)):
        done = sum(o.header.device_id.startswith(prefix) for o in events.observations(platform, topic))
        platform.kill(victim)
        platform.spawn(victim)
        platform.wait_ready(victim)
        eventually(f"{victim} goes on", lambda t=topic, n=done: observed(t, n + DEVICES), 60, 0.5)
    output, _ = simulator.communicate(timeout=SECONDS + 60)
    assert simulator.returncode == 0, output
    platform.settled(60)

    injected = [json.loads(line) for line in truth.read_text().splitlines()]
    assert len(injected) == EPISODES
    mine = [a for a in events.alerts(platform) if a.header.device_id.startswith(prefix)]
    starts = {
        (a.header.device_id, a.alert_type): a.episode_id.hex() for a in mine if a.phase == events_pb2.ALERT_PHASE_START
    }
    for episode in injected:
        wanted = {(episode["deviceId"], e["alertType"]) for e in episode["expected"]}
        assert wanted <= set(starts), f"no alert for {episode}"

    # One START an episode, however often it was written: the repetition has the same id.
    opened = {a.header.event_id: (a.header.device_id, a.alert_type, a.condition.onset_time_us) for a in mine
              if a.phase == events_pb2.ALERT_PHASE_START}  # fmt: skip
    assert max(Counter(opened.values()).values()) == 1

    patients = {episode["patientId"] for episode in injected}
    for patient in patients:
        incidents = rows(platform, "incident-service", "/incidents", patientId=patient)
        told = rows(platform, "notification-service", "/notifications", patientId=patient)
        for episode in (e for e in injected if e["patientId"] == patient):
            for expected in episode["expected"]:
                opened_as = {i["incidentId"] for i in incidents if i["alertType"] == expected["alertType"]}
                assert opened_as, f"no incident for {episode}"
                assert opened_as & {n["episodeId"] for n in told}, f"no notification for {episode}"
        episodes = [i["incidentId"] for i in incidents]
        assert len(episodes) == len(set(episodes))

    audit = platform.cli("audit", "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
