"""`vigil rules [FILE]`: a rule file checked, in words, as data; and the schema of the rule language."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from vigil.cli import environment
from vigil.cli.console import CliError, err, out, say

EXIT_REFUSED = 2


def rules(
    file: Annotated[Path | None, typer.Argument(help="A rule file; without it the one in use.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The rules and what holds for all of them as JSON.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="The JSON Schema of rule files, for editors.")] = False,
) -> None:
    """Check a rule file and say it in words.

    Every rule with its kind and whom it is for, as the engine will understand it; a rule over several signs is a rule
    a sign. A wrong file is refused with file, line, field and a hint, exit code 2. How to write rules: docs/rules.md.

    [bold]Examples[/bold]

      vigil rules
      vigil rules rules/new.toml
      vigil rules rules/new.toml --json
      vigil rules --schema > rules/schema.json
    """
    from vigil import core, paths

    if schema:
        if file or as_json:
            raise CliError("--schema says what every rule file may hold; leave FILE and --json out")
        sys.stdout.write(core.rules_schema().decode())
        return
    used = None if file else environment.settings().rules_file
    path = file or (Path(used) if used else paths.RULES)
    found = _described(path)
    if as_json:
        sys.stdout.write(found.decode() + "\n")
        return
    _show(path, found)


def _described(path: Path) -> bytes:
    from vigil import core
    from vigil.rule_problem import Refusal, decoded, problem_of

    try:
        return core.describe_rules(decoded(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or error}") from error
    except Refusal as error:
        raise _refused(f"{error.problem}; a rule file is UTF-8 text") from error
    except core.CoreError as error:
        if error.args[0] != "invalid_rule":
            raise
        raise _refused(str(problem_of(error, str(path)))) from error


def _refused(sentence: str) -> typer.Exit:
    err.print(f"[bold red]vigil:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    return typer.Exit(EXIT_REFUSED)


def _show(path: Path, found: bytes) -> None:
    import msgspec

    made = msgspec.json.decode(found)
    table = Table("rule", "kind", "priorities", "in words")
    for rule in made["rules"]:
        priorities = dict.fromkeys(step["priority"] for step in rule["steps"])
        table.add_row(rule["id"], rule["kind"], ", ".join(priorities), escape("\n".join((rule["text"], *_more(rule)))))
    out.print(table)
    for ladder in made["ladders"]:
        steps = (f"{step['to']} after {step['after_s']} s" for step in ladder["steps"])
        out.print(f"ladder {ladder['id']}: {', '.join(steps)}", highlight=False, markup=False)
    out.print(_settings(made["settings"]), highlight=False, markup=False)
    say(f"{path}: {len(made['rules'])} rules, version {made['version']}")


def _more(rule: dict[str, Any]) -> Iterator[str]:
    """What the sentence does not say."""
    if rule["ladder"]:
        yield f"Ladder {rule['ladder']}."
    if rule["re_alarm_s"] is not None:
        yield (
            f"Sounds again {rule['re_alarm_s']} s after an acknowledgement."
            if rule["re_alarm_s"]
            else ("Does not sound again after an acknowledgement.")
        )


def _settings(settings: dict[str, Any]) -> str:
    times, waits = settings["alarm"]["re_alarm_s"], settings["order"]
    again = ", ".join(
        f"{priority} {f'after {times[priority]} s' if times[priority] else 'never'}"
        for priority in ("low", "medium", "high")
    )
    order = f"{waits['hold'].replace('_', ' ')} up to {waits['window_s']} s" if waits["window_s"] else "never"
    spot = settings["spot_check_after_s"]
    said = (
        f"spot check {f'after {spot} s' if spot else 'never'}",
        f"late after {settings['late_after_s']} s",
        f"waits for order: {order}",
        f"pause up to {settings['alarm']['pause_max_s']} s",
        f"sounds again: {again}",
    )
    return " · ".join(said)
