"""Training is reproducible, and the graph computes what the fitted parameters say."""

import numpy as np
import pytest

from models import train
from models.curve import FLOOR, Curve
from models.fit import fit
from models.rows import Rows
from models.scoring import scores_of
from models.split import split
from tests.unit.model import synthetic
from vigil.model import Model


def test_two_runs_give_the_same_bytes() -> None:
    data = synthetic.dataset()
    assert train.train(data) == train.train(data)


def test_another_seed_gives_another_model() -> None:
    data = synthetic.dataset()
    assert train.train(data, seed=1)[1] != train.train(data, seed=2)[1]


def test_the_split_is_by_patient_and_never_moves() -> None:
    names = [f"patient-{index}" for index in range(1000)]
    parts = split(names)
    assert (np.sum(parts, axis=0) == 1).all()
    assert 150 < parts[2].sum() < 250
    again = split(list(reversed(names)))
    np.testing.assert_array_equal(again[2][::-1], parts[2])


def test_the_graph_computes_the_parameters() -> None:
    """An independent computation in numpy of every score, from the fitted parameters."""
    data, columns = synthetic.dataset(), train.layout()
    learn, calibrate, _ = split(data.names)
    manifest, packed = train.train(data)
    p = fit(columns, data.rows.of(learn), data.rows.of(calibrate), Rows.none(len(columns.features)), train.SEED)
    rows = synthetic.features(500, seed=3)
    made = scores_of(Model(manifest, packed), rows)

    inputs = p.scale.inputs(columns, rows).astype(np.float64)
    hidden = np.tanh(inputs @ p.hidden_weight.T + p.hidden_bias)
    output = hidden @ p.output_weight.T + p.output_bias
    count = len(columns.signs)
    values = rows[:, columns.value].astype(np.float64)
    known = np.isfinite(values)
    direct = inputs[:, : columns.timed] @ p.direct_weight.T
    residual = np.abs(inputs[:, count : 2 * count] - output[:, 1 : 1 + count] - direct)
    residual *= np.exp(-output[:, 1 + count :])
    moved = values - p.centre
    still = columns.still(columns.quantities_of(rows)[0]) * p.still
    distance = np.maximum.reduce([-moved * p.below, moved * p.above, residual, still])
    unusual = np.stack([curve(distance[:, i]) for i, curve in enumerate(p.sign_curves)], axis=1)
    surprise = np.where(known, -np.log(1 + FLOOR - np.where(known, unusual, 0)), 0)
    number = known.sum(axis=1)
    some = np.maximum(number, 1)
    together, worst = (surprise.sum(axis=1) - number) / np.sqrt(some), surprise.max(axis=1) - np.log(some)
    joint = p.joint_curve(np.maximum(together, worst))
    expected = np.column_stack([1 / (1 + np.exp(-output[:, 0])), joint, unusual])
    expected[:, 2:][~known] = np.nan
    expected[number == 0] = np.nan
    np.testing.assert_allclose(made, expected, atol=2e-5)


def test_a_sign_is_not_predicted_from_itself() -> None:
    columns = train.layout()
    p = fit(columns, *(synthetic.dataset().rows,) * 3, seed=1)
    for sign in range(len(columns.signs)):
        hidden = columns.hidden_from(sign)
        assert not p.direct_weight[sign, [at for at in hidden if at < columns.timed]].any()
        units = p.output_weight[1 + sign] != 0
        assert not p.hidden_weight[np.ix_(units, hidden)].any()


def test_a_curve_is_the_share_of_training_values_below() -> None:
    distances = np.random.default_rng(1).exponential(size=20_000)
    curve = Curve.fit(distances)
    for at in (0.1, 1.0, 3.0):
        assert abs(curve(np.array([at]))[0] - (distances < at).mean()) < 0.05
    assert curve(np.array([-1.0, 1e9])).tolist() == [0.0, 1.0]


def test_values_that_many_share_stand_at_the_middle_of_their_ranks() -> None:
    curve = Curve.fit(np.r_[np.zeros(500), np.ones(500)])
    assert (np.diff(curve.knots) > 0).all()
    assert 0.7 <= curve(np.array([1.0]))[0] <= 1.0


def test_a_value_that_stands_still_for_longer_is_more_unusual() -> None:
    data, columns = synthetic.dataset(), train.layout()
    model = Model(*train.train(data))
    rows = np.repeat(synthetic.features(1, seed=5), 5, axis=0)
    rows[:, columns.value[0]] = 80.0
    rows[:, columns.columns("_unchanged_s")[0]] = [0, 2 * 3600, 4 * 3600, 8 * 3600, 48 * 3600]
    made = scores_of(model, rows)[:, 2]
    assert (np.diff(made) >= 0).all()
    assert made[-1] > 0.95 > made[0] + 0.1


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e30, -40.0, 400.0])
def test_an_implausible_value_is_as_good_as_none(value: float) -> None:
    columns, model = train.layout(), Model(*train.train(synthetic.dataset()))
    rows = synthetic.features(64, seed=7)
    for sign in range(len(columns.signs)):
        odd, none = rows.copy(), rows.copy()
        odd[:, columns.value[sign]], none[:, columns.value[sign]] = value, np.nan
        np.testing.assert_array_equal(scores_of(model, odd), train.scores_of(model, none))


def test_times_that_nobody_can_mean_do_not_spoil_a_row() -> None:
    columns, model = train.layout(), Model(*train.train(synthetic.dataset()))
    rows = synthetic.features(64, seed=8)
    rows[:, columns.durations] = [np.inf, -1.0, 1e30] * 3 + [np.nan, np.inf]
    made = scores_of(model, rows)
    known = np.isfinite(rows[:, columns.value])
    np.testing.assert_array_equal(np.isfinite(made[:, 2:]), known)
    np.testing.assert_array_equal(np.isfinite(made[:, 0]), known.any(axis=1))
