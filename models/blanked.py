"""What of the risk rests on how care is organised: its AUROC where columns are missing that otherwise say so."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

from models.layout import SUPPORT, Layout, Matrix
from models.rows import Rows


def measure(layout: Layout, rows: Rows, score: Callable[[Matrix], Matrix]) -> dict[str, float]:
    """AUROC of the risk on rows as they are, without the signs of support, without times, and without both."""
    support = [at for at, name in enumerate(layout.features) if name.removesuffix("_age_s") in SUPPORT]
    times = [at for at, name in enumerate(layout.features) if name.endswith("_age_s") or name == "seen_s"]
    out = {}
    for name, columns in (("nothing", []), ("support", support), ("times", times), ("both", [*support, *times])):
        features = rows.features.copy()
        features[:, columns] = np.nan
        risk = score(features)[:, 0]
        known = np.isfinite(risk)
        out[name] = float(roc_auc_score(rows.labels[known], risk[known]))
    return out
