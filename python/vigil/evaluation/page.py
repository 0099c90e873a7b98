"""`evaluation.html`: the numbers as one page with plots."""

from pathlib import Path
from typing import Any

from vigil.evaluation.rows import TITLES
from vigil.report import Page, Ranged, Series, Tile, charts

_LEAD_BINS = 12


def write(made: dict[str, Any], path: Path) -> Path:
    """Writes the page."""
    found = made["found"]
    sheet = Page(f"Evaluation: {found['kind']}", f"{made['model']} over {made['recording']}; {made['patientsChosen']}")
    _tiles(sheet, found)
    _ranking(sheet, found)
    _calibration(sheet, found)
    _alarms(sheet, found, made["lookbackHours"])
    _groups(sheet, found)
    if made["remarks"]:
        sheet.section("What speaks against it")
        for line in made["remarks"]:
            sheet.paragraph(line)
    sheet.section("How to read this")
    for line in made["notes"]:
        sheet.paragraph(line)
    return sheet.write(path)


def ranged(entry: dict[str, Any] | None, digits: int = 3) -> Ranged:
    """A value with its interval under it."""
    if entry is None or entry["value"] is None:
        return Ranged("–")
    interval = "" if entry["low"] is None else f"{entry['low']:.{digits}f} … {entry['high']:.{digits}f}"
    return Ranged(f"{entry['value']:.{digits}f}", interval)


def figure(entry: dict[str, Any] | None, digits: int = 3) -> str:
    """A value with its interval, in a line."""
    value, interval = ranged(entry, digits)
    return f"{value} ({interval})" if interval else value


def _tiles(sheet: Page, found: dict[str, Any]) -> None:
    model, news2 = found["ranking"]["risk"], found["ranking"].get("news2", {})
    sheet.tiles(
        [
            Tile("AUROC", _short(model["auroc"]), f"NEWS2 {_short(news2.get('auroc'))}"),
            Tile("AUPRC", _short(model["auprc"]), f"NEWS2 {_short(news2.get('auprc'))}"),
            Tile("patients with the event", f"{found['patientsWithEvent']:,}", f"of {found['patients']:,}"),
            Tile("bed-days", found["bedDays"]),
            Tile(
                "labelled rows", f"{100 * (found['prevalence'] or 0):.2f} %", f"of {found['rowsCompared']:,} compared"
            ),
        ]
    )


def _short(entry: dict[str, Any] | None) -> str:
    return "–" if entry is None or entry["value"] is None else f"{entry['value']:.3f}"


def _ranking(sheet: Page, found: dict[str, Any]) -> None:
    sheet.section(
        "Ranking",
        "Every score on the same rows; 95 % intervals from resampling patients. Within the hour: only rows that are as "
        "many hours after their patient's first are compared, so that how long someone has been there tells nothing.",
    )
    rows = []
    for name, entry in found["ranking"].items():
        more = entry.get("modelMore", {})
        rows.append(
            [
                TITLES[name],
                ranged(entry["auroc"]),
                ranged(entry["auprc"]),
                ranged(entry["aurocSameHour"]),
                ranged(more.get("auroc")),
                ranged(more.get("auprc")),
                ranged(more.get("aurocSameHour")),
            ]
        )
    measures = ["AUROC", "AUPRC", "AUROC within the hour"]
    sheet.table(["score", *measures, *(f"model's {measure} is more by" for measure in measures)], rows)
    curves = found["curves"]
    roc = [Series(TITLES[name], points=curve["roc"]) for name, curve in curves.items()]
    sheet.chart(charts.line(roc, title="ROC", x="false positive rate", y="true positive rate", diagonal=True))
    recall = [Series(TITLES[name], points=curve["precisionRecall"]) for name, curve in curves.items()]
    note = f"{100 * (found['prevalence'] or 0):.2f} % of the rows are labelled: that is the precision of a guess."
    sheet.chart(charts.line(recall, title="Precision and recall", x="recall", y="precision", note=note))


def _calibration(sheet: Page, found: dict[str, Any]) -> None:
    c = found["calibration"]
    sheet.section("Calibration", "A probability of 0.1 should come true in a tenth of the rows.")
    sheet.table(
        ["Brier score", "expected error", "slope", "intercept", "mean probability", "share of labels"],
        [
            [
                ranged(c["intervals"][name], digits)
                for name, digits in (("brier", 4), ("expected_error", 4), ("slope", 2), ("intercept", 2))
            ]
            + [ranged(c["intervals"][name], 4) for name in ("mean_probability", "mean_label")]
        ],
    )
    points = [(mean, share) for mean, share, _ in c["bins"]]
    sheet.chart(
        charts.line(
            [Series("model", points=points)], title="Calibration", x="mean probability of a tenth of the rows",
            y="share of labels", dots=True, diagonal=True,
        )
    )  # fmt: skip


def _alarms(sheet: Page, found: dict[str, Any], lookback_h: float) -> None:
    sheet.section("Alarms at the same sensitivity", "An alarm is on while the score is at or above the threshold.")
    head = ["to catch", "score", "threshold", "caught", "share", "alarms a bed-day", "time on", "alarms in a window"]
    head.append("median lead (h)")
    rows = []
    for fixed in found["alarms"]["atSensitivity"]:
        for name, entry in fixed["scores"].items():
            rows.append([f"{100 * fixed['sensitivity']:.0f} %", *_alarm_row(TITLES[name], entry)])
    sheet.table(head, rows)
    if found["alarms"]["atNews2"]:
        sheet.section("Against NEWS2 as it is used")
        rows = []
        for matched in found["alarms"]["atNews2"]:
            limit = f"NEWS2 ≥ {matched['news2From']:.0f}"
            rows.append([limit, *_alarm_row("NEWS2, partial", matched["news2"])])
            rows.append([limit, *_alarm_row("model, as many alarms", matched["model"])])
            for title, name in (("as long on", "modelWithSameTimeOn"), ("as many events", "modelWithSameSensitivity")):
                if matched[name]:
                    rows.append([limit, *_alarm_row(f"model, {title}", matched[name])])
        sheet.table(["held against", *head[1:]], rows)
    leads = [
        Series(TITLES[name], entry["leadHours"])
        for fixed in found["alarms"]["atSensitivity"][-1:]
        for name, entry in fixed["scores"].items()
        if entry["leadHours"]
    ]
    if leads:
        caught = found["alarms"]["atSensitivity"][-1]["sensitivity"]
        sheet.chart(
            charts.histogram(
                leads, title=f"Lead time, {100 * caught:.0f} % of the events caught", x="hours before onset",
                y="events",
                edges=[max(lookback_h, 1.0) * at / _LEAD_BINS for at in range(_LEAD_BINS + 1)],
            )
        )  # fmt: skip


def _alarm_row(title: str, entry: dict[str, Any]) -> list[object]:
    return [
        title,
        entry["threshold"],
        entry["caught"],
        ranged(entry["sensitivity"], 2),
        ranged(entry["alarmsPerBedDay"], 2),
        ranged(entry["timeOnShare"], 3),
        ranged(entry["precision"], 3),
        ranged(entry["medianLeadH"], 1),
    ]


def _groups(sheet: Page, found: dict[str, Any]) -> None:
    sheet.section(
        "Groups",
        "AUROC on the rows of each group, and whether the model's probability means the same in it. A group with few "
        "events has neither.",
    )
    rows = [
        [
            g["by"], g["group"], g["patients"], g["patientsWithEvent"], g.get("meanRisk"), g.get("meanLabel"),
            *(ranged(g["auroc"].get(name)) for name in TITLES),
        ]
        for g in found["groups"]
    ]  # fmt: skip
    sheet.table(
        ["by", "group", "patients", "with the event", "mean probability", "share of labels", *TITLES.values()], rows
    )
