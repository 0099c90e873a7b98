"""AUROC, average precision and calibration against scikit-learn, with ties and weights."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from models.split import split, split_outcomes
from vigil.evaluation import Ranking, calibration, held_out, intervals
from vigil.evaluation.calibration import Sample
from vigil.evaluation.split import TRAINED_ON


@pytest.fixture(params=[0.001, 0.1, 1.0])
def sample(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores rounded to this step (many ties, or one), weights with zeros."""
    random = np.random.default_rng(1)
    labels = (random.random(2000) < 0.1).astype(np.int8)
    scores = np.round((random.random(2000) + 0.3 * labels) / request.param) * request.param
    return labels, scores, random.integers(0, 4, 2000).astype(np.float64)


def test_as_scikit_learn_says(sample: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, weights = sample
    ranking = Ranking(labels, scores)
    assert ranking.auroc() == pytest.approx(roc_auc_score(labels, scores))
    assert ranking.auprc() == pytest.approx(average_precision_score(labels, scores))
    assert ranking.both(weights) == pytest.approx(
        (
            roc_auc_score(labels, scores, sample_weight=weights),
            average_precision_score(labels, scores, sample_weight=weights),
        )
    )


def test_one_label_alone_has_no_figure() -> None:
    assert np.isnan(Ranking(np.zeros(3, int), np.arange(3.0)).both()).all()
    assert np.isnan(Ranking(np.zeros(0, int), np.zeros(0)).auroc())
    assert np.isnan(Ranking(np.ones(3, int), np.arange(3.0)).auroc())


def test_curves_run_from_corner_to_corner(sample: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    ranking = Ranking(*sample[:2])
    assert (ranking.roc()[0], ranking.roc()[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert ranking.precision_recall()[-1] == (1.0, pytest.approx(sample[0].mean(), abs=1e-4))


def test_a_true_probability_is_calibrated_and_a_squeezed_one_is_not() -> None:
    random = np.random.default_rng(2)
    logit = random.normal(-2, 1.5, 50_000)
    p = 1 / (1 + np.exp(-logit))
    labels = random.random(50_000) < p
    made = calibration(labels, p)
    assert made.brier == pytest.approx(brier_score_loss(labels, p))
    assert (made.slope, made.intercept) == (pytest.approx(1.0, abs=0.05), pytest.approx(0.0, abs=0.1))
    assert made.expected_error < 0.01
    assert [rows for _, _, rows in made.bins] == [5_000] * 10
    assert [mean for mean, _, _ in made.bins] == sorted(mean for mean, _, _ in made.bins)
    half = calibration(labels, 1 / (1 + np.exp(-logit / 2)))
    assert half.slope == pytest.approx(2.0, abs=0.1)


def test_the_line_is_found_where_far_more_is_labelled_than_the_probability_says() -> None:
    """A whole step of Newton's method leads away from the line here, and never back."""
    random = np.random.default_rng(4)
    logit = random.normal(-4.5, 1.0, 20_000)
    labels = random.random(20_000) < 1 / (1 + np.exp(-(0.6 * logit + 0.6)))
    made = calibration(labels, 1 / (1 + np.exp(-logit)))
    line = LogisticRegression(C=np.inf, tol=1e-8).fit(logit[:, None], labels)
    assert made.slope == pytest.approx(line.coef_[0, 0], abs=1e-3)
    assert made.intercept == pytest.approx(line.intercept_[0], abs=5e-3)


def test_weights_are_repetitions() -> None:
    random = np.random.default_rng(5)
    p = random.random(3000) ** 3
    labels = random.random(3000) < p**0.7
    often = random.integers(0, 4, 3000)
    # Parts that the unweighted rows decide: one, so that both samples have the same.
    weighed = Sample(labels, p, parts=1).figures(often.astype(np.float64))
    assert weighed == pytest.approx(Sample(np.repeat(labels, often), np.repeat(p, often), parts=1).figures(), rel=1e-5)


def test_no_line_is_the_best_for_labels_that_are_alike_or_told_apart_entirely() -> None:
    p = np.linspace(0.01, 0.99, 100)
    for labels in (np.zeros(100, bool), p > 0.5):
        made = calibration(labels, p)
        assert np.isnan([made.slope, made.intercept]).all()
    assert np.isnan(list(Sample(p > 0.5, p).figures(np.zeros(100)).values())).all()


def test_intervals_resample_patients_and_pair_their_figures() -> None:
    values = np.random.default_rng(3).normal(5, 1, 400)

    def figures(weights: np.ndarray | None) -> dict[str, float]:
        mean = float(np.average(values, weights=weights))
        return {"mean": mean, "same": mean - mean}

    found = intervals(figures, 400, seed=1)
    assert found["mean"].high - found["mean"].low == pytest.approx(2 * 1.96 / 20, rel=0.25)
    assert (found["same"].low, found["same"].high) == (0.0, 0.0)
    assert found == intervals(figures, 400, seed=1)


def test_the_split_is_the_one_of_training() -> None:
    names = [f"sepsis-p{n:06d}" for n in range(2000)]
    assert [held_out(name) for name in names] == split(names)[2].tolist()
    names = [f"mortality-{n}" for n in range(132_000, 134_000)]
    percent = TRAINED_ON["icu_mortality"].test_percent
    assert [held_out(name, percent) for name in names] == split_outcomes(names)[1].tolist()


def test_one_patient_alone_has_no_interval() -> None:
    alone = intervals(lambda weights: {"mean": 0.5}, 1, seed=1)["mean"]
    assert (alone.value, np.isnan(alone.low), np.isnan(alone.high)) == (0.5, True, True)
    assert intervals(lambda weights: {"mean": 0.5}, 2, seed=1)["mean"].low == 0.5
