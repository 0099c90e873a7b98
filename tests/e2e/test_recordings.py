"""A recording replayed live and offline gives the same physiological alerts, with the same ids."""

import json
from pathlib import Path

import pytest

from tests.support.events import alerts
from tests.support.platform import Platform
from vigil.pb import events_pb2

pytestmark = [pytest.mark.recordings, pytest.mark.slow]

CASES = {
    "bedside_minutes": ("bedside_minutes", []),
    "hourly_200_patients": ("sepsis_hourly", ["--limit", "200"]),
}


def physiological(directory: Path) -> set[str]:
    lines = (directory / "alerts.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return {e["episode_id"] for e in events if e["kind"] == "physiological"}


def hexed(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@pytest.mark.parametrize("case", CASES)
def test_live_and_offline_raise_the_same_alerts(
    platform: Platform, recordings: Path, case: str, tmp_path: Path
) -> None:
    folder, arguments = CASES[case]
    offline = platform.cli("replay", str(recordings / folder), *arguments, "--offline", "--out", str(tmp_path))
    assert offline.returncode == 0, offline.stdout + offline.stderr
    wanted = physiological(tmp_path)
    assert wanted, "a recording of patients in intensive care raises alarms"

    live = platform.cli("replay", str(recordings / folder), *arguments, "--speed", "max", timeout_s=170)
    assert live.returncode == 0, live.stdout + live.stderr
    platform.settled(120)
    patients = {json.loads(line)["patient_id"] for line in (tmp_path / "scored.jsonl").read_text().splitlines()}
    got = {
        hexed(a.episode_id)
        for a in alerts(platform)
        if a.kind == events_pb2.ALERT_KIND_PHYSIOLOGICAL and a.header.patient_id in patients
    }
    assert got == wanted
