"""The rule file while it changes: a good one is used, a bad one keeps the former and says so."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from services.rules_engine.rule_file import NoRules, RuleFile
from tests.unit.core.engine import RULES
from vigil.runtime.health import Health

OTHER = RULES.replace("spot_check_after_s = 60", "spot_check_after_s = 61")
BAD = RULES.replace('sign = "heart_rate"', 'sign = "hart_rate"', 1)


@pytest.fixture
def health() -> Health:
    return Health("test")


@pytest.fixture
def file(tmp_path: Path, health: Health) -> RuleFile:
    assert RULES not in (OTHER, BAD)
    path = tmp_path / "ward.toml"
    path.write_text(RULES)
    return RuleFile(path, 1000, health)


def settled(file: RuleFile) -> None:
    """Two looks: the second finds the file as the first did."""
    file.check()
    file.check()


def test_a_changed_file_is_used_when_it_has_settled(file: RuleFile) -> None:
    version = file.rules.version
    file.path.write_text(OTHER)
    file.check()
    assert file.rules.version == version, "somebody may still be writing"
    file.check()
    assert file.rules.version == file.engine.rule_set_version != version
    assert file.rules.text == OTHER


def test_a_bad_file_keeps_the_rules_and_says_where_it_is_wrong(
    file: RuleFile, health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    version = file.rules.version
    file.path.write_text(BAD)
    settled(file)
    assert file.rules.version == file.engine.rule_set_version == version
    assert file.problem is not None
    assert file.problem.field
    assert "hart_rate" in file.problem.message
    status, body = health.ready()
    assert status == 200, "its rules are good"
    assert "hart_rate" in json.loads(body)["degraded"]["rules"]
    (said,) = [record for record in caplog.records if record.message == "rules_refused"]
    assert said.fields["field"] == file.problem.field  # type: ignore[attr-defined]
    settled(file)
    assert len([r for r in caplog.records if r.message == "rules_refused"]) == 1, "once"
    file.path.write_text(OTHER)
    settled(file)
    assert (file.problem, health.degraded()) == (None, {})
    assert file.rules.version != version


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"version = 1\n[[rule]\n"], ids=["utf-8", "empty", "torn"])
def test_what_is_no_rule_file_is_refused(file: RuleFile, content: bytes) -> None:
    version = file.rules.version
    file.path.write_bytes(content)
    settled(file)
    assert file.rules.version == version
    assert file.problem is not None


def test_a_file_that_is_gone_is_said_and_its_return_is_seen(file: RuleFile, health: Health) -> None:
    version = file.rules.version
    file.path.unlink()
    settled(file)
    assert "cannot be read" in health.degraded()["rules"]
    file.path.write_text(RULES)
    settled(file)
    assert (health.degraded(), file.rules.version) == ({}, version)


def test_a_touched_file_is_not_loaded_again_but_when_asked(file: RuleFile) -> None:
    loaded = file.rules.loaded_at
    os.utime(file.path, (1, 1))
    settled(file)
    assert file.rules.loaded_at == loaded
    file.check(forced=True)
    assert file.rules.loaded_at > loaded


class Kept:
    """Where the last good rule set lies."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def find(self) -> str | None:
        return self.text

    def keep(self, text: str) -> bool:
        self.text = text
        return True


@pytest.mark.parametrize("content", [BAD.encode(), b"\xff", None], ids=["wrong", "utf-8", "gone"])
def test_who_starts_with_a_bad_file_goes_on_with_the_last_good_one(
    tmp_path: Path, health: Health, content: bytes | None
) -> None:
    path, kept = tmp_path / "ward.toml", Kept(None)
    path.write_text(OTHER)
    good = RuleFile(path, 1000, health, kept)  # type: ignore[arg-type]
    assert kept.text == OTHER
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    again = RuleFile(path, 1000, health, kept)  # type: ignore[arg-type]
    assert again.rules.version == good.rules.version
    assert again.problem is not None
    assert "rules" in health.degraded()
    path.write_text(RULES)
    settled(again)
    assert (again.problem, health.degraded(), kept.text) == (None, {}, RULES)


@pytest.mark.parametrize("last", [None, Kept(None), Kept("of = 'another version'")])
def test_there_is_no_start_without_any_rules(tmp_path: Path, health: Health, last: Any) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    with pytest.raises(NoRules, match="hart_rate"):
        RuleFile(path, 1000, health, last)
