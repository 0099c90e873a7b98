"""Writes MODEL_CARD.md from the numbers of a training run and the words of `card.template.md`."""

import math
from pathlib import Path
from typing import Any

from vigil.evaluation.evaluate import MEASURES
from vigil.model import Manifest

_TEMPLATE = Path(__file__).with_name("card.template.md")
_MORTALITY = {"risk": "this model's risk", "news2": "NEWS2", "both": "both, their ranks added"}


def render(numbers: dict[str, Any], manifest: Manifest) -> str:
    """The card."""
    test, patients = numbers["test"], numbers["patients"]
    cost, calibrated, death = numbers["microseconds_per_row"], test["calibration"]["intervals"], numbers["mortality"]
    return _TEMPLATE.read_text("utf-8").format(
        version=manifest.version,
        file=manifest.file,
        kilobytes=numbers["bytes"] // 1000,
        opset=manifest.opset,
        schema=manifest.schema,
        train=patients["train"],
        calibration=patients["calibration"],
        test=patients["test"],
        rows_train=numbers["rows"]["train"],
        rows_test=test["rows"],
        rows_compared=test["rowsCompared"],
        labelled=test["patientsWithEvent"],
        prevalence=100 * test["prevalence"],
        not_scorable=100 * test["notScorable"]["risk"],
        rivals="\n".join(_rival(entry) for entry in test["ranking"].values()),
        alarms="\n".join(_alarms(test["alarms"])),
        brier=_figure(calibrated["brier"], 4),
        mean_risk=_figure(calibrated["mean_probability"], 4),
        mean_label=_figure(calibrated["mean_label"], 4),
        slope=_figure(calibrated["slope"], 2),
        expected_error=_figure(calibrated["expected_error"], 4),
        groups=_groups(test["groups"]),
        outcome_train=numbers["outcome_stays"]["train"],
        outcome_test=numbers["outcome_stays"]["test"],
        mortality_stays=death["stays"],
        deaths=death["deaths"],
        mortality_more=death["difference"],
        mortality_low=death["difference_95"][0],
        mortality_high=death["difference_95"][1],
        mortality="\n".join(
            f"| {title} | {death[name]:.3f} ({death[f'{name}_95'][0]:.3f} … {death[f'{name}_95'][1]:.3f}) |"
            for name, title in _MORTALITY.items()
        ),
        blanked={name: _figure(found) for name, found in numbers["blanked_auroc"].items()},
        without={name: " | ".join(_figure(of[m]) for m in MEASURES) for name, of in numbers["without"].items()},
        swapped="\n".join(f"| {sign} | {_figure(found)} |" for sign, found in numbers["swapped_value_auroc"].items()),
        artefacts="\n".join(_artefact(name, found) for name, found in numbers["artefacts"].items()),
        artefact_stays=numbers["artefact_stays"],
        risk=manifest.severity["risk"],
        anomaly=manifest.severity["anomaly"],
        cost_1=cost["1"],
        cost_64=cost["64"],
        cost_1024=cost["1024"],
    )


def _rival(entry: dict[str, Any]) -> str:
    more = entry.get("modelMore")
    title = "this model's risk" if more is None else entry["title"]
    differences = (_figure(more[measure]) if more else "" for measure in ("auroc", "aurocSameHour"))
    return f"| {title} | {' | '.join((*(_figure(entry[measure]) for measure in MEASURES), *differences))} |"


def _alarms(alarms: dict[str, Any]) -> list[str]:
    lines = []
    for pair in alarms["atNews2"]:
        limit = f"{pair['news2From']:.0f}"
        for title, name in (
            (f"NEWS2 ≥ {limit}", "news2"),
            ("risk, as many alarms", "model"),
            ("risk, as long on", "modelWithSameTimeOn"),
            ("risk, as many events", "modelWithSameSensitivity"),
        ):
            found = pair[name]
            if found:
                cells = (f"{found['threshold']:.4g}", _figure(found["alarmsPerBedDay"]))
                shares = (_figure(found[key]) for key in ("sensitivity", "precision", "timeOnShare"))
                lines.append(f"| {title} | {' | '.join((*cells, *shares))} |")
    return lines


def _groups(groups: list[dict[str, Any]]) -> str:
    """AUROC of the risk in every group that is large enough."""
    found = [f"{group['by']} {group['group']} {_figure(group['auroc']['risk'])}" for group in groups if group["auroc"]]
    return "AUROC of the risk: " + "; ".join(found) + "."


def _artefact(name: str, found: dict[str, Any]) -> str:
    counts = f"| {name} | {found['put_in']} | {found['refused']} |"
    if "auroc" not in found:
        return f"{counts} | | | | | |"
    shares = (_figure(found[f"{share}_{limit}"], 2) for limit in ("0.95", "0.99") for share in ("recall", "precision"))
    return f"{counts} {_figure(found['auroc'])} | {found['share']:.3f} | {' | '.join(shares)} |"


def _figure(figure: dict[str, float | None], digits: int = 3) -> str:
    """A figure with its interval; one that could not be computed is a dash."""
    value, low, high = (
        "–" if part is None or math.isnan(part) else f"{part:.{digits}f}"
        for part in (figure["value"], figure["low"], figure["high"])
    )
    return f"{value} ({low} … {high})"
