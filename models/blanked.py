"""What of the risk rests on how care is organised: its AUROC where columns are missing that otherwise say so."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from sklearn.metrics import roc_auc_score

from models.layout import SUPPORT, Layout, Matrix
from models.rows import Rows


def support(layout: Layout) -> list[int]:
    """The columns of the signs of support: values and ages."""
    return [at for at, name in enumerate(layout.features) if name.removesuffix("_age_s") in SUPPORT]


def blank(rows: Rows, columns: Sequence[int]) -> Rows:
    """A copy without what the columns say."""
    features = rows.features.copy()
    features[:, list(columns)] = np.nan
    return replace(rows, features=features)


def measure(layout: Layout, rows: Rows, score: Callable[[Matrix], Matrix]) -> dict[str, float]:
    """AUROC of the risk on rows as they are, without the signs of support, without times, and without both."""
    of_support = support(layout)
    times = [at for at, name in enumerate(layout.features) if name.endswith("_age_s") or name == "seen_s"]
    out = {}
    for name, columns in (("nothing", []), ("support", of_support), ("times", times), ("both", [*of_support, *times])):
        risk = score(blank(rows, columns).features)[:, 0]
        known = np.isfinite(risk)
        out[name] = float(roc_auc_score(rows.labels[known], risk[known]))
    return out
