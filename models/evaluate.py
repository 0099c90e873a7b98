"""How good the model is on patients it never saw, beside what a ward would use without it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from models.fit import Rows
from models.layout import Layout
from vigil.core import score_news2

BOOTSTRAPS = 200
Scores = NDArray[np.floating]
Metric = dict[str, float | list[float]]


def compare(layout: Layout, rows: Rows, scores: NDArray[np.float32], seed: int) -> dict[str, object]:
    """AUROC and AUPRC of the risk, of partial NEWS2 and of the shock index, on the same rows."""
    shock_index = rows.features[:, list(layout.features).index("shock_index")]
    risk = scores[:, 0]
    usable = np.isfinite(risk) & np.isfinite(shock_index)
    rivals = {"risk": risk, "news2_partial": news2(layout, rows), "shock_index": shock_index}
    some = {name: rival[usable] for name, rival in rivals.items()}
    labels, patient = rows.labels[usable], rows.patient[usable]
    out: dict[str, object] = {
        "rows": len(rows.labels),
        "rows_compared": int(usable.sum()),
        "patients": len(np.unique(patient)),
        "patients_with_label": len(np.unique(patient[labels == 1])),
        "prevalence": float(labels.mean()),
        "not_scorable": float(np.isnan(risk).mean()),
        "scores": {name: _metric(labels, values, patient, seed) for name, values in some.items()},
    }
    scored = np.isfinite(risk)
    out["calibration"] = {
        "brier": float(brier_score_loss(rows.labels[scored], risk[scored])),
        "mean_risk": float(risk[scored].mean()),
        "mean_label": float(rows.labels[scored].mean()),
        "deciles": _deciles(rows.labels[scored], risk[scored]),
    }
    out["anomaly"] = {"risk_auroc_of_anomaly": float(roc_auc_score(rows.labels[scored], scores[scored, 1]))}
    return out


def swapped(
    layout: Layout, rows: Rows, score: Callable[[NDArray[np.float32]], NDArray[np.float32]], seed: int
) -> dict[str, float]:
    """AUROC per sign of telling a value from the same sign of another patient (baseline kept, so the delta moves)."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(rows.labels), min(20_000, len(rows.labels)), replace=False)
    own = rows.features[chosen]
    before = score(own)
    out = {}
    for sign, name in enumerate(layout.signs):
        value, delta = layout.value[sign], layout.delta[sign]
        other = own.copy()
        other[:, value] = own[random.permutation(len(own)), value]
        other[:, delta] = own[:, delta] + other[:, value] - own[:, value]
        for extra, make in _DERIVED.items():
            made = make({n: other[:, c] for n, c in zip(layout.signs, layout.value, strict=True)})
            column = list(layout.features).index(extra)
            other[:, column] = np.where(np.isfinite(own[:, column]), made, np.nan)
        after = score(other)
        both = np.isfinite(before[:, 2 + sign]) & np.isfinite(after[:, 2 + sign]) & (other[:, value] != own[:, value])
        if both.sum() > 10:
            labels = np.r_[np.zeros(both.sum()), np.ones(both.sum())]
            out[name] = float(roc_auc_score(labels, np.r_[before[both, 2 + sign], after[both, 2 + sign]]))
    return out


_DERIVED: dict[str, Callable[[dict[str, Scores]], Scores]] = {
    "shock_index": lambda value: value["heart_rate"] / value["systolic"],
    "pulse_pressure": lambda value: value["systolic"] - value["diastolic"],
}


def news2(layout: Layout, rows: Rows) -> Scores:
    """The partial NEWS2 total of each row: oxygen and consciousness are not recorded."""
    at = {sign: rows.features[:, column].tolist() for sign, column in zip(layout.signs, layout.value, strict=True)}

    def known(value: float) -> float | None:
        return value if value == value else None

    totals = [
        score_news2(known(rr), known(spo2), 1, None, known(sbp), known(hr), None, known(temp))[0]
        for rr, spo2, sbp, hr, temp in zip(
            at["respiratory_rate"], at["spo2"], at["systolic"], at["heart_rate"], at["temperature"], strict=True
        )
    ]
    return np.array(totals, np.float64)


def _metric(labels: NDArray[np.int8], values: Scores, patient: NDArray[np.int32], seed: int) -> Metric:
    """Point estimate and 95 % interval from resampling patients, not rows."""
    random = np.random.default_rng(seed)
    people, index = np.unique(patient, return_inverse=True)
    auroc, auprc = [], []
    for _ in range(BOOTSTRAPS):
        weight = np.bincount(random.integers(0, len(people), len(people)), minlength=len(people))[index]
        if weight[labels == 1].sum() == 0:
            continue
        auroc.append(roc_auc_score(labels, values, sample_weight=weight))
        auprc.append(average_precision_score(labels, values, sample_weight=weight))
    return {
        "auroc": float(roc_auc_score(labels, values)),
        "auroc_95": [float(q) for q in np.percentile(auroc, [2.5, 97.5])],
        "auprc": float(average_precision_score(labels, values)),
        "auprc_95": [float(q) for q in np.percentile(auprc, [2.5, 97.5])],
    }


def _deciles(labels: NDArray[np.int8], risk: Scores) -> list[list[float]]:
    """Mean risk and share of labels in each tenth of the rows, by risk."""
    parts = np.array_split(np.argsort(risk, kind="stable"), 10)
    return [[float(risk[part].mean()), float(labels[part].mean())] for part in parts]
