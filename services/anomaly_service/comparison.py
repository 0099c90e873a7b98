"""Two models on the same live rows: how their scores differ, rank, band, and what they cost."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigil.model import Manifest, Severity
from vigil.model.manifest import BANDED

Scores = NDArray[np.float32]
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Bounds:
    """What a model may differ by and still be promoted without a person's word."""

    rank_agreement_min: float = 0.5
    severe_share_difference_max: float = 0.02
    unscorable_share_difference_max: float = 0.01
    time_ratio_max: float = 4.0


@dataclass
class Comparison:
    """Scores of both models, gathered row by row. `add` and `report` may run on different threads."""

    active: Manifest
    candidate: Manifest
    rows: int = 0
    time_ratio: float | None = None
    _active: list[Scores] = field(default_factory=list)
    _candidate: list[Scores] = field(default_factory=list)

    def add(self, active: Scores, candidate: Scores) -> None:
        """Both models' scores of the same rows."""
        self._active.append(active)
        self._candidate.append(candidate)
        self.rows += len(active)

    def report(self) -> dict[str, Any]:
        """The comparison so far, per score; `None` where there is nothing to say."""
        pairs = list(zip(self._active, self._candidate, strict=False))
        shown: dict[str, Any] = {"rows": sum(len(a) for a, _ in pairs), "timeRatio": self.time_ratio, "scores": {}}
        if pairs:
            active, candidate = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
            for column, name in enumerate(self.active.scores):
                shown["scores"][name] = self._column(name, active[:, column], candidate[:, column])
        return shown

    def _column(self, name: str, active: Scores, candidate: Scores) -> dict[str, Any]:
        known = np.isfinite(active) & np.isfinite(candidate)
        a, c = active[known].astype(np.float64), candidate[known].astype(np.float64)
        shown: dict[str, Any] = {
            "rows": len(a),
            "unscorable": {"active": _share(~np.isfinite(active)), "candidate": _share(~np.isfinite(candidate))},
            "difference": None,
            "rankAgreement": None,
        }
        if len(a):
            quantiles = np.quantile(c - a, _QUANTILES)
            shown["difference"] = {
                "mean": float(np.mean(c - a)),
                "meanAbsolute": float(np.mean(np.abs(c - a))),
                **{f"p{100 * q:02.0f}": float(value) for q, value in zip(_QUANTILES, quantiles, strict=True)},
            }
            shown["rankAgreement"] = spearman(a, c)
        if name in BANDED:
            shown["severityShares"] = {
                "active": severity_shares(self.active, name, a),
                "candidate": severity_shares(self.candidate, name, c),
            }
        return shown


def problems(report: dict[str, Any], bounds: Bounds) -> list[str]:
    """Why the candidate must not take over on its own; empty when it may."""
    found = []
    for name in BANDED:
        column = report["scores"].get(name)
        if column is None or column["rows"] == 0:
            found.append(f"{name}: no row that both models score")
            continue
        agreement = column["rankAgreement"]
        if agreement is None or agreement < bounds.rank_agreement_min:
            found.append(f"{name}: rank agreement {_text(agreement)} is below {bounds.rank_agreement_min:g}")
        severe = {model: shares["high"] + shares["critical"] for model, shares in column["severityShares"].items()}
        if abs(severe["candidate"] - severe["active"]) > bounds.severe_share_difference_max:
            found.append(
                f"{name}: {100 * severe['candidate']:.2f} % of the rows are high or critical, "
                f"with the active model {100 * severe['active']:.2f} %"
            )
        missing = column["unscorable"]
        if missing["candidate"] - missing["active"] > bounds.unscorable_share_difference_max:
            found.append(f"{name}: {100 * missing['candidate']:.2f} % of the rows are not scorable")
    if report["timeRatio"] is not None and report["timeRatio"] > bounds.time_ratio_max:
        found.append(f"a row takes {report['timeRatio']:.1f} times as long")
    return found


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Rank correlation, equal values at the middle of their ranks; None when one of them does not vary."""
    ranks = [_ranks(values) for values in (a, b)]
    spread = [float(np.std(rank)) for rank in ranks]
    if min(spread) == 0.0:
        return None
    products = (ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())
    return float(np.mean(products) / (spread[0] * spread[1]))


def severity_shares(manifest: Manifest, score: str, values: NDArray[np.float64]) -> dict[str, float]:
    """The share of the values in each severity of `manifest`."""
    bands = manifest.severity[score]
    at = np.searchsorted([bands.medium, bands.high, bands.critical], values, side="right")
    counts = np.bincount(at, minlength=4)
    return {severity.word: float(count / max(len(values), 1)) for severity, count in zip(Severity, counts, strict=True)}


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: NDArray[np.float64] = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    return middle


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _text(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
