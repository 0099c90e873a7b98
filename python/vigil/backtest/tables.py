"""The document on a terminal."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from vigil.backtest.page import percent
from vigil.report import number

EVENTS_SHOWN = 10


def tables(made: dict[str, Any]) -> Iterator[Table]:
    """Burden, rules, events and what differs; only those that say something."""
    sets = made["rule_sets"]
    yield _burden(made, sets)
    for group, title in (("by_rule", "Alarms by rule"), ("by_sign", "Alarms by sign")):
        if any(one["burden"][group] for one in sets.values()):
            yield _grouped(sets, group, title)
    if sets["rules"]["events"]:
        yield _events(sets)
    if any(one["detectors"] for one in sets.values()):
        yield _detectors(sets)
    if "difference" in made:
        yield from _difference(made["difference"])


def _columns(title: str, first: str, sets: dict[str, Any], *more: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for name in (*sets, *more):
        table.add_column(name, justify="right")
    return table


def _burden(made: dict[str, Any], sets: dict[str, Any]) -> Table:
    table = _columns("Alarm burden", f"{made['patients']:,} patients, {number(made['bed_days'])} bed-days", sets)
    burdens = [one["burden"] for one in sets.values()]
    table.add_row("alarms", *(number(b["alarms"]) for b in burdens))
    table.add_row("alarms per bed-day", *(number(b["per_bed_day"]) for b in burdens))
    for priority in ("high", "medium", "low"):
        table.add_row(f"  {priority} priority", *(number(b["by_priority"][priority]["per_bed_day"]) for b in burdens))
    table.add_row("time in alarm", *(percent(b["time_in_alarm_share"]) for b in burdens))
    table.add_row("alarms under 15 s", *(percent(b["under_15_s_share"]) for b in burdens))
    table.add_row("alarms of the top 10 % of patients", *(percent(b["top_10_percent_patient_share"]) for b in burdens))
    table.add_row("suppressed", *(number(b["suppressed"]) for b in burdens))
    table.add_row("hash of all alerts", *(one["alerts_sha256"][:16] for one in sets.values()))
    return table


def _grouped(sets: dict[str, Any], group: str, title: str) -> Table:
    table = _columns(title, group.removeprefix("by_"), sets, "high", "medium", "low", "time in alarm", "under 15 s")
    found: dict[str, None] = {}
    for one in sets.values():
        found.update(dict.fromkeys(one["burden"][group]))
    for name in found:
        figures = [one["burden"][group].get(name, {}) for one in sets.values()]
        new = figures[0]
        split = new.get("by_highest_priority", {})
        table.add_row(
            name,
            *(number(f.get("per_bed_day", 0)) for f in figures),
            *(number(split.get(priority, 0)) for priority in ("high", "medium", "low")),
            percent(new.get("time_in_alarm_share")),
            percent(new.get("under_15_s_share")),
        )
    table.caption = "per bed-day; the columns after that are of the first rule set"
    return table


def _events(sets: dict[str, Any]) -> Table:
    table = Table(title="Labelled events", title_justify="left")
    for name in ("rules", "event"):
        table.add_column(name)
    for name in ("events", "caught", "missed", "alarmed", "measured", "median", "p10", "p90", "p99"):
        table.add_column(name, justify="right")
    for name, one in sets.items():
        for kind, f in one["events"].items():
            unit = f["measured"]
            spread = (number(f.get(f"{unit}_{q}")) for q in ("median", "p10", "p90", "p99"))
            counts = (number(f[key]) for key in ("events", "caught", "missed", "alarmed"))
            table.add_row(name, kind, *counts, unit.replace("_", " in "), *spread)
    return table


def _detectors(sets: dict[str, Any]) -> Table:
    table = Table(title="What single alarms foresee", title_justify="left")
    for name in ("rules", "alarm", "event"):
        table.add_column(name)
    for name in ("events", "caught", "share", "median lead (h)", "alarms a bed-day", "alarmed without event"):
        table.add_column(name, justify="right")
    for name, one in sets.items():
        for d in one["detectors"]:
            figures = (number(d["events"]), number(d["caught"]), percent(d["caught_share"]))
            lead, false = number(d.get("lead_h_median")), percent(d["alarmed_without_event_share"])
            table.add_row(name, d["detector"], d["kind"], *figures, lead, number(d["per_bed_day"]), false)
    return table


def _difference(difference: dict[str, Any]) -> Iterator[Table]:
    table = Table(title="Difference", title_justify="left", show_header=False)
    for figure, name in (("alarms_change", "alarms"), ("time_in_alarm_change", "time in alarm")):
        change = difference[figure]
        table.add_row(name, "–" if change is None else f"{100 * change:+.1f} %")
    table.add_row("patients that differ", number(len(difference["patients"])))
    for row in difference["patients"][:5]:
        table.add_row(f"  {row['patient']}", f"{row['against']} → {row['rules']}")
    yield table
    for name, title in (("newly_caught", "Events newly caught"), ("lost", "Events lost")):
        rows = difference["events"][name]
        if rows:
            table = Table("patient", "event", "onset", title=f"{title}: {len(rows)}", title_justify="left")
            for row in rows[:EVENTS_SHOWN]:
                table.add_row(row["patient"], row["kind"], row["onset"] or "–")
            yield table
