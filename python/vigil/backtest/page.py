"""`backtest.html`: the document as one page with plots."""

from pathlib import Path
from typing import Any

from vigil.backtest import document
from vigil.backtest.labels import PRIORITIES
from vigil.report import Page, Series, Tile, charts

Set = dict[str, Any]
ROWS_MAX = 200


def write(made: dict[str, Any], path: Path) -> Path:
    """Writes the page."""
    return page(made).write(path)


def page(made: dict[str, Any]) -> Page:
    """The page of a document."""
    sets: dict[str, Set] = made["rule_sets"]
    new, old = sets["rules"], sets.get("against")
    against = f", against {old['file']}" if old else ""
    names = ", ".join(Path(r["path"]).name for r in made["recordings"])
    sheet = Page("Backtest", f"{new['file']}{against} over {names}")
    sheet.tiles(_tiles(made, new, old))
    _lost(sheet, made)
    _burden(sheet, sets)
    _events(sheet, sets)
    _patients(sheet, made, sets)
    _origin(sheet, made, sets)
    return sheet


def percent(share: float | None) -> str:
    """A share as a reader wants it."""
    return "–" if share is None else f"{100 * share:.1f} %"


def _tiles(made: dict[str, Any], new: Set, old: Set | None) -> list[Tile]:
    def note(figure: str, share: bool = False) -> str:
        if old is None:
            return ""
        value = old["burden"][figure]
        shown = percent(value) if share else ("–" if value is None else f"{value:.2f}")
        return f"{shown} with {Path(old['file']).name}"

    burden = new["burden"]
    tiles = [
        Tile("alarms per bed-day", burden["per_bed_day"], note("per_bed_day")),
        Tile("time in alarm", percent(burden["time_in_alarm_share"]), note("time_in_alarm_share", True)),
        Tile("alarms under 15 s", percent(burden["under_15_s_share"]), note("under_15_s_share", True)),
        Tile("alarms of the top 10 % of patients", percent(burden["top_10_percent_patient_share"])),
        Tile("bed-days", made["bed_days"], f"{made['patients']:,} patients"),
    ]
    events = sum(kind["events"] for kind in new["events"].values())
    if events:
        caught = sum(kind["caught"] for kind in new["events"].values())
        before = sum(kind["caught"] for kind in old["events"].values()) if old else None
        told = f"{before} with {Path(old['file']).name}" if old else ""
        tiles.append(Tile("events caught", f"{caught} of {events}", told))
    return tiles


def _lost(sheet: Page, made: dict[str, Any]) -> None:
    for name, words in (("lost", "Events lost"), ("newly_caught", "Events newly caught")):
        rows = made.get("difference", {}).get("events", {}).get(name, [])
        if rows:
            sheet.section(f"{words}: {len(rows)}")
            table = [[row["patient"], row["kind"], row["onset"]] for row in rows[:ROWS_MAX]]
            sheet.table(["patient", "event", "onset"], table, caption="The first of them", fold=len(rows) > 10)


def _burden(sheet: Page, sets: dict[str, Set]) -> None:
    sheet.section("Alarm burden", "An alarm is one episode, from its start to its end.")
    for group, title in (("by_rule", "rule"), ("by_priority", "highest priority"), ("by_sign", "sign")):
        labels = _ordered(sets, group)
        if not labels:
            continue
        series = [
            Series(name, [float((s["burden"][group].get(label) or {}).get("per_bed_day") or 0.0) for label in labels])
            for name, s in sets.items()
        ]
        sheet.chart(charts.bars(labels, series, title=f"Alarms per bed-day by {title}", x="alarms per bed-day"))
    for one in sets.values():
        rows = [
            [rule, f["alarms"], f["per_bed_day"], *(f["by_highest_priority"][p] for p in PRIORITIES),
             percent(f["time_in_alarm_share"]), percent(f["under_15_s_share"]), f["median_length_s"]]
            for rule, f in one["burden"]["by_rule"].items()
        ]  # fmt: skip
        head = ["rule", "alarms", "per bed-day", *PRIORITIES, "time in alarm", "under 15 s", "median length (s)"]
        sheet.table(head, rows, caption=f"Every rule: {one['file']}", fold=True)
    edges = [row["from_s"] for row in sets["rules"]["distributions"]["length_s"]]
    labels = [_span(low, high) for low, high in zip(edges, [*edges[1:], None], strict=True)]
    lengths = [
        Series(name, [float(row["alarms"]) for row in one["distributions"]["length_s"]]) for name, one in sets.items()
    ]
    sheet.chart(charts.bars(labels, lengths, title="How long alarms lasted", x="ended alarms"))


def _span(low: float, high: float | None) -> str:
    def words(seconds: float) -> str:
        for unit, length in (("h", 3600), ("min", 60)):
            if seconds >= length:
                return f"{seconds / length:g} {unit}"
        return f"{seconds:g} s"

    return f"{words(low)} and more" if high is None else f"{words(low)} – {words(high)}"


def _ordered(sets: dict[str, Set], group: str) -> list[str]:
    found: dict[str, None] = {}
    for one in sets.values():
        found.update(dict.fromkeys(one["burden"][group]))
    return list(found)


def _events(sheet: Page, sets: dict[str, Set]) -> None:
    if not sets["rules"]["events"]:
        return
    sheet.section("Labelled events", "A delay counts from an episode's onset to its alarm; a lead from an alarm to the "
                  "outcome's onset. docs/backtest.md says which alarms count.")  # fmt: skip
    rows = []
    for name, one in sets.items():
        for kind, f in one["events"].items():
            unit = f["measured"]
            spread = [f.get(f"{unit}_{q}") for q in ("median", "p10", "p90", "p99")]
            rows.append(
                [name, kind, f["events"], f["caught"], f["missed"], f["alarmed"], unit.replace("_", ", "), *spread]
            )
    head = ["rules", "event", "events", "caught", "missed", "alarmed", "measured", "median", "p10", "p90", "p99"]
    sheet.table(head, rows)
    for kind, f in sets["rules"]["events"].items():
        scale, x = (1.0, "delay (s)") if f["measured"] == "delay_s" else (3600.0, "lead (h)")
        series = [
            Series(name, [value / scale for value in one["distributions"]["event_seconds"].get(kind, [])])
            for name, one in sets.items()
        ]
        if any(s.values for s in series):
            sheet.chart(charts.histogram(series, title=f"{kind}: {x}", x=x, y="events"))
    rows = [
        [name, d["detector"], d["kind"], d["events"], d["caught"], percent(d["caught_share"]), d.get("lead_h_median"),
         d["per_bed_day"], percent(d["alarmed_without_event_share"])]
        for name, one in sets.items()
        for d in one["detectors"]
    ]  # fmt: skip
    if rows:
        head = ["rules", "alarm", "event", "events", "caught", "share", "median lead (h)"]
        head += ["alarms a bed-day", "alarmed without event"]
        sheet.table(head, rows, caption="What single alarms foresee")


def _patients(sheet: Page, made: dict[str, Any], sets: dict[str, Set]) -> None:
    sheet.section("Patients")
    series = []
    for name, one in sets.items():
        counts = one["distributions"]["alarms_per_patient"]
        total, running, points = sum(counts), 0, [(0.0, 0.0)]
        step = max(1, len(counts) // 200)
        for at, count in enumerate(counts, start=1):
            running += count
            if at % step == 0 or at == len(counts):
                points.append((100 * at / len(counts), 100 * running / total if total else 0.0))
        series.append(Series(name, points=points))
    sheet.chart(
        charts.line(series, title="How alarms fall on patients", x="patients, most alarms first (%)", y="alarms (%)",
                    diagonal=True, note="On the dashed line every patient would have as many.")
    )  # fmt: skip
    rows = made.get("difference", {}).get("patients", [])
    if rows:
        pairs = sorted({(float(row["against"]), float(row["rules"])) for row in rows})
        note = "Below the dashed line a patient has fewer alarms with the new rules. Only patients that differ."
        sheet.chart(
            charts.scatter([Series("patient", points=pairs)], title="Alarms per patient", x="against", y="rules",
                           diagonal=True, note=note)
        )  # fmt: skip
        table = [[r["patient"], r["against"], r["rules"], r["difference"]] for r in rows[:ROWS_MAX]]
        head = ["patient", "against", "rules", "difference"]
        sheet.table(head, table, caption=f"The patients that differ most, of {len(rows):,}", fold=True)


def _origin(sheet: Page, made: dict[str, Any], sets: dict[str, Set]) -> None:
    sheet.section("Where this comes from")
    rows: list[list[object]] = [["core", made["core_version"]], ["model", made["model"] or "none: scores unavailable"]]
    for name, one in sets.items():
        rows += [
            [f"{name}: file", one["file"]],
            [f"{name}: rule set version", one["version"]],
            [f"{name}: hash of all alerts", one["alerts_sha256"]],
        ]
    rows += [[f"recording {r['path']}", f"{r['observations']:,} observations"] for r in made["recordings"]]
    rows.append(["document", f"backtest.json, format {document.FORMAT}"])
    sheet.table(["", ""], rows)
