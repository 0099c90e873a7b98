"""What `vigil backtest` says of a recording is what the running platform did with it, alert for alert."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import unique
from tests.support.events import records
from tests.support.platform import Platform, eventually
from vigil import topology
from vigil.backtest.digest import of_alerts
from vigil.pb import events_pb2

pytestmark = pytest.mark.slow


def backtest(platform: Platform, folder: Path, *words: str) -> dict[str, Any]:
    done = platform.cli("backtest", *words, "--out", str(folder), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    made: dict[str, Any] = json.loads((folder / "backtest.json").read_text())
    return made


def live(platform: Platform, counts: Callable[[events_pb2.AlertEvent], bool] = lambda _: True) -> list[bytes]:
    found = (record.value for record in records(platform, topology.ALERTS))
    return [value for value in found if counts(events_pb2.AlertEvent.FromString(value))]


def test_a_recording_gives_the_alerts_of_its_live_replay(platform: Platform, tmp_path: Path) -> None:
    prefix, path = unique("bt-"), tmp_path / "ward.jsonl"
    made = platform.cli(
        "simulate", "--record", str(path), "--devices", "16", "--duration", "240", "--episodes", "16",
        "--dip-rate", "20", "--prefix", prefix,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    tried = backtest(platform, tmp_path, str(path), "--labels", str(tmp_path / "ward.truth.jsonl"))
    rules = tried["rule_sets"]["rules"]
    assert tried["recordings"][0]["accepted"] == 16 * 240
    assert rules["alert_events"] > 32
    assert all(kind["missed"] == 0 for kind in rules["events"].values())

    sent = platform.cli("replay", str(path), "--speed", "max")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    platform.settled(120)
    # The watchdog counts in processing time: what it says of a ward that was played in seconds is not the recording's.
    mine = live(platform, lambda a: a.header.patient_id.startswith(prefix) and not silence(a))
    assert len(mine) >= rules["alert_events"]
    assert of_alerts(mine) == rules["alerts_sha256"]
    # The hash sees everything that was decided: one alert less is another hash.
    assert of_alerts(mine[:-1]) != rules["alerts_sha256"]


def silence(alert: events_pb2.AlertEvent) -> bool:
    return alert.kind == events_pb2.ALERT_KIND_TECHNICAL and alert.alert_type.endswith("_silent")


def test_the_log_itself_gives_the_alerts_that_were_raised(platform: Platform, tmp_path: Path) -> None:
    platform.settled(120)

    def same() -> bool:
        tried = backtest(platform, tmp_path, "--log", "--processes", "2")["rule_sets"]["rules"]
        return bool(tried["alert_events"] and of_alerts(live(platform)) == tried["alerts_sha256"])

    eventually("the log gives the alerts that it led to", same, 60, 0.5)
