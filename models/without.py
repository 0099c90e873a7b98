"""What the risk would be without some columns: trained the same way on sepsis alone, measured on the test patients.

Blanking columns of the finished model (`models.blanked`) says how much it leans on them; this says how much they know
that the rest does not.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models import augment, blanked
from models.fit import taught
from models.layout import Layout, Scale
from models.progress import Told, quiet, within
from models.resampled import Figure, Weights, by_patient
from models.rows import Rows
from vigil.evaluation.evaluate import MEASURES
from vigil.evaluation.ranking import Ranking
from vigil.evaluation.same_hour import SameHour


def hidden(layout: Layout) -> dict[str, list[int]]:
    """By name the columns to do without: those of time, of the signs of support, both."""
    times = [at for at, name in enumerate(layout.features) if name.endswith("_s")]
    support = blanked.support(layout)
    return {"times": times, "support": support, "both": sorted({*times, *support})}


def measure(
    layout: Layout, learn: Rows, calibration: Rows, test: Rows, seed: int, rounds: int, told: Told = quiet
) -> dict[str, dict[str, Figure]]:
    """The `MEASURES` of a ranking, with intervals, of a risk for each of `hidden`."""
    made = {}
    hour = (test.features[:, layout.features.index("seen_s")] // 3600).astype(np.int64)
    for name, columns in hidden(layout).items():
        seen = [blanked.blank(rows, columns) for rows in (learn, calibration, test)]
        told_of = within(told, name)
        made[name] = _figures(test, hour, _logit(layout, *seen, seed, told_of), seed, rounds, told_of)
    return made


def _logit(layout: Layout, learn: Rows, calibration: Rows, test: Rows, seed: int, told: Told) -> NDArray[np.float64]:
    """The risk of the test rows, by a network that was taught as the shipped one is."""
    seen = replace(learn, features=augment.blank(layout, learn.features, np.random.default_rng(seed)))
    scale = Scale.fit(layout, *layout.quantities_of(learn.features))
    head = taught(layout, scale, seen, Rows.none(len(layout.features)), calibration, seed, told)
    return head.logit(scale.inputs(layout, test.features))


def _figures(
    rows: Rows, hour: NDArray[np.int64], logit: NDArray[np.float64], seed: int, rounds: int, told: Told
) -> dict[str, Figure]:
    ranking, within_hour = Ranking(rows.labels, logit), SameHour(rows.labels, logit, hour)

    def figures(weights: Weights) -> dict[str, float]:
        return dict(zip(MEASURES, (*ranking.both(weights), within_hour.auroc(weights)), strict=True))

    return by_patient(rows.patient, figures, seed, rounds, told)
