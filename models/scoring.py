"""A model over any number of feature rows."""

import numpy as np

from models.layout import Matrix
from vigil.model import Model


def scores_of(model: Model, features: Matrix) -> Matrix:
    """Scores of feature rows, a row each, in batches."""
    parts = [
        model.score(np.ascontiguousarray(features[at : at + 1024]).tobytes(), len(features[at : at + 1024]))
        for at in range(0, len(features), 1024)
    ]
    return np.frombuffer(b"".join(parts), np.float32).reshape(len(features), -1)
