"""`vigil rules`: a rule file checked, in words, as data, and what the language is."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.support import toml
from vigil import core, paths
from vigil.cli.console import CliError
from vigil.cli.main import app

LANGUAGE = Path(toml.__file__).parent / "language.toml"


def run(*words: str) -> Result:
    shown = CliRunner().invoke(app, ["rules", *words])
    if isinstance(shown.exception, CliError):
        raise shown.exception
    return shown


def test_every_rule_is_said_in_words() -> None:
    shown = run(str(LANGUAGE))
    assert shown.exit_code == 0
    said = " ".join(shown.stdout.replace("│", " ").split())
    for rule in json.loads(core.describe_rules(LANGUAGE.read_text("utf-8")))["rules"]:
        assert rule["id"] in said
    assert "at least 2 of (heart rate >= 110 /min;" in said
    assert "Ladder ward. Sounds again 120 s after an acknowledgement." in said
    assert "ladder ward: nurse after 0 s, physician after 90 s" in said
    assert "sounds again: low never, medium after 300 s, high after 60 s" in said
    assert "late after 120.5 s" in said


def test_without_a_file_it_is_the_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULES_FILE", str(LANGUAGE))
    assert json.loads(run("--json").stdout)["version"] == core.Engine(LANGUAGE.read_text("utf-8")).rule_set_version
    monkeypatch.delenv("RULES_FILE")
    assert json.loads(run("--json").stdout)["version"] == core.Engine(paths.RULES.read_text("utf-8")).rule_set_version


def test_the_schema_is_printed_as_it_is() -> None:
    assert run("--schema").stdout.encode() == core.rules_schema()
    with pytest.raises(CliError, match="leave FILE"):
        run("--schema", str(LANGUAGE))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b'version = 1\n[[rule]]\nid = "x"\nkind = "limits"\n',
            "4: rule[0].kind: unknown value 'limits'; did you",
        ),
        (b"version = 1\nversion = 2\n", "2: "),
        (b"version = 1\n# \xff\n", "2: is not UTF-8"),
        (b"", "1: version: missing"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a [b]: ward.toml"
    path.write_bytes(content)
    shown = run(str(path), "--json")
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert f"vigil: {path}:{said}" in shown.stderr.replace("\n", " ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="No such file"):
        run(str(tmp_path / "none.toml"))
