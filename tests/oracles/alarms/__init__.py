"""Alarm signals as docs/alarms.md states them, written without looking at the core.

As naive as possible: every alarm of a subject is looked at for everything, at every observation, control and tick. A
`Log` is given what stands in the log and returns the alerts. Times are seconds since some zero.
"""

from tests.oracles.alarms.log import Log
from tests.oracles.alarms.said import Alert, Control, Observation

__all__ = ["Alert", "Control", "Log", "Observation"]
