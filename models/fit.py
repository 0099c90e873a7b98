"""From feature rows and labels to the parameters of the graph. Reproducible: seeds and one thread."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from models import augment, expectation, risk
from models.curve import Curve
from models.graph import Parameters
from models.layout import Layout, Scale
from models.lesson import lesson
from models.progress import Told, counted, quiet
from models.rows import Rows


def fit(layout: Layout, train: Rows, calibration: Rows, deaths: Rows, seed: int, told: Told = quiet) -> Parameters:
    """Fits scale, expectations and curves on `train`, the risk on it and on stays with their outcome, `deaths`.

    Calibrates the risk on `calibration`.
    """
    random = np.random.default_rng(seed)
    rows = augment.blank(layout, train.features, random)
    stays = augment.blank(layout, deaths.features, random)
    scale = Scale.fit(layout, *layout.quantities_of(train.features))
    seen, died = replace(train, features=rows), replace(deaths, features=stays)
    head = taught(layout, scale, seen, died, calibration, seed, told)
    inputs = scale.inputs(layout, rows)
    count = len(layout.signs)
    signs = [
        expectation.fit(layout, inputs, sign, seed) for sign in counted(range(count), told, "expected values", count)
    ]

    values = rows[:, layout.value]
    known = inputs[:, layout.quantities : layout.quantities + count] > 0
    centre, below, above = _spread(np.where(known, values, np.nan))
    unchanged = layout.still(layout.quantities_of(rows)[0]).astype(np.float64)
    still = np.array([_per_deviation(unchanged[known[:, sign], sign]) for sign in range(count)])
    log_farther = np.zeros(values.shape)
    curves = []
    for sign in counted(range(count), told, "what is usual", count):
        at = known[:, sign]
        moved = values[at, sign] - centre[sign]
        rarity = np.maximum(-moved * below[sign], moved * above[sign])
        # Of what makes a value unusual the worst counts; rows without the duration have not stood still.
        stood = np.nan_to_num(unchanged[at, sign] * still[sign])
        distance = np.maximum.reduce([rarity, signs[sign].residual(inputs[at], count + sign), stood])
        curves.append(Curve.fit(distance))
        log_farther[at, sign] = curves[-1].log_farther(distance)
    present = known.sum(axis=1)
    at_least_one = np.maximum(present, 1)
    # Minus the logarithm has mean 1 and deviation 1 for a known sign; an unknown one must add nothing.
    together = -(log_farther.sum(axis=1) + present) / np.sqrt(at_least_one)
    # One extreme sign must not drown among ordinary ones: the worst counts too, less the chance of having several.
    worst = -log_farther.min(axis=1) - np.log(at_least_one)
    joint = Curve.fit(np.maximum(together, worst)[present > 0])
    return _assemble(layout, scale, head, signs, centre, below, above, still, curves, joint)


def taught(
    layout: Layout, scale: Scale, learn: Rows, deaths: Rows, calibration: Rows, seed: int, told: Told = quiet
) -> risk.Risk:
    """The risk that learned from these rows, calibrated on others."""
    learnt = lesson(layout, learn, deaths, seed, told)
    head = risk.fit(scale.inputs(layout, learnt.rows), learnt.logit, learnt.weight, seed, told)
    return risk.calibrate(head, scale.inputs(layout, calibration.features), calibration.labels)


def _spread(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Median and 1 / spread on each side, from the outermost percentiles: equal distances, equally rare."""
    centre, below, above = np.zeros(values.shape[1]), np.ones(values.shape[1]), np.ones(values.shape[1])
    for sign in range(values.shape[1]):
        some = values[:, sign][np.isfinite(values[:, sign])]
        if len(some) == 0:
            continue
        centre[sign] = np.median(some)
        for out, moved in ((below, centre[sign] - some), (above, some - centre[sign])):
            out[sign] = _per_deviation(moved)
    return centre, below, above


def _per_deviation(distances: NDArray[np.float64]) -> float:
    """What makes the outermost percentile of `distances` as far out as a normal distribution's."""
    if len(distances) == 0:
        return 1.0
    edge = float(np.quantile(distances, 1.0 - expectation.TAIL))
    share = float(np.mean(distances > edge) + np.mean(distances == edge) / 2)
    return NormalDist().inv_cdf(1.0 - min(max(share, 1e-6), 0.45)) / max(edge, 1e-3)


def _assemble(
    layout: Layout,
    scale: Scale,
    head: risk.Risk,
    signs: list[expectation.Expectation],
    centre: NDArray[np.float64],
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    still: NDArray[np.float64],
    curves: list[Curve],
    joint: Curve,
) -> Parameters:
    """Puts the heads side by side: one hidden layer, block-wise output weights."""
    count, risk_units = len(signs), len(head.output)
    units = risk_units + sum(len(sign.output) for sign in signs)
    output = np.zeros((1 + 2 * count, units))
    output[0, :risk_units] = head.output
    at = risk_units
    for index, sign in enumerate(signs):
        width = len(sign.output)
        output[1 + index, at : at + width] = sign.output
        output[1 + count + index, at : at + width] = sign.log_output
        at += width
    return Parameters(
        layout=layout,
        scale=scale,
        hidden_weight=np.vstack([head.hidden_weight, *(sign.hidden_weight for sign in signs)]),
        hidden_bias=np.concatenate([head.hidden_bias, *(sign.hidden_bias for sign in signs)]),
        direct_weight=np.vstack([sign.direct for sign in signs]),
        output_weight=output,
        output_bias=np.array([head.bias, *(sign.bias for sign in signs), *(sign.log_bias for sign in signs)]),
        centre=centre,
        below=below,
        above=above,
        still=still,
        sign_curves=curves,
        joint_curve=joint,
    )
