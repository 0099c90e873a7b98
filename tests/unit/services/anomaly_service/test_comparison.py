"""What is said of two models, against independent computations."""

import msgspec
import numpy as np
import pytest
from scipy.stats import spearmanr

from services.anomaly_service.comparison import Bounds, Comparison, problems, severity_shares, spearman
from vigil.model.manifest import Bands, Manifest, read

BANDS = {"risk": Bands(0.1, 0.2, 0.3), "anomaly": Bands(0.95, 0.99, 0.999)}


@pytest.fixture
def manifest(model_file) -> Manifest:
    return msgspec.structs.replace(read(model_file)[0], severity=BANDS)


def matrix(manifest: Manifest, risk: np.ndarray) -> np.ndarray:
    return np.repeat(risk.astype(np.float32)[:, None], len(manifest.scores), axis=1)


def test_rank_agreement_is_spearman_with_ties() -> None:
    random = np.random.default_rng(1)
    a = np.round(random.random(500), 1)
    b = np.round(a + random.normal(0, 0.3, 500), 1)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert spearman(a, np.ones(500)) is None


def test_severities_begin_at_their_limits(manifest: Manifest) -> None:
    shares = severity_shares(manifest, "risk", np.array([0.0, 0.1, 0.19, 0.2, 0.3]))
    assert shares == {"low": 0.2, "medium": 0.4, "high": 0.2, "critical": 0.2}


def test_the_same_model_is_within_bounds(manifest: Manifest) -> None:
    made, scores = Comparison(manifest, manifest), matrix(manifest, np.random.default_rng(1).random(100))
    made.add(scores, scores)
    report = made.report()
    assert problems(report, Bounds()) == []
    assert report["scores"]["risk"]["rankAgreement"] == pytest.approx(1.0)
    assert report["scores"]["risk"]["difference"]["meanAbsolute"] == 0.0


def test_each_bound_is_named_when_it_is_broken(manifest: Manifest) -> None:
    risk = np.linspace(0.0, 0.15, 100)
    for other, word in (
        (risk[::-1], "rank agreement"),
        (risk + 0.1, "high or critical"),
        (np.where(np.arange(100) < 5, np.nan, risk), "not scorable"),
        (np.full(100, np.nan), "no row"),
    ):
        made = Comparison(manifest, manifest)
        made.add(matrix(manifest, risk), matrix(manifest, other))
        found = problems(made.report(), Bounds())
        assert any(word in text and text.startswith("risk:") for text in found), (word, found)
    made = Comparison(manifest, manifest, time_ratio=9.0)
    made.add(matrix(manifest, risk), matrix(manifest, risk))
    assert problems(made.report(), Bounds()) == ["a row takes 9.0 times as long"]


def test_a_model_that_calls_less_severe_is_out_of_bounds_as_one_that_calls_more(manifest: Manifest) -> None:
    risk = np.linspace(0.0, 0.3, 100)
    for active, candidate in ((risk, risk / 2), (risk / 2, risk)):
        made = Comparison(manifest, manifest)
        made.add(matrix(manifest, active), matrix(manifest, candidate))
        found = [text for text in problems(made.report(), Bounds()) if text.startswith("risk:")]
        assert len(found) == 1
        assert "high or critical" in found[0]


def test_nothing_compared_is_not_within_bounds(manifest: Manifest) -> None:
    assert problems(Comparison(manifest, manifest).report(), Bounds())
