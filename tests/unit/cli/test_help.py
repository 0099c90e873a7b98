"""Every command explains itself, with examples."""

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from vigil.cli.main import app

COMMANDS = ["up", "down", "status", "demo", "seed", "simulate", "replay", "tail", "audit", "score", "backtest",
            "dead-letter", "models", "alarms", "evaluate", "features", "explain", "rules"]  # fmt: skip
SUB = [["dead-letter", "list"], ["dead-letter", "replay"],
       *(["models", name] for name in ("try", "shadow", "promote", "refuse", "rollback")),
       *(["alarms", name] for name in ("ack", "pause", "off", "resume"))]  # fmt: skip
WITHOUT_EXAMPLES = [["down"], ["dead-letter"], ["models"], ["alarms"]]


def test_the_commands_are_these() -> None:
    assert sorted(get_command(app).commands) == sorted(COMMANDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [[name] for name in COMMANDS] + SUB, ids=" ".join)
def test_help(words: list[str]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage" in shown.output
    if words not in WITHOUT_EXAMPLES:
        assert f"vigil {' '.join(words)}" in shown.output.replace("\n", " ")


def test_wrong_options_are_refused() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["simulate", "--devices", "0"]).exit_code == 2
    assert runner.invoke(app, ["nothing"]).exit_code == 2
