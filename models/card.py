"""Writes MODEL_CARD.md from the numbers of a training run and the words of `card.template.md`."""

from pathlib import Path
from typing import Any

from vigil.model import Manifest

_TEMPLATE = Path(__file__).with_name("card.template.md")
_RIVALS = {"risk": "this model's risk", "news2_partial": "NEWS2, partial", "shock_index": "shock index"}


def render(numbers: dict[str, Any], manifest: Manifest) -> str:
    """The card."""
    test, patients = numbers["test"], numbers["patients"]
    risk, anomaly = manifest.severity["risk"], manifest.severity["anomaly"]
    cost = numbers["microseconds_per_row"]
    rivals = "\n".join(
        f"| {title} | {_interval(test['scores'][name], 'auroc')} | {_interval(test['scores'][name], 'auprc')} |"
        for name, title in _RIVALS.items()
    )
    deciles = "\n".join(f"| {i} | {r:.4f} | {y:.4f} |" for i, (r, y) in enumerate(test["calibration"]["deciles"], 1))
    swapped = "\n".join(f"| {sign} | {value:.3f} |" for sign, value in numbers["swapped_value_auroc"].items())
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
        rows_compared=test["rows_compared"],
        labelled=test["patients_with_label"],
        prevalence=100 * test["prevalence"],
        not_scorable=100 * test["not_scorable"],
        rivals=rivals,
        brier=test["calibration"]["brier"],
        mean_risk=test["calibration"]["mean_risk"],
        mean_label=test["calibration"]["mean_label"],
        deciles=deciles,
        anomaly_auroc=test["anomaly"]["risk_auroc_of_anomaly"],
        swapped=swapped,
        risk=risk,
        anomaly=anomaly,
        cost_1=cost["1"],
        cost_64=cost["64"],
        cost_1024=cost["1024"],
    )


def _interval(metric: dict[str, Any], name: str) -> str:
    low, high = metric[f"{name}_95"]
    return f"{metric[name]:.3f} ({low:.3f} … {high:.3f})"
