"""Asking for scores: however the model is missing, it is unavailable and nothing is raised."""

from typing import Any

import pytest

from services.rules_engine.scorer import Scorer
from vigil.core import feature_names


class Rows:
    """What is waiting for scores."""

    rows = 1
    features = b"\0" * 4 * len(feature_names())


@pytest.mark.parametrize("closed", [False, True], ids=["nobody answers", "the channel is closed"])
def test_a_model_that_is_away_is_unavailable_and_left_alone_for_a_moment(closed: bool) -> None:
    scorer = Scorer("127.0.0.1:1", 100, 60_000, "test")
    if closed:
        scorer.close()
    pending: Any = Rows()
    assert scorer.score(pending) == (None, "")
    scorer._call = None  # type: ignore[assignment]
    assert scorer.score(pending) == (None, "")
    scorer.close()
