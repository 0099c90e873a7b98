"""How far live values have moved from the training values: the population stability index (PSI).

Values are counted in the bins of a training `Distribution`, ten of equal share where the values allow it. PSI is the
sum over the bins of (live - trained) · ln(live / trained), of known values only; how many are missing is
compared apart. Customary bands: below 0.1 no change, to 0.25 some, beyond it much
(Siddiqi, Credit Risk Scorecards, 2006).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vigil.model.manifest import Distribution

BINS = 10
SOME, MUCH = 0.1, 0.25
# An empty bin would make PSI infinite; a share below this counts as this.
SHARE_MIN = 1e-4

VALUES_MIN = 500
"""Fewer live values say nothing: there is no index."""

Counts = NDArray[np.int64]


def distribution(values: NDArray[np.floating], bins: int = BINS) -> Distribution:
    """The training distribution of one column; NaN is missing. Edges are quantiles, so equal values can empty bins."""
    known = np.sort(np.asarray(values, np.float64)[np.isfinite(values)])
    if len(known) == 0:
        return Distribution(edges=[0.0] * (bins - 1), shares=[0.0] * bins, missing=1.0)
    edges = [float(edge) for edge in np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf")]
    shares = np.bincount(np.searchsorted(edges, known, side="right"), minlength=bins) / len(known)
    return Distribution(
        edges=edges,
        shares=[round(float(share), 6) for share in shares],
        missing=round(1.0 - len(known) / len(values), 6),
    )


class Binning:
    """The bins of many columns at once: rows are counted without a loop over columns."""

    def __init__(self, columns: Sequence[Distribution]) -> None:
        self.columns = list(columns)
        width = max((len(column.edges) for column in self.columns), default=0)
        padded = [[*column.edges, *[math.inf] * (width - len(column.edges))] for column in self.columns]
        self.edges = np.array(padded, np.float32).reshape(len(self.columns), width)
        """Per column, beyond its own edges padded with infinity."""
        self.bins = width + 2
        """Bins a column has room for; the last counts what is missing."""
        self._start = np.arange(len(self.columns)) * self.bins

    def count(self, rows: NDArray[np.float32]) -> Counts:
        """Counts of rows × columns: columns × `bins`."""
        within = (rows[:, :, None] >= self.edges[None, :, :]).sum(axis=2)
        within[~np.isfinite(rows)] = self.bins - 1
        flat = np.bincount((within + self._start).ravel(), minlength=len(self.columns) * self.bins)
        return flat.reshape(len(self.columns), self.bins)


def psi(trained: Sequence[float], counts: Sequence[int] | Counts) -> float:
    """The index of live `counts` against `trained` shares; NaN without a live value or without a trained one."""
    expected, live = np.asarray(trained, np.float64), np.asarray(counts, np.float64)
    if live.sum() == 0 or expected.sum() == 0:
        return math.nan
    p = np.maximum(live / live.sum(), SHARE_MIN)
    q = np.maximum(expected / expected.sum(), SHARE_MIN)
    return float(np.sum((p - q) * np.log(p / q)))


def index(trained: Distribution, counts: Counts) -> tuple[float, int]:
    """The PSI of a column's counts (bins, then missing), NaN below `VALUES_MIN` known ones; and how many are known."""
    known = counts[: len(trained.shares)]
    total = int(known.sum())
    return psi(trained.shares, known) if total >= VALUES_MIN else math.nan, total


def band(value: float) -> str:
    """none, some, much; unknown where there is no index."""
    if math.isnan(value):
        return "unknown"
    return "none" if value < SOME else "some" if value <= MUCH else "much"
