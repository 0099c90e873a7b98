"""How good a score is at seeing labelled events: ranking, calibration, alarms, lead time, with intervals by patient.

NumPy alone. `vigil evaluate` is the command; training uses the same functions on the same kind of rows.
"""

from vigil.evaluation.bootstrap import Resampled, intervals, resamples
from vigil.evaluation.calibration import Calibration, calibration
from vigil.evaluation.ranking import Ranking
from vigil.evaluation.split import TEST_PERCENT, held_out

__all__ = [
    "TEST_PERCENT",
    "Calibration",
    "Ranking",
    "Resampled",
    "calibration",
    "held_out",
    "intervals",
    "resamples",
]
