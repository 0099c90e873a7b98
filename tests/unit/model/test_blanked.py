"""Blanking what a score rests on shows that it does."""

import numpy as np

from models import blanked, train
from models.rows import Rows
from vigil import core

NAMES = core.feature_names()


def test_the_auroc_falls_without_the_columns_that_the_score_rests_on() -> None:
    random, count = np.random.default_rng(1), 4000
    labels = (np.arange(count) % 5 == 0).astype(np.int8)
    features = np.zeros((count, len(NAMES)), np.float32)
    features[:, NAMES.index("fio2")] = labels + random.normal(0, 0.5, count)
    features[:, NAMES.index("seen_s")] = labels + random.normal(0, 1.0, count)
    features[:, NAMES.index("heart_rate")] = random.normal(0, 1, count)

    def score(rows: np.ndarray) -> np.ndarray:
        seen = np.nan_to_num(rows)
        return (4 * seen[:, [NAMES.index("fio2")]] + seen[:, [NAMES.index("seen_s")]]).astype(np.float32)

    rows = Rows(features, labels, np.arange(count, dtype=np.int32))
    found = blanked.measure(train.layout(), rows, score, seed=1, rounds=50)
    assert found["both"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    order = [found[name] for name in ("nothing", "times", "support")]
    assert order[0]["low"] > order[1]["high"] > order[1]["low"] > order[2]["high"] > order[2]["low"] > 0.5
    assert all(figure["low"] < figure["value"] < figure["high"] for figure in order)
    assert np.isfinite(features).all()
