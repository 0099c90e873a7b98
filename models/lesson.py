"""What the risk network is to learn: the logit of sepsis, and a little of how like those who died a patient is.

Sepsis alone, learned in one hospital, would say of a patient who is dying of something else that all is well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import teacher
from models.layout import Layout, Matrix
from models.progress import Told, quiet, within
from models.rows import Rows

LABEL_WEIGHT = 6.0  # a step of a boosting round: what the trees smoothed away of a label comes back a little
DEATH_WEIGHT = 0.25  # logits a standard deviation of likeness to those who died
RARE_WEIGHT = 20.0  # a row of risk p counts 1 + this · p times: mistakes among the few at the top cost alarms


@dataclass(frozen=True)
class Lesson:
    """Rows, the logit to learn from each, and how much it counts."""

    rows: Matrix
    logit: NDArray[np.float64]
    weight: NDArray[np.float64]


def lesson(layout: Layout, sepsis: Rows, deaths: Rows, seed: int, told: Told = quiet) -> Lesson:
    """From both kinds of patients, one after the other. Without deaths, sepsis alone."""
    seen, state = layout.seen, layout.state
    own, beside = teacher.logits(
        teacher.SEPSIS,
        sepsis.features[:, seen],
        sepsis.labels,
        sepsis.patient,
        [deaths.features[:, seen]],
        seed,
        within(told, "sepsis"),
    )
    weight = 1 + RARE_WEIGHT * _sigmoid(np.concatenate([own, beside]))
    own += LABEL_WEIGHT * (sepsis.labels - _sigmoid(own))
    rows, logit = np.vstack([sepsis.features, deaths.features]), np.concatenate([own, beside])
    if len(deaths.labels):
        dying, like = teacher.logits(
            teacher.DEATH,
            deaths.features[:, state],
            deaths.labels,
            deaths.patient,
            [sepsis.features[:, state]],
            seed,
            within(told, "death"),
        )
        spread = max(float(like.std()), 1e-6)
        logit += DEATH_WEIGHT / spread * (np.concatenate([like, dying]) - like.mean())
    return Lesson(rows, logit, weight / weight.mean())


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = 1 / (1 + np.exp(-logit))
    return made
