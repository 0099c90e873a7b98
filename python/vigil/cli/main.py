"""The `vigil` command: registers the commands, one file each, and turns expected errors into one sentence."""

import inspect
import sys
from collections.abc import Callable

import typer

from vigil.cli import (
    alarms,
    audit,
    backtest,
    dead_letter,
    demo,
    down,
    evaluate,
    explain,
    features,
    models,
    replay,
    rules,
    score,
    seed,
    simulate,
    status,
    tail,
    up,
)
from vigil.cli.console import ERRORS, fail

app = typer.Typer(
    name="vigil",
    help="Real-time patient monitoring: run the platform, feed it, look into it.",
    epilog="A first look: [bold]vigil demo[/bold]. Details of a command: [bold]vigil COMMAND --help[/bold].",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)

RUN, FEED, ACT, TRY, LOOK = "Run", "Feed", "Act", "Try", "Look"


def help_of(command: Callable[..., None]) -> str:
    """The command's docstring with its paragraphs reflowed; indented lines (examples) stay lines."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(p if p.startswith(" ") else " ".join(p.splitlines()) for p in paragraphs)


def _register(panel: str, name: str, command: Callable[..., None]) -> None:
    app.command(name, rich_help_panel=panel, help=help_of(command))(command)


_register(RUN, "up", up.up)
_register(RUN, "down", down.down)
_register(RUN, "status", status.status)
_register(RUN, "demo", demo.demo)
_register(FEED, "seed", seed.seed)
_register(FEED, "simulate", simulate.simulate)
_register(FEED, "replay", replay.replay)
_register(TRY, "rules", rules.rules)
_register(TRY, "backtest", backtest.backtest)
_register(TRY, "evaluate", evaluate.evaluate)
_register(TRY, "features", features.features)
_register(LOOK, "tail", tail.tail)
_register(LOOK, "audit", audit.audit)
_register(LOOK, "explain", explain.explain)
_register(LOOK, "score", score.score)
app.add_typer(alarms.app, name="alarms", rich_help_panel=ACT)
app.add_typer(models.app, name="models", rich_help_panel=LOOK)
app.add_typer(dead_letter.app, name="dead-letter", rich_help_panel=LOOK)


def main() -> None:
    """The entry point."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if type(error).__name__ not in ERRORS:
            raise
        sys.exit(fail(error))


if __name__ == "__main__":
    main()
