"""A run over a made-up ward: the same whatever the number of processes, with or without the cache."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.backtest import ward
from vigil import recordings
from vigil.backtest import portions
from vigil.backtest.cache import Cache
from vigil.backtest.catch import Criterion
from vigil.backtest.digest import of_alerts
from vigil.backtest.document import document
from vigil.backtest.evaluate import RuleText
from vigil.backtest.prepared import RecordingSource
from vigil.backtest.run import Result, run
from vigil.core import CoreError
from vigil.offline.pipeline import OfflinePipeline
from vigil.recordings import DEFAULT_START, RecordingError
from vigil.settings import Settings

DIP = [97] * 20 + [85] * 10 + [97] * 20
PATIENTS = {f"p{n}": DIP[n:] + [97] * n + ([85] * 40 if n % 2 else [97] * 40) for n in range(8)}


def go(path: Path, cache: Path, *rules: Path, processes: int = 1, limit: int | None = None) -> Result:
    source = RecordingSource(recording=recordings.open(path, limit=limit), start=DEFAULT_START, limit=limit)
    texts = [RuleText(str(file), file.read_text()) for file in rules]
    return run([source], texts, kept=Cache(cache), processes=processes, criterion=Criterion(), progress=lambda *_: None)


def told(result: Result) -> dict[str, Any]:
    """The document without what depends on the machine and the moment."""
    made = document(result)
    for name in ("processes", "evaluate_s", "observations_per_s", "engine_observations_per_s_per_core"):
        del made[name]
    for recording in made["recordings"]:
        del recording["prepared_s"], recording["from_cache"]
    for one in made["rule_sets"].values():
        del one["engine_s"]
    return made


def test_alarms_are_counted_as_the_values_say(tmp_path: Path) -> None:
    path = ward.recording(tmp_path / "w.jsonl", PATIENTS)
    new, old = ward.rules(tmp_path / "new.toml", delay=15), ward.rules(tmp_path / "old.toml")
    made = told(go(path, tmp_path / "cache", new, old))
    burdens = {name: one["burden"] for name, one in made["rule_sets"].items()}
    # Everybody has a dip of 10 s, and every other patient one of 40 s that is still there at the end.
    assert burdens["against"]["alarms"] == 12
    assert burdens["against"]["under_15_s_share"] == 1.0
    assert burdens["rules"]["alarms"] == 4
    assert burdens["rules"]["ended"] == 0
    assert burdens["rules"]["by_sign"].keys() == {"spo2"}
    assert made["observations"] == sum(len(values) for values in PATIENTS.values())
    assert made["bed_days"] == pytest.approx(made["observations"] / 86_400)
    assert made["difference"]["alarms_change"] == pytest.approx(-8 / 12)
    assert len(made["difference"]["patients"]) == 8


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "LINES_BYTES", 4000)  # several parts
    path = ward.recording(tmp_path / "w.jsonl", PATIENTS)
    rules = ward.rules(tmp_path / "r.toml")
    alone = go(path, tmp_path / "one", rules)
    assert len(alone.recordings[0].parts) > 3
    shared = go(path, tmp_path / "three", rules, processes=3)
    assert told(alone) == told(shared)


def test_how_a_recording_is_cut_changes_no_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rules = ward.recording(tmp_path / "w.jsonl", PATIENTS), ward.rules(tmp_path / "r.toml")
    whole = go(path, tmp_path / "one", rules)
    monkeypatch.setattr(portions, "LINES_BYTES", 4000)
    cut = go(path, tmp_path / "cut", rules)
    assert len(cut.recordings[0].parts) > len(whole.recordings[0].parts)
    assert cut.outcomes[0].alerts_sha256 == whole.outcomes[0].alerts_sha256


def test_the_alerts_are_those_of_the_offline_replay(tmp_path: Path) -> None:
    path, rules = ward.recording(tmp_path / "w.jsonl", PATIENTS), ward.rules(tmp_path / "r.toml")
    pipeline, values = OfflinePipeline(Settings(), None, rules), []
    stays = list(recordings.open(path).stays())
    pipeline.enrol(stays)
    for stay in stays:
        values += pipeline.feed(json.dumps(stay.observations).encode()).alerts
    assert len(values) > 12
    assert go(path, tmp_path / "cache", rules).outcomes[0].alerts_sha256 == of_alerts(values)
    # A repetition changes nothing, another order of patients neither; a lost alert does.
    assert of_alerts(values) == of_alerts([*values, values[0]])
    assert of_alerts(values[1:]) != of_alerts(values)


def test_a_second_run_reads_the_cache_and_says_the_same(tmp_path: Path) -> None:
    path, rules = ward.recording(tmp_path / "w.jsonl", PATIENTS), ward.rules(tmp_path / "r.toml")
    first, second = go(path, tmp_path / "c", rules), go(path, tmp_path / "c", rules)
    assert (first.recordings[0].cached, second.recordings[0].cached) == (False, True)
    assert told(first) == told(second)


def test_the_cache_is_left_alone_when_anything_is_different(tmp_path: Path) -> None:
    path, rules = ward.recording(tmp_path / "w.jsonl", PATIENTS), ward.rules(tmp_path / "r.toml")
    go(path, tmp_path / "c", rules)
    assert not go(path, tmp_path / "c", rules, limit=3).recordings[0].cached
    ward.recording(path, {**PATIENTS, "p9": [85] * 100})
    changed = go(path, tmp_path / "c", rules)
    assert not changed.recordings[0].cached
    assert "p9" in changed.watched


@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    path, rules = ward.recording(tmp_path / "w.jsonl", PATIENTS), ward.rules(tmp_path / "r.toml")
    first = go(path, tmp_path / "c", rules)
    part = first.recordings[0].folder / first.recordings[0].parts[0].file
    content = bytearray(part.read_bytes())
    if damage == "gone":
        part.unlink()
    else:
        content[100] ^= 0xFF
        part.write_bytes(content if damage == "flipped" else content[:-1])
    again = go(path, tmp_path / "c", rules)
    assert not again.recordings[0].cached
    assert told(again) == told(first)
    assert go(path, tmp_path / "c", rules).recordings[0].cached


def test_the_cache_is_bounded_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    rules = ward.rules(tmp_path / "r.toml")
    paths = [ward.recording(tmp_path / f"w{n}.jsonl", PATIENTS) for n in range(3)]
    folder = tmp_path / "c"
    one, two = (go(path, folder, rules).recordings[0].folder for path in paths[:2])
    assert go(paths[0], folder, rules).recordings[0].cached  # used: the other goes
    size = sum(file.stat().st_size for file in one.iterdir())
    source = RecordingSource(recording=recordings.open(paths[2]), start=DEFAULT_START)
    texts = [RuleText("r", rules.read_text())]
    run([source], texts, kept=Cache(folder, round(2.5 * size)), processes=1, criterion=Criterion(),
        progress=lambda *_: None)  # fmt: skip
    assert one.exists()
    assert not two.exists()
    assert not list(folder.glob("begun-*"))


def test_a_packed_recording_is_the_same_recording(tmp_path: Path) -> None:
    path, rules = ward.recording(tmp_path / "w.jsonl", PATIENTS), ward.rules(tmp_path / "r.toml")
    packed = tmp_path / "w.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    hashes = {go(file, tmp_path / "c", rules).outcomes[0].alerts_sha256 for file in (path, packed)}
    assert len(hashes) == 1


def test_what_is_wrong_with_a_recording_is_said(tmp_path: Path) -> None:
    rules = ward.rules(tmp_path / "r.toml")
    path = tmp_path / "w.jsonl"
    path.write_text('{"deviceId":"d","timestamp":"2026-03-01T08:00:00Z","metrics":{"spo2":97}}\n{"deviceId":\n')
    with pytest.raises(RecordingError, match="line 2"):
        go(path, tmp_path / "c", rules)
    path.write_text('{"deviceId":"d","timestamp":"never","metrics":{"spo2":97}}\n')
    with pytest.raises(RecordingError, match="none of its observations is accepted"):
        go(path, tmp_path / "c", rules)
    assert not list((tmp_path / "c").iterdir())


def test_a_device_of_nobody_is_counted_under_its_own_name(tmp_path: Path) -> None:
    path, rules = tmp_path / "w.jsonl", ward.rules(tmp_path / "r.toml")
    path.write_text('{"deviceId":"d","timestamp":"2026-03-01T08:00:00Z","metrics":{"spo2":80}}\n')
    result = go(path, tmp_path / "c", rules)
    assert list(result.watched) == ["device:d"]
    assert [alarm.subject for alarm in result.outcomes[0].alarms] == ["device:d"]


def test_wrong_rules_are_refused(tmp_path: Path) -> None:
    path = ward.recording(tmp_path / "w.jsonl", {"p": [97]})
    bad = tmp_path / "bad.toml"
    bad.write_text("version = 1\n[[rule]]\nid = 3\n")
    with pytest.raises(CoreError):
        go(path, tmp_path / "c", bad)
