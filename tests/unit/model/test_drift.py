"""PSI against an independent computation, and the bins at their edges."""

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from vigil.model.drift import Binning, band, distribution, psi
from vigil.model.manifest import Distribution


def test_training_values_have_no_drift() -> None:
    values = np.random.default_rng(1).normal(80, 15, 20_000).astype(np.float32)
    trained = distribution(values)
    assert trained.shares == pytest.approx([0.1] * 10, abs=0.001)
    (counts,) = Binning([trained]).count(values[:, None])
    assert psi(trained.shares, counts[:-1]) < 1e-6


def test_a_moved_distribution_drifts_as_the_formula_says() -> None:
    random = np.random.default_rng(2)
    trained = distribution(random.normal(80, 15, 20_000))
    moved = random.normal(95, 15, 20_000).astype(np.float32)
    (counts,) = Binning([trained]).count(moved[:, None])
    bounds = [-math.inf, *trained.edges, math.inf]
    live = [np.mean((moved >= low) & (moved < high)) for low, high in pairwise(bounds)]
    expected = sum((p - q) * math.log(p / q) for p, q in zip(live, trained.shares, strict=True))
    assert psi(trained.shares, counts[:-1]) == pytest.approx(expected, rel=1e-4)
    assert band(expected) == "much"


def test_a_value_on_an_edge_belongs_above_and_missing_is_apart() -> None:
    trained = Distribution(edges=[1.0, 2.0], shares=[0.3, 0.3, 0.4], missing=0.5)
    other = Distribution(edges=[5.0], shares=[0.5, 0.5], missing=0.0)
    rows = np.array([[1.0, 5.0], [0.9, 4.9], [2.0, math.nan], [math.inf, 9.0]], np.float32)
    assert Binning([trained, other]).count(rows).tolist() == [[1, 1, 1, 1], [1, 2, 0, 1]]


def test_columns_that_hold_one_value_or_none() -> None:
    constant = distribution(np.ones(50))
    assert psi(constant.shares, Binning([constant]).count(np.ones((9, 1), np.float32))[0, :-1]) == pytest.approx(0)
    empty = distribution(np.full(50, np.nan))
    assert (empty.missing, math.isnan(psi(empty.shares, [1] * 10))) == (1.0, True)
    assert band(math.nan) == "unknown"


@pytest.mark.parametrize(
    ("value", "word"), [(0.0, "none"), (0.0999, "none"), (0.1, "some"), (0.25, "some"), (0.26, "much")]
)
def test_bands(value: float, word: str) -> None:
    assert band(value) == word


def test_a_distribution_that_does_not_fit_itself_is_refused() -> None:
    for text in (b'{"edges":[1,2],"shares":[1],"missing":0}', b'{"edges":[2,1],"shares":[1,0,0],"missing":0}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(text, type=Distribution)
