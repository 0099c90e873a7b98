"""`vigil audit`: the ledger. Every accepted observation is in every stage, or among the dead letters."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vigil import topology
from vigil.cli import environment
from vigil.cli.console import err, out

if TYPE_CHECKING:
    from vigil.bus.port import Bus, PartitionRange
    from vigil.core import Ledger

STAGES = {
    "raw": topology.RAW,
    "normalized": topology.NORMALIZED,
    "enriched": topology.ENRICHED,
    "scored": topology.SCORED,
    "dead_letter": topology.DEAD_LETTER,
    "alerts": topology.ALERTS,
}
CHUNK_RECORDS = 500
Report = dict[str, dict[str, int]]


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    wait: Annotated[float, typer.Option(help="Wait up to this many seconds until all have caught up.", min=0)] = 0,
) -> None:
    """Count every observation of the log, stage by stage, and compare.

    It reads the topics themselves and counts by identity, apart from the pipeline's own counters. An observation
    is [bold]missing[/bold] when the gateway accepted it and it is neither in the stage nor dead-lettered on the
    way; [bold]invented[/bold] when no accepted observation explains it. Duplicates are repetitions after a
    crash; they have the same identity and count once.

    Exit code 0 without a difference, 1 with one.

    [bold]Examples[/bold]

      vigil audit --wait 30
      vigil audit --json | jq .difference
    """
    from vigil import bus

    log = bus.connect(environment.settings())
    try:
        lag = caught_up(log, wait) if wait else total_lag(log)
        report, trimmed = take(log)
    finally:
        log.close()
    found = difference(report, trimmed)
    if as_json:
        out.print_json(json.dumps({"stages": report, "lag": lag, "trimmed": trimmed, "difference": found}))
    else:
        out.print(table(report))
        if lag:
            err.print(f"[yellow]{lag} records are still under way: they count as missing until they arrive[/]")
        if trimmed:
            err.print("[yellow]the log no longer holds its beginning: only what it holds is compared[/]")
        out.print(f"difference {found}", style="bold green" if found == 0 else "bold red")
    if found:
        raise typer.Exit(1)


def total_lag(log: "Bus") -> int:
    """Records not yet committed, over all consumers."""
    pairs = [(s.name, t) for s in topology.SERVICES for t in s.reads if t != topology.REGISTRY_CHANGES]
    return sum(log.lag(group, topic) for group, topic in pairs)


def caught_up(log: "Bus", timeout_s: float) -> int:
    """Waits until there is no lag, twice in a row; returns the lag that is left."""
    deadline, quiet = time.monotonic() + timeout_s, 0
    while True:
        lag = total_lag(log)
        quiet = quiet + 1 if lag == 0 else 0
        if quiet >= 2 or time.monotonic() > deadline:
            return lag
        time.sleep(0.2)


def take(log: "Bus") -> tuple[Report, bool]:
    """The ledger's report, and whether the log has dropped its beginning.

    While observations keep coming, the later topics hold some that came after `raw` was looked at: "missing" is
    counted from the raw records of the beginning, "invented" against those of the end.
    """
    from vigil.core import Ledger

    before = log.ranges(topology.RAW)
    ledger, extended = Ledger(), None
    others = {stage: log.ranges(topic) for stage, topic in STAGES.items() if stage != "raw"}
    after = log.ranges(topology.RAW)
    _read(log, [ledger], "raw", before)
    if after != before:
        extended = Ledger()
        _read(log, [extended], "raw", after)
    for stage, ranges in others.items():
        _read(log, [ledger, extended] if extended else [ledger], stage, ranges)
    report = ledger.report()
    if extended:
        for stage, counts in extended.report().items():
            report[stage]["invented"] = counts["invented"]
    trimmed = any(held.low > _first(held) for held in before)
    return report, trimmed


def _first(held: "PartitionRange") -> int:
    """The first offset of a log that dropped nothing."""
    return 0 if held.low <= 1 else 1


def _read(log: "Bus", ledgers: "list[Ledger]", stage: str, ranges: "list[PartitionRange]") -> None:
    for held in ranges:
        chunk: list[bytes] = []
        for record in log.read(held.position, held.low, held.high):
            chunk.append(record.value)
            if len(chunk) == CHUNK_RECORDS:
                _add(ledgers, stage, chunk)
                chunk = []
        _add(ledgers, stage, chunk)


def _add(ledgers: "list[Ledger]", stage: str, values: list[bytes]) -> None:
    for ledger in ledgers:
        ledger.add(stage, values)


def difference(report: Mapping[str, Mapping[str, int]], trimmed: bool = False) -> int:
    """What does not balance: missing and unreadable; invented too, where the log holds its beginning."""
    counted = ["missing", "unreadable"] + ([] if trimmed else ["invented"])
    return sum(counts[name] for counts in report.values() for name in counted)


def table(report: Report) -> Table:
    """The ledger for a person."""
    shown = Table(title="Ledger: observations by identity", title_justify="left")
    columns = ("records", "observations", "distinct", "duplicates", "missing", "invented", "unreadable")
    shown.add_column("stage")
    for column in columns:
        shown.add_column(column, justify="right")
    for stage in STAGES:
        counts = report[stage]
        bad = counts["missing"] + counts["invented"] + counts["unreadable"]
        shown.add_row(stage, *(f"{counts[column]:,}" for column in columns), style="red" if bad else None)
    return shown
