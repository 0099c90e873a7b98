"""What the risk network is to learn: the logit of sepsis, and a little of how like those who died a patient is.

Sepsis alone, learned in one hospital, would say of a patient who is dying of something else that all is well.
"""

import numpy as np
from numpy.typing import NDArray

from models import teacher
from models.layout import Layout, Matrix
from models.rows import Rows

LABEL_WEIGHT = 6.0  # a step of a boosting round: what the trees smoothed away of a label comes back a little
DEATH_WEIGHT = 0.3  # logits a standard deviation of likeness to those who died


def lesson(layout: Layout, sepsis: Rows, deaths: Rows, seed: int) -> tuple[Matrix, NDArray[np.float64]]:
    """Rows of both kinds of patients, one after the other, with the logit to learn. Without deaths, sepsis alone."""
    seen, state = layout.seen, layout.state
    taught, beside = teacher.logits(
        teacher.SEPSIS,
        sepsis.features[:, seen],
        sepsis.labels,
        sepsis.patient,
        [deaths.features[:, seen]],
        seed,
    )
    taught += LABEL_WEIGHT * (sepsis.labels - 1 / (1 + np.exp(-taught)))
    if not len(deaths.labels):
        return sepsis.features, taught
    own, likeness = teacher.logits(
        teacher.DEATH,
        deaths.features[:, state],
        deaths.labels,
        deaths.patient,
        [sepsis.features[:, state]],
        seed,
    )
    centre, weight = likeness.mean(), DEATH_WEIGHT / max(float(likeness.std()), 1e-6)
    target = np.concatenate([taught + weight * (likeness - centre), beside + weight * (own - centre)])
    return np.vstack([sepsis.features, deaths.features]), target
